#include "tests/fleet/simulated_controller.h"

#include <fmt/format.h>

#include "common/limits.h"
#include "common/paths.h"
#include "common/witness.h"
#include "controller/audit/ledger_audit.h"
#include "controller/cli/cli_limits.h"

namespace reeve::testing {

// Shows the witness what is said to nodes, and says nothing once the power is gone.
class SimulatedController::Mouth final : public ServerLink {
 public:
  explicit Mouth(SimulatedController& controller) : controller_(controller) {}

  bool send(const TransportKey& peer, ByteView message) override {
    if (controller_.disk_->power_is_cut()) return false;
    const auto decoded = decode_message(message);
    REEVE_ASSERT(decoded.ok());
    if (decoded->type == MessageType::acknowledgement) {
      const auto acknowledgement = decode_acknowledgement(decoded->payload);
      REEVE_ASSERT(acknowledgement.ok());
      controller_.witness_.saw_acknowledgement(*acknowledgement);
    }
    return controller_.network_.send(peer, message);
  }
  std::optional<Incoming> receive() override {
    if (controller_.disk_->power_is_cut()) return std::nullopt;
    return controller_.network_.receive();
  }
  void close(const TransportKey& /*peer*/) override {}  // nobody is revoked here

 private:
  SimulatedController& controller_;
};

SimulatedController::SimulatedController(const TestFleet& fleet, FakeClock& clock,
                                         LossyNetwork& network, Witness& witness)
    : fleet_(fleet),
      clock_(clock),
      network_(network),
      witness_(witness),
      operator_(operators_.connect(fleet.admin.transport.public_key)),
      mouth_(std::make_unique<Mouth>(*this)) {}

SimulatedController::~SimulatedController() { close(); }

bool SimulatedController::start() {
  vfs_ = std::make_unique<SqliteVfs>(*disk_);
  auto opened = SqliteStore::open("ledger.db", *vfs_);
  if (!opened.ok()) return false;
  store_ = std::move(*opened);
  files_ = std::make_unique<LogFiles>(*disk_, clock_);
  auto controller =
      Controller::open({*store_, clock_, fleet_.ledger_key, fleet_.transport.public_key,
                        fleet_.root_object, files_.get()});
  if (!controller.ok()) {
    if (controller.error().name == "store_damaged") witness_.find(controller.error().detail);
    close();
    return false;
  }
  controller_ = std::move(*controller);
  if (!disk_->power_is_cut()) witness_.look(*store_, Witness::Look::all_leaves);
  look_at_files();
  return true;
}

void SimulatedController::step() {
  if (controller_ == nullptr) return;
  controller_->step(*mouth_, operators_);
  if (!disk_->power_is_cut()) witness_.look(*store_, Witness::Look::new_leaves);
  look_at_files();
}

// As any reader of a static file server might at this moment.
void SimulatedController::look_at_files() {
  if (disk_->power_is_cut()) return;
  for (const std::string_view name : {paths::log_checkpoint, paths::log_cosigned}) {
    const auto note = disk_->read(name, limits::checkpoint_bytes_max);
    if (note.ok() && *note) witness_.saw_published(text_of(**note));
  }
}

void SimulatedController::close() {
  controller_.reset();
  files_.reset();
  store_.reset();
  vfs_.reset();
}

void SimulatedController::die() {
  // What a dying process does not do: SQLite's tidying at the close of a connection.
  disk_->cut_power_after(0);
  close();
  disk_->restore_power();
  network_.forget_server();
}

void SimulatedController::lose_power(std::uint64_t seed) {
  disk_->cut_power_after(0);
  close();
  disk_ = disk_->crash(seed);
  network_.forget_server();
}

bool SimulatedController::has_done(std::string operation, Value::Map arguments) {
  const auto reply = ask(std::move(operation), std::move(arguments));
  return reply && !reply->error;
}

std::optional<OperatorReply> SimulatedController::ask(std::string operation, Value::Map arguments) {
  if (controller_ == nullptr || disk_->power_is_cut()) return std::nullopt;
  OperatorRequest request;
  request.id = ++requests_;
  request.operation = std::move(operation);
  request.made_wall_ns = clock_.wall_ns();
  request.controller = key_hash(fleet_.transport.public_key);
  request.arguments = std::move(arguments);
  if (!operator_->send(seal_object(ObjectType::operator_request, encode_operator_request(request),
                                   fleet_.admin.key)))
    return std::nullopt;
  step();
  std::optional<OperatorReply> answer;
  while (const auto message = operator_->receive()) {
    auto reply = decode_operator_reply(*message);
    if (reply.ok() && reply->id == request.id) answer = std::move(*reply);
  }
  return answer;
}

std::string SimulatedController::audited() const {
  const auto audit = audit_ledger(
      *store_,
      [](const std::string&) -> Result<std::optional<Bytes>> { return std::optional<Bytes>{}; },
      {{fleet_.root}, {}}, [](std::uint64_t) {});
  if (!audit.ok()) return audit.error().name + ": " + audit.error().detail;
  if (!audit->fault) return {};
  return fmt::format("leaf {}: {}: {}", audit->fault->leaf, audit->fault->error.name,
                     audit->fault->error.detail);
}

bool SimulatedController::enroll(const Bytes& certificate) {
  return has_done("enroll", {{"certificate", certificate}});
}

bool SimulatedController::set_witnesses(const std::vector<NodeId>& nodes) {
  WitnessSet set;
  set.fleet = fleet_.root.fleet;
  set.issued_s = clock_.wall_ns() / second_ns;
  set.nodes = choose_witnesses(nodes, set.fleet, witnesses_by_default);
  set.need = majority_of(set.nodes.size());
  return has_done("set_witnesses",
                  {{"witnesses", seal_object(ObjectType::witness_set, encode_witness_set(set),
                                             fleet_.admin.key)}});
}

bool SimulatedController::publish(std::uint64_t version, const std::vector<Rule>& rules) {
  const Bytes bundle = encode_bundle({"base", rules});
  Manifest manifest;
  manifest.fleet = fleet_.root.fleet;
  manifest.version = version;
  manifest.created_s = clock_.wall_ns() / second_ns;
  manifest.expires_s = manifest.created_s + limits::manifest_lifetime_s;
  manifest.bundles = {{"base", sha256(bundle), bundle.size(), rules.size(), {}, {}}};
  return has_done("upload", {{"digest", sha256(bundle)},
                             {"offset", std::uint64_t{0}},
                             {"total", std::uint64_t{bundle.size()}},
                             {"bytes", ByteView(bundle)}}) &&
         has_done("publish",
                  {{"manifest", seal_object(ObjectType::manifest, encode_manifest(manifest),
                                            fleet_.policy_key)}});
}

std::optional<std::uint64_t> SimulatedController::published() {
  const auto reply = ask("manifest", {});
  if (!reply || reply->error) return std::nullopt;
  if (reply->items.empty()) return 0;
  Fields fields(reply->items.front(), "manifest");
  const Bytes object = fields.binary("manifest");
  const auto opened = parse_signed_object(object, ObjectType::manifest);
  const auto manifest = opened.ok() ? decode_manifest(opened->payload) : opened.error();
  return manifest.ok() ? std::optional(manifest->version) : std::nullopt;
}

}  // namespace reeve::testing
