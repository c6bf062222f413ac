#include "tests/fleet/simulated_node.h"

#include <fmt/format.h>

#include <csignal>

#include "common/paths.h"

namespace reeve::testing {
namespace {

constexpr std::size_t segment_bytes = 16'384;                    // so that segments are rolled
constexpr std::uint64_t acknowledged_bytes = 4 * segment_bytes;  // and go again

// As an operator enrolls a node: its first record key stays on its disk alone.
Identity make_identity(const TestFleet& fleet, std::size_t number, const SigningKey& key,
                       Disk& disk) {
  REEVE_ASSERT(disk.make_directory(paths::identity_directory).ok());
  REEVE_ASSERT(disk.sync_directory("").ok());
  REEVE_ASSERT(replace_file(disk, paths::record_key,
                            encode_key_file(KeyKind::ed25519, key.public_key(), key.seed()))
                   .ok());
  Identity out{
      generate_transport_keys(),
      {},
      fleet.root,
      fleet.root_object,
      ControllerContact{"tcp://127.0.0.1:1", "tcp://127.0.0.1:2", fleet.transport.public_key}};
  out.certificate.fleet = fleet.root.fleet;
  out.certificate.node = key.hash();
  out.certificate.name = fmt::format("node-{}", number);
  out.certificate.record_key = key.public_key();
  out.certificate.transport_key = out.transport.public_key;
  out.certificate.version = 1;
  out.certificate.issued_s = FakeClock::start_wall_ns / second_ns;
  return out;
}

bool is_durable(std::string_view path) { return path.ends_with("durable"); }

}  // namespace

// The courier process and its link: the agent's configuration ends in it.
class SimulatedNode::Courier final : public CourierPort {
 public:
  explicit Courier(SimulatedNode& node) : node_(node) {}

  bool send(ByteView message) override {
    if (link_ == nullptr || node_.disk_->power_is_cut()) return false;
    const auto decoded = decode_message(message);
    REEVE_ASSERT(decoded.ok());
    if (decoded->type == MessageType::configure) return true;
    if (decoded->type == MessageType::batch) {
      auto batch = read_own_batch(decoded->payload);
      REEVE_ASSERT(batch.ok());
      node_.witness_.saw_batch_leave(*batch);
      node_.last_left_ = std::move(*batch);
    }
    if (decoded->type == MessageType::cosignature) {
      const auto cosignature = decode_cosignature(decoded->payload);
      REEVE_ASSERT(cosignature.ok());
      node_.witness_.saw_cosignature(node_.id(), *cosignature);
    }
    return link_->send(message);
  }

  std::optional<Bytes> receive() override {
    if (node_.disk_->power_is_cut()) return std::nullopt;
    if (told_) return std::exchange(told_, std::nullopt);
    return link_ == nullptr ? std::nullopt : link_->receive();
  }

  void connect() {
    link_.reset();
    link_ = node_.network_.connect(node_.transport_key());
    tell(true);
  }
  void disconnect() { link_.reset(); }
  void tell(bool is_up) {
    told_ = encode_message(MessageType::link_state, Bytes{std::uint8_t{is_up}, 1});
  }
  ClientLink* link() { return link_.get(); }

 private:
  SimulatedNode& node_;
  std::unique_ptr<ClientLink> link_;
  std::optional<Bytes> told_;
};

class SimulatedNode::Hands final : public reeve::Hands {
 public:
  explicit Hands(SimulatedNode& node) : node_(node) {}

  RulesetHands& ruleset_hands() override { return node_.host_.ruleset_hands(); }
  SocketHands& socket_hands() override { return node_.host_.socket_hands(); }
  Status set_owner(const FileReference& object, std::optional<std::uint32_t> uid,
                   std::optional<std::uint32_t> gid) override {
    return act(object, [&] { return node_.host_.set_owner(object, uid, gid); });
  }
  Status set_mode(const FileReference& object, std::uint32_t mode) override {
    return act(object, [&] { return node_.host_.set_mode(object, mode); });
  }
  Status set_acl(const FileReference& object, AclUse use, const Acl& acl) override {
    return act(object, [&] { return node_.host_.set_acl(object, use, acl); });
  }
  Status put_file(const FileReference& object, const NewFile& file) override {
    return act(object, [&] { return node_.host_.put_file(object, file); });
  }
  Status remove(const FileReference& object) override {
    return act(object, [&] { return node_.host_.remove(object); });
  }
  Result<FileReference> make_directory(const std::string& path) override {
    return node_.host_.make_directory(path);
  }
  void rest() override { node_.host_.rest(); }

