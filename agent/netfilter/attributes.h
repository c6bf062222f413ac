// Netlink attributes (netlink(7), struct nlattr) as the kernel lays them out: a view of type and
// payload each, read front to back without copies. A length that does not fit ends the walk.
#pragma once

#include "common/bytes.h"

namespace reeve {

struct Attribute {
  std::uint16_t type = 0;  // without the flags for nesting and byte order
  ByteView payload;
};

class AttributeWalk {
 public:
  explicit AttributeWalk(ByteView bytes) : rest_(bytes) {}
  std::optional<Attribute> next();

 private:
  ByteView rest_;
};

// The payload of the first attribute of that type.
std::optional<ByteView> find_attribute(ByteView attributes, std::uint16_t type);
// A text without the NUL that ends it; empty where there is no such attribute.
std::string_view text_attribute(ByteView attributes, std::uint16_t type);
// Big-endian, as nf_tables has all its numbers; absent where it is missing or of another size.
std::optional<std::uint32_t> u32_attribute(ByteView attributes, std::uint16_t type);
std::optional<std::uint64_t> u64_attribute(ByteView attributes, std::uint16_t type);

}  // namespace reeve
