// The chain of roots in a proof file, against what its reader trusts.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/proof/proof_steps.h"

namespace reeve::proof_steps {

namespace {

Result<std::vector<Root>> read_chain(std::span<const ByteView> objects) {
  std::vector<Root> chain;
  for (ByteView object : objects) {
    auto root = chain.empty() ? verify_first_root(object) : verify_next_root(object, chain.back());
    if (!root.ok()) return refused("roots_do_not_follow", root.error());
    chain.push_back(*std::move(root));
  }
  return chain;
}

Error mismatch(std::uint64_t version) {
  return Error{"root_mismatch",
               fmt::format("proof file: version {} of the root is another one than the one that "
                           "is trusted here",
                           version),
               "see that the file and the root are of one fleet"};
}

// Where the chain begins to follow this root: the position of the first that does, or its end.
Result<std::size_t> follows_from(const Root& trusted, std::span<const ByteView> objects,
                                 const std::vector<Root>& chain) {
  const std::uint64_t first = chain.front().version;
  if (trusted.fleet != chain.front().fleet) return mismatch(trusted.version);
  if (trusted.version >= first && trusted.version - first < chain.size()) {
    const auto place = static_cast<std::size_t>(trusted.version - first);
    if (chain[place] != trusted) return mismatch(trusted.version);
    return place;
  }
  if (trusted.version >= first || first - trusted.version != 1) return chain.size();
  const auto next = verify_next_root(objects.front(), trusted);
  if (!next.ok()) return refused("roots_do_not_follow", next.error());
  return std::size_t{0};
}

}  // namespace

Error refused(std::string_view step, const Error& beneath) {
  return Error{std::string(step), fmt::format("{}: {}", beneath.name, beneath.detail),
               beneath.next};
}

Result<std::vector<Root>> trusted_roots(std::span<const ByteView> objects,
                                        std::span<const Root> given) {
  const auto chain = read_chain(objects);
  if (!chain.ok()) return chain.error();
  std::map<std::uint64_t, Root> trusted;
  std::size_t from = chain->size();
  for (const Root& root : given) {
    const auto [place, fresh] = trusted.emplace(root.version, root);
    if (!fresh && place->second != root) return mismatch(root.version);
    const auto follows = follows_from(root, objects, *chain);
    if (!follows.ok()) return follows.error();
    from = std::min(from, *follows);
  }
  for (; from < chain->size(); ++from) trusted.emplace((*chain)[from].version, (*chain)[from]);
  std::vector<Root> roots;
  for (auto& [version, root] : trusted) roots.push_back(std::move(root));
  return roots;
}

}  // namespace reeve::proof_steps
