#include "agent/sealer.h"

#include "agent/agent_limits.h"

namespace reeve {
namespace {

constexpr std::size_t record_overhead = 16 + 4;  // salt and length, docs/formats.md, "Batch"
constexpr std::size_t batch_room = limits::batch_bytes_max - limits::batch_header_bytes_max;
static_assert(limits::record_bytes_max + record_overhead <= batch_room);

ChainEnd end_of(const Batch& batch) {
  ChainEnd end{batch.header.epoch,
               batch.header.first + batch.header.count - 1,
               batch.header_digest(),
               0,
               {}};
  if (auto record = decode_record(batch.records.back().bytes); record.ok()) {
    end.wall_ns = record->sealed.wall_ns;
    end.type = record->type;
  }
  return end;
}

}  // namespace

Sealer::Sealer(Journal& journal, const SigningKey& key, Origin origin, std::vector<Batch> unwritten)
    : journal_(journal), key_(key), origin_(std::move(origin)), unwritten_(std::move(unwritten)) {}

bool Sealer::add(Bytes record) {
  REEVE_ASSERT(record.size() <= limits::record_bytes_max);
  if (pending_.size() >= limits::pending_records_max) return false;
  if (pending_bytes_ + record.size() > limits::pending_bytes_max) return false;
  pending_bytes_ += record.size();
  pending_.push_back(std::move(record));
  return true;
}

Status Sealer::commit() {
  if (is_idle()) return {};
  if (!journal_.is_writable()) REEVE_TRY(journal_.start_segment({}));
  // What was sealed before stays as it is; nothing more is sealed until that is durable, so that
  // what waits for a full disk stays within the bounds of the queue.
  if (!unwritten_.empty()) REEVE_TRY(write_all());
  while (!pending_.empty()) {
    seal_pending();
    REEVE_TRY(write_all());
  }
  return {};
}

std::vector<Bytes> Sealer::take_pending() {
  std::vector<Bytes> out(std::make_move_iterator(pending_.begin()),
                         std::make_move_iterator(pending_.end()));
  pending_.clear();
  pending_bytes_ = 0;
  return out;
}

// Up to limits::sealed_bytes_max.
void Sealer::seal_pending() {
  std::size_t sealed = 0;
  while (!pending_.empty() && sealed < limits::sealed_bytes_max) {
    std::vector<SaltedRecord> records;
    std::size_t bytes = 0;
    while (!pending_.empty() && records.size() < limits::batch_records_max) {
      bytes += pending_.front().size() + record_overhead;
      if (bytes > batch_room) break;
      pending_bytes_ -= pending_.front().size();
      records.push_back({random_bytes<16>(), std::move(pending_.front())});
      pending_.pop_front();
    }
    sealed += bytes;
    BatchHeader header;
    header.node = origin_.node;
    header.epoch = origin_.epoch;
    header.stream = journal_.stream();
    header.first = next_;
    header.previous = previous_;
    unwritten_.push_back(seal_batch(header, std::move(records), key_));
    next_ += unwritten_.back().header.count;
    previous_ = unwritten_.back().header_digest();
  }
}

// The mark behind a sync may have been refused since.
Status Sealer::write_all() {
  if (!journal_.is_writable()) REEVE_TRY(journal_.start_segment({}));
  for (const Batch& batch : unwritten_)
    REEVE_TRY(journal_.append(FrameType::batch, encode_batch(batch)));
  REEVE_TRY(journal_.sync());
  origin_.end = end_of(unwritten_.back());
  if (origin_.end->epoch == origin_.epoch) durable_records_ = origin_.end->last + 1;
  unwritten_.clear();
  return {};
}

Status Sealer::roll(std::vector<Bytes> carried, std::vector<Bytes> intents) {
  REEVE_ASSERT(is_idle());
  return journal_.start_segment(
      {std::move(carried), std::move(intents), encode_chain_end(origin_.end)});
}

}  // namespace reeve