 private:
  template <class Act>
  Status act(const FileReference& object, const Act& act) {
    if (node_.disk_->power_is_cut()) return Error{"fix_failed", "nobody is there any more"};
    auto done = act();
    if (done.ok())
      node_.witness_.saw_fix({node_.id(), node_.epoch_, object.path, node_.clock_.monotonic_ns(),
                              node_.clock_.wall_ns(), is_durable(object.path)});
    return done;
  }

  SimulatedNode& node_;
};

std::vector<std::string> simulated_files() {
  return {"/etc/urgent", "/etc/routine", "/etc/urgent-durable", "/etc/routine-durable"};
}

std::vector<Rule> simulated_rules(std::string_view mode) {
  std::vector<Rule> out;
  for (const std::string& path : simulated_files()) {
    const auto severity = path.starts_with("/etc/urgent") ? Severity::high : Severity::low;
    Rule rule =
        file_rule(fmt::format("rule-{}", path.substr(5)), path, std::string(mode), severity);
    rule.durable_intent = is_durable(path);
    rule.breaker.fixes_first_minute = 1'000'000;
    rule.breaker.fixes_per_hour = 1'000'000;
    rule.breaker.agent_fixes_per_minute = 1'000'000;
    out.push_back(std::move(rule));
  }
  return out;
}

SimulatedNode::SimulatedNode(const TestFleet& fleet, std::size_t number, LossyNetwork& network,
                             Witness& witness, const std::vector<std::string>& files)
    : witness_(witness),
      network_(network),
      identity_(make_identity(fleet, number, SigningKey::generate(), *disk_)),
      certificate_(seal_object(ObjectType::node_certificate,
                               encode_certificate(identity_.certificate), fleet.admin.key)),
      courier_(std::make_unique<Courier>(*this)),
      hands_(std::make_unique<Hands>(*this)) {
  host_.add_directory("/etc");
  for (const std::string& path : files) host_.add_file(path, 0644);
}

SimulatedNode::~SimulatedNode() = default;

SeenLife& SimulatedNode::life() { return witness_.life(id(), epoch_); }

bool SimulatedNode::start() {
  faults_before_ = disk_->faults_fired();
  auto started = Agent::start({clock_,
                               *disk_,
                               host_,
                               hands_.get(),
                               {&sensor_},
                               *courier_,
                               identity_,
                               notes_,
                               wait_status_,
                               segment_bytes,
                               limits::journal_bytes_max,
                               0,
                               false,
                               acknowledged_bytes});
  settle_the_dead();
  if (!started.ok()) return false;
  agent_ = std::move(*started);
  epoch_ = agent_->recorder().epoch();
  courier_->connect();
  agent_->courier_started();
  step();
  return true;
}

// What a dead life had written is the kernel's until the next start has synced it: a disk that
// refuses that, or goes in the middle of it, may still lose it.
void SimulatedNode::settle_the_dead() {
  const bool is_refused = disk_->faults_fired() != faults_before_ || disk_->power_is_cut();
  if (is_refused)
    for (const Epoch& epoch : dead_) witness_.life(id(), epoch).had_faults = true;
  else
    dead_.clear();
}

void SimulatedNode::step() {
  if (agent_ == nullptr) return;
  agent_->sensor_ready(0);
  agent_->step();
  if (disk_->faults_fired() != faults_before_) life().had_faults = true;
  if (disk_->power_is_cut()) return;
  witness_.saw_policy(id(), agent_->policy_store().version());
  const LedgerWatch& ledger = agent_->ledger();
  witness_.saw_ledger(
      id(), {ledger.accepted().size, ledger.accepted().root, std::string(ledger.trouble())});
}

void SimulatedNode::end_life(SeenLife::End end) {
  if (agent_ == nullptr) return;
  if (disk_->faults_fired() != faults_before_) life().had_faults = true;
  life().end = end;
  agent_.reset();
  courier_->disconnect();
}

void SimulatedNode::stop() {
  if (agent_ == nullptr) return;
  agent_->stop();
  end_life(SeenLife::End::stopped);
  wait_status_ = 0;
}

void SimulatedNode::die() {
  if (agent_ != nullptr) dead_.push_back(epoch_);
  end_life(SeenLife::End::killed);
  wait_status_ = SIGKILL;  // the launcher lives on
  disk_->restore_power();
}

void SimulatedNode::lose_power(std::uint64_t seed) {
  for (const Epoch& epoch : dead_) witness_.life(id(), epoch).had_faults = true;
  end_life(SeenLife::End::power_cut);
  wait_status_ = 0;
  disk_ = disk_->crash(seed);
  faults_before_ = 0;
  check_journal();
}

// What left this host had been durable: after a power cut all of it is still in the journal, but
// for what the ledger has and the journal has let go of.
void SimulatedNode::check_journal() {
  std::set<Digest> there;
  bool is_trimmed = false;
  for (const Stream stream : {Stream::urgent, Stream::routine}) {
    const auto recovered = recover_journal(*disk_, stream);
    if (!recovered.ok()) return witness_.find("a journal cannot be listed after a power cut");
    Journal journal(*disk_, {stream, id(), segment_bytes}, recovered->segments, recovered->newest);
    JournalPosition at = journal.begin();
    // Removals that were not synced happen or do not, each by itself.
    const auto& numbers = recovered->segments;
    is_trimmed = is_trimmed || (!numbers.empty() && numbers.back() != numbers.size());
    while (true) {
      auto stored = journal.read_batch(at);
      if (!stored.ok() || !stored->has_value()) break;
      at = (*stored)->next;
      if (const auto batch = read_own_batch((*stored)->bytes); batch.ok())
        there.insert(batch->header_digest());
    }
  }
  for (const Digest& header : witness_.left(id())) {
    const bool may_have_gone = is_trimmed && witness_.is_acknowledged(header);
    if (!there.contains(header) && !may_have_gone)
      witness_.find(fmt::format("a batch had left node {} before it was durable there",
                                identity_.certificate.name));
  }
}

void SimulatedNode::jump_clock(std::int64_t ns) {
  clock_.jump_wall(ns);
  life().clock_jumped = true;  // of the last one, where none goes on: its bounds are told later
}

void SimulatedNode::set_link(bool is_up) {
  if (is_up) {
    network_.mend(transport_key());
  } else {
    network_.cut(transport_key());
  }
  courier_->tell(is_up);
}

void SimulatedNode::deviate(const std::string& path, std::uint32_t mode, Notice notice) {
  host_.add_file(path, mode);
  if (notice == Notice::missed) return;
  for (const auto& [rule, watch] : sensor_.watched) {
    if (watch.path != path) continue;
    Cause cause;
    cause.via = "fake";
    sensor_.next.wakes.push_back({rule, path, cause});
  }
}

// Other words under an identity that is taken, as a clone of this node would send them.
void SimulatedNode::send_forgery() {
  if (!last_left_ || courier_->link() == nullptr) return;
  if (!witness_.is_acknowledged(last_left_->header_digest())) return;
  const auto keys = RecordKeys::load(*disk_, identity_.certificate);
  if (!keys.ok() || (*keys)->epoch() != last_left_->header.epoch) return;
  std::vector<SaltedRecord> records = last_left_->records;
  for (SaltedRecord& record : records) record.salt = random_bytes<16>();
  BatchHeader header = last_left_->header;
  const Batch forged = seal_batch(header, std::move(records), (*keys)->key());
  witness_.saw_forgery(forged.header_digest(), id());
  courier_->link()->send(encode_message(MessageType::batch, encode_batch(forged)));
}

bool SimulatedNode::is_drained() const {
  if (agent_ == nullptr) return false;
  for (const Stream stream : {Stream::urgent, Stream::routine}) {
    const std::uint64_t durable = agent_->recorder().durable_records(stream);
    if (durable == 0 || witness_.next_sequence({id(), epoch_, stream}) != durable) return false;
  }
  return !agent_->recorder().commit_due().has_value();
}

}  // namespace reeve::testing
