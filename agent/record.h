// Puts the agent's records on its journals: stamps and encodes them, commits both streams within
// limits::group_commit_ns of the first record that waits, and keeps account of what a refusing disk
// or a full queue cost. The rest of the agent never waits for it. Owned by the Agent.
#pragma once

#include <functional>

#include "agent/accounts.h"
#include "agent/agent_limits.h"
#include "agent/gap.h"
#include "agent/incidents.h"
#include "agent/moment.h"
#include "agent/sealer.h"

namespace reeve {

class Recorder final : public Accounts {
 public:
  struct Parts {
    const Clock& clock;
    Disk& disk;
    const SigningKey& key;
    NodeId node;
    Epoch epoch;
    const Incidents& incidents;
    std::size_t segment_bytes_max = limits::journal_segment_bytes_max;
    std::uint64_t journal_bytes_max = limits::journal_bytes_max;
    std::uint64_t acknowledged_bytes_max = limits::acknowledged_bytes_max;
    // Asked before anything is sealed: a key that is about to follow must be durable by then. None:
    // the key stays as it is.
    std::function<Status()> settle_key{};
  };
  Recorder(const Parts& parts, const Recovered& urgent, const Recovered& routine);

  // A durable intent is synced when this returns, unless the disk refuses.
  void intend(const Receipt& receipt, Intent intent) override;
  void record(const Receipt& receipt) override;
  void record(const Contention& contention) override;
  void count_only(const Receipt& receipt) override;
  // A record that is no receipt; without a severity it is urgent.
  void add(std::string_view type, std::optional<Severity> severity, Value::Map fields);

  // Records that are no more, as the outbox finds when it comes there.
  void tell_missing(const ChainGap& gap, std::string_view reason);
  // What reading older segments has met.
  void tell_damage();

  // Record 0 of a stream, whatever its class.
  void open_stream(Stream stream, Value::Map fields);

  // True when more may soon be lost than written: to be committed at once.
  bool is_crowded() const;
  // When commit() is due, on the monotonic clock; absent when nothing waits.
  std::optional<std::int64_t> commit_due() const;
  // Everything that waits, urgent first. A stream that was refused waits for its time to retry.
  void commit();
  // The same without that wait: the last act before a stop.
  void flush();

  // The last record of a clean stop; it and what tells of a gap go beyond the size limit.
  void record_stop(Value::Map fields);
  // From here on every gap is told of at once.
  void begin_stop() { is_stopping_ = true; }
  // What waits unsealed is counted into the gap instead: the disk is full, and a stop must go by.
  void give_up_waiting();
  // Up to where the ledger is proven to have a stream: at the size limit that goes first.
  void set_releasable(Stream stream, Releasable releasable) {
    half(stream).releasable = releasable;
  }
  // Of that, removes what has been kept long enough, or is more than
  // Parts::acknowledged_bytes_max.
  void trim();

  // Why the disk does not take records now, if so.
  const std::optional<Error>& refusal() const;
  const Epoch& epoch() const { return parts_.epoch; }
  std::uint64_t durable_records(Stream stream) const {
    return half(stream).sealer.durable_records();
  }
  // All that has been sealed, by Stream.
  std::array<KeySuccession::End, 2> sealed() const {
    return {urgent_.sealer.sealed(), routine_.sealer.sealed()};
  }
  Journal& journal(Stream stream) { return half(stream).journal; }

 private:
  struct Half {
    Half(const Parts& parts, Stream stream, const Recovered& recovered);
    Journal journal;
    Sealer sealer;
    Gap gap;
    std::optional<std::int64_t> waiting_since;
    std::optional<Error> refusal;
    std::int64_t retry_at = 0;
    std::int64_t retry_delay = 0;
    Releasable releasable;
    std::map<Epoch, std::uint64_t> dropped;  // for the limit: the last sequence of each
  };
  Half& half(Stream stream) { return stream == Stream::urgent ? urgent_ : routine_; }
  const Half& half(Stream stream) const { return stream == Stream::urgent ? urgent_ : routine_; }
  void queue(Stream stream, std::optional<Severity> severity, Bytes record);
  void count(Stream stream, std::optional<Severity> severity, ByteView record,
             std::string_view reason);
  void wait(Half& half);
  bool is_within_limit(const Half& half) const;
  bool make_room(Half& half);
  bool drop_releasable(Half& half, std::string_view reason);
  static std::uint64_t releasable_bytes(const Half& half);
  bool drop_routine();
  bool is_gap_due(Half& half);
  void commit_half(Half& half);
  void roll(Half& half);
  void tell_gap(Half& half);
  void refused(Half& half, const Error& error);

  Parts parts_;
  Half urgent_;
  Half routine_;
  bool is_stopping_ = false;
};

}  // namespace reeve
