// Which durable batches go to the controller, and when again: in order within a stream, urgent
// first, at most as much without an acknowledgement as the controller gives credit for. It keeps
// positions, never bodies: a batch is read from the journal when it is sent. Owned by the Agent.
#pragma once

#include <deque>

#include "agent/agent_limits.h"
#include "agent/courier_port.h"
#include "agent/journal.h"
#include "agent/retention.h"
#include "agent/trusted_time.h"
#include "common/clock.h"
#include "common/record.h"
#include "common/wire.h"

namespace reeve {

// Records that are not in the journal any more, and why: `not_readable`, or `trimmed`, once the
// ledger was proven to have them.
struct MissingRecords {
  ChainGap gap;
  std::string_view reason;
};

class Outbox {
 public:
  struct Parts {
    const Clock& clock;
    Disk& disk;
    CourierPort& courier;
    NodeId node;
    Journal& urgent;
    Journal& routine;
    const TrustedTime& time;
    std::uint64_t jitter_seed = 0;
  };
  // Takes up the positions that were written down last.
  explicit Outbox(const Parts& parts);

  // A link that has come up: what has no acknowledgement is sent again, within the first credit.
  void begin_link();
  // Sends what may be sent.
  void pump();
  // The ledger's leaf that an acknowledgement speaks of, where that batch is on its way.
  std::optional<Digest> leaf_of(const Acknowledgement& acknowledgement) const;
  // Of what is proven to be in the ledger. False, and nothing changed, unless it is for a batch
  // that is on its way.
  bool acknowledge(const Acknowledgement& acknowledgement);
  // Writes the acknowledged positions down, at most once in limits::acknowledged_write_ns.
  void keep_positions();
  void keep_positions_now();

  // Where records are missing before what comes next: to be told in a heartbeat before pump() is
  // called again. Those of which nobody has been told yet come once from the second.
  std::vector<ChainGap> gaps() const;
  std::vector<MissingRecords> take_new_gaps() { return std::exchange(new_gaps_, {}); }

  // The ledger goes on from an earlier tree: all that the journal still has counts as not
  // acknowledged, and is sent again. Errors are the disk's: then a start may not know of it.
  Status refill();

  // What may go of a stream where the checkpoint that it was proven under is durable now.
  Releasable release(Stream stream, std::int64_t now_s);
  // When pump() or keep_positions() has something to do by the clock alone.
  std::optional<std::int64_t> next_due() const;
  std::size_t in_flight() const { return lanes_[0].flying.size() + lanes_[1].flying.size(); }

 private:
  // The last record that a batch holds, and its header.
  struct End {
    Epoch epoch;
    std::uint64_t last = 0;
    Digest header;
  };
  struct Flight {
    JournalPosition begin;
    JournalPosition next;
    End end;
    Digest leaf;
    std::size_t bytes = 0;
    std::int64_t again_at = 0;
    std::int64_t patience = limits::ack_timeout_ns;  // doubles with each time it is sent
    int refusals = 0;                                // of the disk to read it again
    bool is_acknowledged = false;
  };
  struct Lane {
    Journal* journal = nullptr;
    JournalPosition acknowledged;  // all before it are
    std::optional<End> acknowledged_end;
    JournalPosition written;      // of `acknowledged`, as this run wrote it down last
    Retention retention;          // of the segments before `written`
    JournalPosition next;         // the next to read
    std::optional<End> next_end;  // of what lies before it
    int refusals = 0;             // of the disk to read there, one after another
    std::int64_t read_from = 0;   // not before this time
    std::deque<Flight> flying;
    std::deque<ChainGap> gaps;  // before what has no acknowledgement yet
    JournalPosition refilled;   // what lies before this was acknowledged once already

    // The journal is not the one that the positions are of.
    void give_up() {
      acknowledged = {};
      acknowledged_end.reset();
      retention = {};
    }
  };
  // Why no more of a lane is sent now.
  enum class Rest : std::uint8_t { nothing_left, no_credit, courier_full, gap_untold };
  const Lane& lane(Stream stream) const { return lanes_[static_cast<std::size_t>(stream)]; }
  void rewind(Lane& lane);
  bool send_late(Lane& lane);
  std::optional<StoredBatch> read_next(Lane& lane);
  Rest send_new(Lane& lane);
  bool has_credit(std::size_t bytes) const;
  bool is_behind_gap(Lane& lane, const BatchHeader& header);
  static bool is_written_again(Lane& lane, const BatchHeader& header);
  bool send(const StoredBatch& stored, Flight& flight);
  static bool is_of(const Acknowledgement& acknowledgement, const Flight& flight);
  void land(Lane& lane);
  std::int64_t jittered(std::int64_t ns);
  void load_positions();
  Status write_positions();

  Parts parts_;
  std::array<Lane, 2> lanes_;  // by Stream
  std::vector<MissingRecords> new_gaps_;
  std::uint64_t credit_ = limits::first_credit_bytes;
  std::size_t flying_bytes_ = 0;
  std::int64_t paused_until_ = 0;
  bool is_full_ = false;  // the courier took no more at the last try
  bool is_unwritten_ = false;
  std::int64_t written_at_ = 0;
};

}  // namespace reeve
