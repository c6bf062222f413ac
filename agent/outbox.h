// Which durable batches go to the controller, and when again: in order within a stream, urgent
// first, at most limits::batches_in_flight_max of a stream without an acknowledgement. It keeps
// positions, never bodies: a batch is read from the journal when it is sent. Owned by the Agent.
#pragma once

#include <deque>

#include "agent/agent_limits.h"
#include "agent/courier_port.h"
#include "agent/journal.h"
#include "common/clock.h"
#include "common/wire.h"

namespace reeve {

class Outbox {
 public:
  struct Parts {
    const Clock& clock;
    Disk& disk;
    CourierPort& courier;
    NodeId node;
    Journal& urgent;
    Journal& routine;
  };
  // Takes up the positions that were written down last.
  explicit Outbox(const Parts& parts);

  // A link that has come up: what is on its way without an acknowledgement is sent again.
  void send_again();
  // Sends what may be sent.
  void pump();
  // False, and nothing changed, unless it is for a batch that is on its way.
  bool acknowledge(const Acknowledgement& acknowledgement);
  // Writes the acknowledged positions down, at most once in limits::acknowledged_write_ns.
  void keep_positions();
  void keep_positions_now();

  // When pump() or keep_positions() has something to do by the clock alone.
  std::optional<std::int64_t> next_due() const;
  std::size_t in_flight() const { return lanes_[0].flying.size() + lanes_[1].flying.size(); }

 private:
  struct Flight {
    JournalPosition begin;
    JournalPosition next;
    Epoch epoch;
    std::uint64_t last = 0;
    Digest header;
    std::int64_t sent_at = 0;
    bool is_acknowledged = false;
  };
  struct Lane {
    Journal* journal = nullptr;
    JournalPosition acknowledged;  // all before it are
    JournalPosition next;          // the next to read
    std::deque<Flight> flying;
  };
  bool send_late(Lane& lane);
  bool send_new(Lane& lane);
  bool send(const StoredBatch& stored, Flight& flight);
  void load_positions();

  Parts parts_;
  std::array<Lane, 2> lanes_;  // by Stream
  bool is_full_ = false;       // the courier took no more at the last try
  bool is_unwritten_ = false;
  std::int64_t written_at_ = 0;
};

}  // namespace reeve
