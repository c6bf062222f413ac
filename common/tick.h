// A leaf that says when the controller was at which tree (docs/formats.md, "Tick"): what stands
// before it in the ledger was there at that time. Signed by the ledger key. Values; no I/O.
#pragma once

#include "common/codec.h"
#include "common/merkle.h"

namespace reeve {

struct Tick {
  std::string origin;
  std::int64_t wall_ns = 0;
  std::uint64_t size = 0;  // the tree before this tick
  Digest root;
  bool operator==(const Tick&) const = default;
};
Bytes encode_tick(const Tick& tick);
Result<Tick> decode_tick(ByteView payload);  // error `malformed`

}  // namespace reeve
