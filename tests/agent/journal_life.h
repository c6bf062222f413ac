// One life of an agent's journal for the tests that cut its power: records are added, committed and
// "shipped" until the steps or the power run out. Everything that was promised on the way is kept.
#pragma once

#include "agent/record.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/fake_clock.h"

namespace reeve::testing {

// Answers success to every sync and syncs nothing: the mutant that the tests must notice.
class NeverSyncs final : public Disk {
 public:
  explicit NeverSyncs(Disk& disk) : disk_(disk) {}
  Result<std::unique_ptr<DiskFile>> open(std::string_view name) override;
  Result<std::optional<Bytes>> read(std::string_view name, std::size_t max) const override {
    return disk_.read(name, max);
  }
  Result<std::vector<std::string>> list(std::string_view directory) const override {
    return disk_.list(directory);
  }
  Status make_directory(std::string_view name) override { return disk_.make_directory(name); }
  Status rename(std::string_view from, std::string_view to) override {
    return disk_.rename(from, to);
  }
  Status remove(std::string_view name) override { return disk_.remove(name); }
  Status sync_directory(std::string_view name) override { return disk_.sync_directory(name); }
  Status wipe(std::string_view name) override { return disk_.wipe(name); }

 private:
  Disk& disk_;
};

// What a journal holds, read as the outbox reads it.
struct Contents {
  std::vector<Batch> batches;  // without repeats
  std::vector<Record> records;
  bool is_chained = true;  // sequences without a hole, previous hashes right, in every epoch
};
Contents contents_of(Journal& journal);

Receipt example_receipt(std::string object, Severity severity = Severity::high);
const SigningKey& example_key();
NodeId example_node();

struct Promised {
  std::map<Stream, std::uint64_t> durable;        // records that commit() called durable
  std::map<Stream, std::vector<Digest>> shipped;  // digests of the batches that were handed out
  std::set<std::string> open;                     // objects whose incident is open and durable
};

// A recorder over a disk, from recovery to whatever ends it.
class JournalLife {
 public:
  static constexpr std::size_t segment_bytes = 6'000;
  JournalLife(Disk& disk, std::uint64_t seed);

  bool has_started() const { return recorder_ != nullptr; }
  // Opens and closes incidents, commits and ships.
  void work(std::size_t steps);
  Recorder& recorder() { return *recorder_; }
  const Recovered& recovered(Stream stream) const {
    return stream == Stream::urgent ? urgent_ : routine_;
  }
  Incidents& incidents() { return incidents_; }
  FakeClock& clock() { return clock_; }
  const Promised& promised() const { return promised_; }

 private:
  void one_step();
  void commit();
  void ship(Stream stream);
  std::uint64_t dice(std::uint64_t below);

  std::uint64_t seed_;
  FakeClock clock_;
  Incidents incidents_;
  Recovered urgent_;
  Recovered routine_;
  std::unique_ptr<Recorder> recorder_;
  Promised promised_;
  std::set<std::string> open_;
  std::map<Stream, JournalPosition> sent_;
};

}  // namespace reeve::testing
