// What a start learns from one stream's journal: where its chain ended, which incidents are open,
// which fixes were begun and never accounted for, and what is torn or damaged. The torn tail is cut
// here and what is left is made durable; nothing else is changed.
#pragma once

#include <map>

#include "agent/journal.h"
#include "common/batch.h"
#include "common/record.h"

namespace reeve {

// The last durable record of a stream.
struct ChainEnd {
  Epoch epoch;
  std::uint64_t last = 0;    // its sequence
  Digest header;             // digest of the signed header of its batch
  std::int64_t wall_ns = 0;  // when it was sealed
  std::string type;
  bool operator==(const ChainEnd&) const = default;
};
// The payload of a `ready` frame; an empty map where the stream has no record yet.
Bytes encode_chain_end(const std::optional<ChainEnd>& end);
Result<std::optional<ChainEnd>> decode_chain_end(ByteView bytes);

struct Recovered {
  std::vector<std::uint32_t> segments;
  std::uint32_t needed_from = 0;  // the segment that was read back to
  Journal::Newest newest = Journal::Newest::unusable;
  std::optional<ChainEnd> end;
  std::vector<Receipt> open;         // as they were opened
  std::vector<Receipt> interrupted;  // intents without a receipt
  std::uint64_t torn_bytes = 0;
  std::vector<JournalDamage> damage;
  // Where a life before this one did not get as far as to say that what it wrote is durable, or
  // the disk refuses that now: how much of these segments is, and the batches behind that, which
  // nobody may be given before they are written again.
  std::map<std::uint32_t, std::uint64_t> durable_bytes;
  std::vector<Batch> unsynced;
};

// Reads back from the newest segment that begins with all that is open. Errors are the disk's, and
// only where the directory itself cannot be listed: a segment that cannot be read is damage.
Result<Recovered> recover_journal(Disk& disk, Stream stream);

}  // namespace reeve
