#include "controller/store/store.h"

namespace reeve {

Result<std::uint64_t> first_leaf_since(const Store& store, std::int64_t wall_ns) {
  const auto count = store.leaf_count();
  if (!count.ok()) return count.error();
  std::uint64_t low = 0;
  std::uint64_t high = *count;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const auto leaf = store.leaf(middle);
    if (!leaf.ok()) return leaf.error();
    if (!*leaf) return Error{"store_failed", "a leaf is missing in the middle of the ledger"};
    if ((*leaf)->stored_wall_ns < wall_ns) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace reeve
