#include "controller/audit/table_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/token.h"

namespace reeve {
namespace {

LedgerFault differs(std::uint64_t leaf, std::string_view table) {
  return {leaf, leaf + 1,
          Error{"table_differs",
                fmt::format("the store's table of {} says another thing than this leaf", table)}};
}

Result<std::vector<Bytes>> recovery_objects(const Store& store) {
  auto rows = store.recoveries();
  if (!rows.ok()) return rows.error();
  std::vector<Bytes> out;
  for (RecoveryRow& row : *rows) out.push_back(std::move(row.object));
  return out;
}

}  // namespace

// A row that repeats no leaf: whichever it should have been.
LedgerFault TableCheck::stray(std::string_view table) const {
  return {0, leaves_,
          Error{"table_differs",
                fmt::format("the store's table of {} has one that is in no leaf", table)}};
}

void TableCheck::take(const Leaf& leaf) {
  ++leaves_;
  const Copy copy{leaf.index, sha256(leaf.object)};
  if (leaf.type == ObjectType::root) roots_.push_back(copy);
  if (leaf.type == ObjectType::operator_act) acts_.push_back(copy);
  if (leaf.type == ObjectType::ledger_recovery) recoveries_.push_back(copy);
  if (leaf.type == ObjectType::manifest) {
    manifests_.push_back(copy);
    const auto opened = parse_signed_object(leaf.object, ObjectType::manifest);
    const auto manifest = opened.ok() ? decode_manifest(opened->payload) : opened.error();
    if (!manifest.ok()) return;
    for (const ManifestBundle& bundle : manifest->bundles) bundles_[bundle.digest] = leaf.index;
  }
  const bool is_certificate =
      leaf.type == ObjectType::node_certificate || leaf.type == ObjectType::node_enrollment;
  if (!is_certificate) return;
  const auto certificate = read_certificate(leaf.object);
  if (certificate.ok()) certificates_[certificate->node] = copy;
}

Result<std::optional<LedgerFault>> TableCheck::check_nodes(const Store& store) const {
  const auto rows = store.nodes();
  if (!rows.ok()) return rows.error();
  std::map<NodeId, Digest> stored;
  for (const NodeRow& row : *rows) stored[row.node] = sha256(row.certificate);
  for (const auto& [node, copy] : certificates_) {
    const auto found = stored.find(node);
    if (found == stored.end() || found->second != copy.digest)
      return std::optional(differs(copy.leaf, "nodes"));
  }
  if (stored.size() == certificates_.size()) return std::optional<LedgerFault>{};
  return std::optional(stray("nodes"));
}

Result<std::optional<LedgerFault>> TableCheck::check_bundles(const Store& store) const {
  for (const auto& [digest, leaf] : bundles_) {
    const auto bundle = store.bundle(digest);
    if (!bundle.ok()) return bundle.error();
    if (!*bundle || sha256(**bundle) != digest) return std::optional(differs(leaf, "bundles"));
  }
  return std::optional<LedgerFault>{};
}

Result<std::optional<LedgerFault>> TableCheck::check_table(const Result<std::vector<Bytes>>& rows,
                                                           const std::vector<Copy>& copies,
                                                           std::string_view table) const {
  if (!rows.ok()) return rows.error();
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (i >= rows->size() || sha256((*rows)[i]) != copies[i].digest)
      return std::optional(differs(copies[i].leaf, table));
  }
  if (rows->size() > copies.size()) return std::optional(stray(table));
  return std::optional<LedgerFault>{};
}

Result<std::optional<LedgerFault>> TableCheck::check_chains(const Store& store,
                                                            const BatchWalk& batches) const {
  for (const auto& [key, end] : batches.chains()) {
    const auto chain = store.chain(key);
    if (!chain.ok()) return chain.error();
    const bool is_same = *chain && (**chain).next == end.next && (**chain).last == end.last;
    if (!is_same) return std::optional(differs(end.leaf, "chains"));
  }
  return std::optional<LedgerFault>{};
}

Result<std::optional<LedgerFault>> TableCheck::finish(const Store& store,
                                                      const BatchWalk& batches) const {
  // One more than there may be, so that one too many shows.
  auto manifests = store.manifests(0, manifests_.size() + 1);
  if (manifests.ok()) std::reverse(manifests->begin(), manifests->end());
  for (auto found :
       {check_table(store.roots(), roots_, "roots"),
        check_table(manifests, manifests_, "manifests"), check_table(store.acts(), acts_, "acts"),
        check_table(recovery_objects(store), recoveries_, "recoveries"), check_nodes(store),
        check_bundles(store), check_chains(store, batches)}) {
    if (!found.ok() || *found) return found;
  }
  return std::optional<LedgerFault>{};
}

}  // namespace reeve
