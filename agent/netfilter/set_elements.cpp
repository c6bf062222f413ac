#include "agent/netfilter/set_elements.h"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <utility>

#include "agent/netfilter/attributes.h"

namespace reeve {
namespace {

constexpr std::uint16_t element_tag = 0x8100;  // apart from attributes and parts

// An element of its own timeout, or of its set's. A timeout of zero means that it never expires.
bool does_expire(ByteView element) {
  if (find_attribute(element, NFTA_SET_ELEM_EXPIRATION)) return true;
  return u64_attribute(element, NFTA_SET_ELEM_TIMEOUT).value_or(0) != 0;
}

}  // namespace

void SetElements::add(ByteView list) {
  AttributeWalk walk(list);
  while (const auto attribute = walk.next()) {
    const ByteView element = attribute->payload;
    const auto flags = u32_attribute(element, NFTA_SET_ELEM_FLAGS).value_or(0);
    elements_.push_back({find_attribute(element, NFTA_SET_ELEM_KEY).value_or(ByteView{}),
                         (flags & NFT_SET_ELEM_INTERVAL_END) != 0, does_expire(element), element});
  }
}

void SetElements::write(NormalForm& form) {
  // Stable: equal keys, which only multimaps could have, stay as the kernel has them.
  std::ranges::stable_sort(elements_, [](const Element& a, const Element& b) {
    if (std::ranges::equal(a.key, b.key)) return a.is_end && !b.is_end;
    return std::ranges::lexicographical_compare(a.key, b.key);
  });
  leave_out_what_expires();
  for (const Element& element : elements_) {
    form.begin(element_tag);
    form.write(element.attributes, element_schema());
    form.end();
  }
}

// Intervals of one field are two elements each: where it begins, and where it has ended. Between
// them is nothing else, so an end belongs to the beginning before it; one without is of no effect.
void SetElements::leave_out_what_expires() {
  const bool has_ends = (set_flags_ & NFT_SET_INTERVAL) != 0;
  bool has_begun = false;
  std::erase_if(elements_, [&](const Element& element) {
    if (!has_ends || element.key.empty()) return element.expires;
    if (element.is_end) return !std::exchange(has_begun, false);
    has_begun = !element.expires;
    return element.expires;
  });
}

}  // namespace reeve
