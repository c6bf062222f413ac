#include "controller/intake.h"

#include <algorithm>
#include <limits>

#include "common/limits.h"
#include "controller/controller_limits.h"

namespace reeve {
namespace {

// Sequences beyond this do not fit the store; at a million records a second they last 290,000
// years.
constexpr std::uint64_t sequence_max = std::numeric_limits<std::int64_t>::max();

std::uint64_t end_of(const BatchHeader& header) { return header.first + header.count; }

ChainKey key_of(const BatchHeader& header) { return {header.node, header.epoch, header.stream}; }

Acknowledgement acknowledge(const Batch& batch, std::uint64_t leaf) {
  Acknowledgement answer;
  answer.node = batch.header.node;
  answer.epoch = batch.header.epoch;
  answer.stream = batch.header.stream;
  answer.last = end_of(batch.header) - 1;
  answer.header = batch.header_digest();
  answer.leaf_index = leaf;
  return answer;
}

// The rules that a batch speaks of, for the store's index. A body that cannot be read is kept like
// any other: it is what the node signed.
std::vector<std::string> rules_of(const Batch& batch) {
  std::set<std::string> rules;
  for (const auto& salted : batch.records) {
    const auto record = decode_record(salted.bytes);
    if (!record.ok()) continue;
    const auto* rule = record->body.find("rule");
    if (rule == nullptr || rule->text() == nullptr || !is_valid_id(*rule->text())) continue;
    rules.insert(*rule->text());
  }
  return {rules.begin(), rules.end()};
}

// What record 0 says of the time before it.
struct EpochStart {
  Epoch previous;                     // zero for none
  std::optional<std::uint64_t> last;  // the sequence of its last record in this stream
  Digest header;                      // of the batch that held that
};

// Absent when it is no `epoch_start`.
std::optional<EpochStart> read_epoch_start(const Batch& batch) {
  const auto record = decode_record(batch.records.front().bytes);
  if (!record.ok() || record->type != "epoch_start") return std::nullopt;
  const auto* previous = record->body.find("previous");
  if (previous == nullptr || previous->is_nil()) return EpochStart{};
  const auto epoch = previous->binary() != nullptr ? fixed<16>(*previous->binary()) : std::nullopt;
  if (!epoch) return std::nullopt;
  EpochStart start{*epoch, std::nullopt, {}};
  const auto* last = record->body.find("last");
  if (last != nullptr && last->natural()) start.last = *last->natural();
  const auto* header = record->body.find("header");
  if (header != nullptr && header->binary() != nullptr)
    start.header = fixed<32>(*header->binary()).value_or(Digest{});
  return start;
}

bool is_ahead(const Chain& kept, const EpochStart& start) {
  const std::uint64_t known = *start.last + 1;
  return kept.next > known || (kept.next == known && kept.last != start.header);
}

Result<KeyHash> batch_signer(ByteView batch) {
  const auto size = signed_object_size(batch);
  if (!size.ok()) return size.error();
  return signer_of(batch.first(*size), ObjectType::batch_header);
}

// What a key may not do, as against a store that does not answer.
bool is_judgement(const Error& error) {
  return error.name == "wrong_epoch" || error.name == "key_retired";
}

bool is_newer(const Heartbeat& heartbeat, const Node& node) {
  if (!node.heartbeat) return true;
  if (heartbeat.epoch == node.heartbeat->epoch) return heartbeat.count > node.heartbeat->count;
  return heartbeat.epoch != node.ended_epoch;
}

}  // namespace

// A batch whose signature, shape and root hold, and its bodies as they came.
struct Intake::Arrival {
  Batch batch;
  Digest digest;
  ByteView bodies;
  const BatchHeader& header() const { return batch.header; }
};

Result<Verdict> Intake::take_batch(const NodeId& node, ByteView payload) {
  const auto* sender = registry_.find(node);
  REEVE_ASSERT(sender != nullptr);
  const auto signer = batch_signer(payload);
  if (!signer.ok()) return Verdict{signer.error().name};
  const auto key = keys_.find(*sender, *signer);
  if (!key.ok()) return key.error();
  if (!*key) return Verdict{"key_unknown"};
  auto batch = open_batch(payload, (*key)->key);
  if (!batch.ok()) return Verdict{batch.error().name};
  if (batch->header.node != node) return Verdict{"wrong_node"};
  if (end_of(batch->header) > sequence_max) return Verdict{"limit_exceeded"};
  if (auto may = check_key(*sender, **key, batch->header); !may.ok()) {
    return is_judgement(may.error()) ? Result<Verdict>(Verdict{may.error().name}) : may.error();
  }
  registry_.heard_from(node, clock_);

  Arrival arrival{std::move(*batch), {}, {}};
  arrival.digest = arrival.batch.header_digest();
  arrival.bodies = payload.subspan(arrival.batch.header_object.size());
  auto chain = chain_of(key_of(arrival.header()));
  if (!chain.ok()) return chain.error();
  return *chain ? judge(arrival, **chain) : begin_chain(arrival);
}

Status Intake::check_key(const Node& sender, const RecordKey& key,
                         const BatchHeader& header) const {
  const auto successors = keys_.successors(sender, key);
  if (!successors.ok()) return successors.error();
  return check_use(key, *successors, header);
}

Result<Verdict> Intake::begin_chain(const Arrival& arrival) {
  if (arrival.header().first != 0) return begin_behind_gap(arrival);
  const auto start = read_epoch_start(arrival.batch);
  if (!start || !arrival.header().previous.is_zero()) return Verdict{"no_epoch_start"};
  // What the node has sent of the epoch before, its disk knows: else that is an older copy of it.
  auto before = chain_of({arrival.header().node, start->previous, arrival.header().stream});
  if (!before.ok()) return before.error();
  const bool is_older = *before && start->last && is_ahead(**before, *start);
  auto chain = store_.put_chain(Chain{key_of(arrival.header()), start->previous, 0, {}, 0});
  if (!chain.ok()) return chain.error();
  auto rival = store_.has_rival(*chain);
  if (!rival.ok()) return rival.error();
  if (is_older) *rival = true;
  auto verdict = extend(arrival, *chain);
  if (verdict.ok() && *rival) {
    verdict->is_fork = true;
    registry_.add_flag(arrival.header().node, NodeFlag::fork);
  }
  return verdict;
}

// What the node itself has signed of records that it lost.
const ChainGap* Intake::gap_before(const Arrival& arrival) const {
  const auto& header = arrival.header();
  const auto* node = registry_.find(header.node);
  if (node == nullptr || !node->heartbeat) return nullptr;
  const auto& gaps = node->heartbeat->gaps;
  const auto found = std::ranges::find_if(gaps, [&](const ChainGap& gap) {
    return gap.epoch == header.epoch && gap.stream == header.stream &&
           header.first == gap.last + 1 && header.previous == gap.header;
  });
  return found == gaps.end() ? nullptr : &*found;
}

// A chain whose first records are lost. Which epoch it follows is lost with them, so that nothing
// can be said of a fork: it is put down as following one that nobody else does.
Result<Verdict> Intake::begin_behind_gap(const Arrival& arrival) {
  const auto& header = arrival.header();
  const auto* gap = gap_before(arrival);
  if (gap == nullptr || gap->first != 0) return Verdict{"hole"};
  Epoch nobodys = header.epoch;
  for (auto& byte : nobodys.data) byte = static_cast<std::uint8_t>(~byte);
  auto chain = store_.put_chain(Chain{key_of(header), nobodys, header.first, header.previous, 0});
  if (!chain.ok()) return chain.error();
  auto verdict = extend(arrival, *chain);
  if (verdict.ok()) verdict->name = "appended_behind_gap";
  return verdict;
}

Result<Verdict> Intake::judge(const Arrival& arrival, Chain chain) {
  const auto& header = arrival.header();
  const auto kept = store_.find_batch(chain.id, end_of(header), arrival.digest);
  if (!kept.ok()) return kept.error();
  if (*kept) return Verdict{"repeat", acknowledge(arrival.batch, **kept)};
  if (header.first == chain.next && header.previous == chain.last) return extend(arrival, chain);
  const auto hole = is_hole(arrival, chain);
  if (!hole.ok()) return hole.error();
  if (!*hole) return keep_aside(arrival, chain);
  const auto* gap = gap_before(arrival);
  if (gap == nullptr || gap->first > chain.next) return Verdict{"hole"};
  chain.next = header.first;
  chain.last = header.previous;
  auto verdict = extend(arrival, chain);
  if (verdict.ok()) verdict->name = "appended_behind_gap";
  return verdict;
}

// Ahead of the chain, unless it follows a batch that is kept aside.
Result<bool> Intake::is_hole(const Arrival& arrival, const Chain& chain) const {
  const auto& header = arrival.header();
  if (header.first <= chain.next) return false;
  const auto before = store_.find_batch(chain.id, header.first, header.previous);
  if (!before.ok()) return before.error();
  return !before->has_value();
}

Result<Verdict> Intake::extend(const Arrival& arrival, Chain chain) {
  const auto leaf = keep(arrival, chain, Standing::chained);
  if (!leaf.ok()) return leaf.error();
  chain.next = end_of(arrival.header());
  chain.last = arrival.digest;
  if (auto put = store_.put_chain(chain); !put.ok()) return put.error();
  remember(chain);
  return Verdict{"appended", acknowledge(arrival.batch, *leaf)};
}

Result<Verdict> Intake::keep_aside(const Arrival& arrival, const Chain& chain) {
  const auto leaf = keep(arrival, chain, Standing::equivocation);
  if (!leaf.ok()) return leaf.error();
  registry_.add_flag(arrival.header().node, NodeFlag::equivocation);
  return Verdict{"equivocation", acknowledge(arrival.batch, *leaf)};
}

Result<std::uint64_t> Intake::keep(const Arrival& arrival, const Chain& chain, Standing standing) {
  const auto leaf = ledger_.append(ObjectType::batch_header, arrival.batch.header_object);
  if (!leaf.ok()) return leaf.error();
  const auto& header = arrival.header();
  REEVE_TRY(store_.append_batch(
      BatchRow{*leaf, chain.id, header.node, header.first, header.count, arrival.digest, standing,
               Bytes(arrival.bodies.begin(), arrival.bodies.end()), rules_of(arrival.batch)}));
  return *leaf;
}

Result<std::optional<Chain>> Intake::chain_of(const ChainKey& key) {
  if (const auto known = chains_.find(key); known != chains_.end()) {
    return std::optional<Chain>{known->second};
  }
  auto chain = store_.chain(key);
  if (chain.ok() && *chain) remember(**chain);
  return chain;
}

void Intake::remember(const Chain& chain) {
  // A hostile node may begin epochs without end; what is forgotten is read again.
  if (chains_.size() >= limits::chains_remembered_max) chains_.clear();
  chains_[chain.key] = chain;
}

Verdict Intake::take_heartbeat(const NodeId& node, ByteView payload) {
  const auto* sender = registry_.find(node);
  REEVE_ASSERT(sender != nullptr);
  if (payload.size() > limits::heartbeat_bytes_max) return Verdict{"limit_exceeded"};
  const auto signer = signer_of(payload, ObjectType::heartbeat);
  if (!signer.ok()) return Verdict{signer.error().name};
  const auto key = keys_.find(*sender, *signer);
  if (!key.ok()) return Verdict{key.error().name};
  if (!*key) return Verdict{"key_unknown"};
  const auto successors = keys_.successors(*sender, **key);
  if (!successors.ok()) return Verdict{successors.error().name};
  if (!successors->empty()) return Verdict{"key_retired"};
  const auto object = parse_signed_object(payload, ObjectType::heartbeat);
  const std::array keys{(*key)->key};
  if (auto holds = require_signatures(*object, keys, 1); !holds.ok()) {
    return Verdict{holds.error().name};
  }
  auto heartbeat = decode_heartbeat(object->payload);
  if (!heartbeat.ok()) return Verdict{heartbeat.error().name};
  if (heartbeat->node != node) return Verdict{"wrong_node"};
  if (!is_newer(*heartbeat, *sender)) return Verdict{"stale_heartbeat"};
  registry_.heard_from(node, clock_);
  registry_.set_heartbeat(node, std::move(*heartbeat), Bytes(payload.begin(), payload.end()));
  return Verdict{"heard"};
}

}  // namespace reeve
