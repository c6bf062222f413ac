// Tick payload, a map: "origin", "wall" (nanoseconds since 1970), "size", "root" (32 bytes).
#include "common/tick.h"

namespace reeve {

Bytes encode_tick(const Tick& tick) {
  return encode(Value::Map{
      {"origin", tick.origin}, {"wall", tick.wall_ns}, {"size", tick.size}, {"root", tick.root}});
}

Result<Tick> decode_tick(ByteView payload) {
  auto value = decode(payload);
  if (!value.ok()) return value.error();
  Fields fields(*value, "tick");
  Tick tick;
  tick.origin = fields.text("origin");
  tick.wall_ns = fields.integer("wall");
  tick.size = fields.natural("size");
  tick.root = fields.bytes<32>("root");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return tick;
}

}  // namespace reeve
