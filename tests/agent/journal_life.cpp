#include "tests/agent/journal_life.h"

#include "agent/agent_limits.h"

namespace reeve::testing {
namespace {

class UnsyncedFile final : public DiskFile {
 public:
  explicit UnsyncedFile(std::unique_ptr<DiskFile> file) : file_(std::move(file)) {}
  Status append(ByteView bytes) override { return file_->append(bytes); }
  Status sync() override { return {}; }
  Status truncate(std::uint64_t size) override { return file_->truncate(size); }
  std::uint64_t size() const override { return file_->size(); }
  Result<Bytes> read(std::uint64_t offset, std::size_t count) const override {
    return file_->read(offset, count);
  }

 private:
  std::unique_ptr<DiskFile> file_;
};

}  // namespace

Result<std::unique_ptr<DiskFile>> NeverSyncs::open(std::string_view name) {
  auto file = disk_.open(name);
  if (!file.ok()) return file.error();
  return std::unique_ptr<DiskFile>(std::make_unique<UnsyncedFile>(std::move(*file)));
}

Contents contents_of(Journal& journal) {
  Contents out;
  std::map<Epoch, std::pair<std::uint64_t, Digest>> ends;
  for (JournalPosition at = journal.begin();;) {
    auto stored = journal.read_batch(at);
    if (!stored.ok() || !stored->has_value()) return out;
    at = (*stored)->next;
    auto batch = read_own_batch((*stored)->bytes);
    if (!batch.ok()) {
      out.is_chained = false;
      continue;
    }
    auto& [next, previous] = ends[batch->header.epoch];
    // Where older segments have been dropped, the first batch that is left begins anywhere.
    if (out.batches.empty() && journal.begin().segment > 1) {
      next = batch->header.first;
      previous = batch->header.previous;
    }
    if (batch->header.first + batch->header.count <= next) continue;  // a repeat
    if (batch->header.first != next || batch->header.previous != previous) out.is_chained = false;
    next = batch->header.first + batch->header.count;
    previous = batch->header_digest();
    for (const auto& salted : batch->records)
      if (auto record = decode_record(salted.bytes); record.ok())
        out.records.push_back(std::move(*record));
    out.batches.push_back(std::move(*batch));
  }
}

Receipt example_receipt(std::string object, Severity severity) {
  Receipt receipt;
  receipt.incident = random_bytes<16>();
  receipt.rule = "rule-1";
  receipt.title = "A file's mode";
  receipt.kind = "file";
  receipt.object = std::move(object);
  receipt.severity = severity;
  receipt.owner = "security";
  receipt.mode = Mode::enforce;
  receipt.desired = "mode 0600";
  receipt.found = "mode 0644";
  receipt.policy.name = "base";
  receipt.outcome = outcome::fix_failed;
  return receipt;
}

const SigningKey& example_key() {
  static const SigningKey key = SigningKey::from_seed(FixedBytes<32>{{1, 2, 3}});
  return key;
}

NodeId example_node() { return example_key().hash(); }

JournalLife::JournalLife(Disk& disk, std::uint64_t seed) : seed_(seed) {
  auto urgent = recover_journal(disk, Stream::urgent);
  auto routine = recover_journal(disk, Stream::routine);
  if (!urgent.ok() || !routine.ok()) return;
  urgent_ = std::move(*urgent);
  routine_ = std::move(*routine);
  for (const Recovered* half : {&urgent_, &routine_}) {
    for (const Receipt& receipt : half->open) {
      open_.insert(receipt.object);
      static_cast<void>(incidents_.open({receipt}));
    }
  }
  promised_.open = open_;
  recorder_ =
      std::make_unique<Recorder>(Recorder::Parts{clock_, disk, example_key(), example_node(),
                                                 random_bytes<16>(), incidents_, segment_bytes},
                                 urgent_, routine_);
  recorder_->add("epoch_start", std::nullopt, {});
  recorder_->add("epoch_start", Severity::low, {});
}

void JournalLife::work(std::size_t steps) {
  if (!has_started()) return;
  for (std::size_t i = 0; i < steps; ++i) {
    one_step();
    clock_.advance(limits::group_commit_ns);
    if (dice(3) > 0) commit();
  }
}

void JournalLife::one_step() {
  const Severity severity = dice(2) == 0 ? Severity::high : Severity::low;
  const std::string object =
      std::string(severity == Severity::high ? "/high/" : "/low/") + std::to_string(dice(8));
  Receipt receipt = example_receipt(object, severity);
  recorder_->intend(receipt, dice(4) == 0 ? Intent::durable : Intent::plain);
  if (Incident* known = incidents_.find("base", "rule-1", object)) {
    receipt = known->receipt;
    receipt.phase = Phase::close;
    receipt.outcome = outcome::fixed;
    incidents_.erase(receipt);
    open_.erase(object);
  } else if (dice(2) == 0) {
    receipt.phase = Phase::open;
    static_cast<void>(incidents_.open({receipt}));
    open_.insert(object);
  } else {
    receipt.outcome = outcome::fixed;
  }
  recorder_->record(receipt);
}

void JournalLife::commit() {
  recorder_->commit();
  for (Stream stream : {Stream::urgent, Stream::routine}) {
    promised_.durable[stream] = recorder_->durable_records(stream);
    ship(stream);
  }
  if (!recorder_->refusal() && !recorder_->commit_due()) promised_.open = open_;
}

void JournalLife::ship(Stream stream) {
  while (true) {
    auto stored = recorder_->journal(stream).read_batch(sent_[stream]);
    if (!stored.ok() || !stored->has_value()) return;
    sent_[stream] = (*stored)->next;
    if (auto batch = read_own_batch((*stored)->bytes); batch.ok())
      promised_.shipped[stream].push_back(batch->header_digest());
  }
}

// xorshift: the same numbers for a seed everywhere.
std::uint64_t JournalLife::dice(std::uint64_t below) {
  seed_ = seed_ * 6364136223846793005ull + 1442695040888963407ull;
  return (seed_ >> 33) % below;
}

}  // namespace reeve::testing
