#include "agent/netfilter/attributes.h"

#include <linux/netlink.h>

#include <algorithm>
#include <cstring>

namespace reeve {

std::optional<Attribute> AttributeWalk::next() {
  nlattr head{};
  if (rest_.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, rest_.data(), sizeof head);
  if (head.nla_len < sizeof head || head.nla_len > rest_.size()) return std::nullopt;
  const Attribute attribute{static_cast<std::uint16_t>(head.nla_type & NLA_TYPE_MASK),
                            rest_.subspan(sizeof head, head.nla_len - sizeof head)};
  const std::size_t aligned = (head.nla_len + 3u) & ~std::size_t{3};
  rest_ = rest_.subspan(std::min(aligned, rest_.size()));
  return attribute;
}

std::optional<ByteView> find_attribute(ByteView attributes, std::uint16_t type) {
  AttributeWalk walk(attributes);
  while (const auto attribute = walk.next())
    if (attribute->type == type) return attribute->payload;
  return std::nullopt;
}

std::string_view text_attribute(ByteView attributes, std::uint16_t type) {
  const auto payload = find_attribute(attributes, type);
  if (!payload) return {};
  const std::string_view text = text_of(*payload);
  return text.substr(0, text.find('\0'));
}

std::optional<std::uint32_t> u32_attribute(ByteView attributes, std::uint16_t type) {
  const auto payload = find_attribute(attributes, type);
  if (!payload || payload->size() != 4) return std::nullopt;
  return ByteReader(*payload).u32();
}

std::optional<std::uint64_t> u64_attribute(ByteView attributes, std::uint16_t type) {
  const auto payload = find_attribute(attributes, type);
  if (!payload || payload->size() != 8) return std::nullopt;
  return ByteReader(*payload).u64();
}

}  // namespace reeve
