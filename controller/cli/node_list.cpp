#include "controller/cli/node_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/token.h"
#include "controller/cli/node_standing.h"

namespace reeve::cli {
namespace {

Error rollback(const std::optional<VerifiedManifest>& shown, const VerifiedManifest& known) {
  const std::string says = !shown ? "none"
                           : shown->manifest.version == known.manifest.version
                               ? "another one of that version"
                               : fmt::format("version {}", shown->manifest.version);
  return Error{.name = "controller_rollback",
               .detail = fmt::format("the controller was given manifest version {} and shows {}",
                                     known.manifest.version, says),
               .next =
                   "if it was restored from a backup, push again with --restored; otherwise "
                   "it withholds policy"};
}

}  // namespace

Result<std::vector<SeenNode>> ask_nodes(Session& session) {
  const auto items = session.controller().request("status", {});
  if (!items.ok()) return items.error();
  const Fleet& fleet = session.fleet();
  std::vector<SeenNode> nodes;
  for (const Value& item : *items) nodes.push_back(judge_node(item, fleet.root));
  judge_standing(nodes, *items, fleet.root, key_hash(fleet.contact.key));
  std::stable_sort(nodes.begin(), nodes.end(), [](const SeenNode& a, const SeenNode& b) {
    return std::pair(a.name(), a.ended.has_value()) < std::pair(b.name(), b.ended.has_value());
  });
  return nodes;
}

Result<std::vector<SeenNode>> ask_expected_nodes(Session& session) {
  auto nodes = ask_nodes(session);
  if (!nodes.ok()) return nodes;
  std::erase_if(*nodes, [](const SeenNode& node) { return node.ended.has_value(); });
  return nodes;
}

const SeenNode* meant_node(const std::vector<SeenNode>& nodes, std::string_view asked) {
  constexpr std::size_t id_digits_min = 8;
  const auto found = std::find_if(nodes.begin(), nodes.end(), [&](const SeenNode& node) {
    if (!node.certificate) return false;
    return node.certificate->name == asked ||
           (asked.size() >= id_digits_min && hex(node.certificate->node.view()).starts_with(asked));
  });
  return found == nodes.end() ? nullptr : &*found;
}

Result<std::vector<WaitingNode>> ask_waiting(Session& session) {
  const auto items = session.controller().request("pending", {});
  if (!items.ok()) return items.error();
  std::vector<WaitingNode> out;
  for (const Value& item : *items) {
    const Value* object = item.find("enrollment");
    if (object == nullptr || object->binary() == nullptr) continue;
    const auto verified = verify_certificate(*object->binary(), session.fleet().root);
    if (verified.ok() || verified.error().name != "approval_needed") continue;
    auto certificate = read_certificate(*object->binary());
    if (certificate.ok()) out.push_back({*object->binary(), std::move(*certificate)});
  }
  return out;
}

Result<std::optional<VerifiedManifest>> ask_manifest_after_restore(Session& session) {
  const auto items = session.controller().request("manifest", {});
  if (!items.ok()) return items.error();
  const Value* object = items->empty() ? nullptr : items->front().find("manifest");
  if (object == nullptr) return std::optional<VerifiedManifest>{};
  if (object->binary() == nullptr) {
    return Error{.name = "malformed", .detail = "the controller's manifest is no signed object"};
  }
  auto manifest = verify_stored_manifest(*object->binary(), session.fleet().root);
  if (!manifest.ok()) return manifest.error();
  return std::optional(*std::move(manifest));
}

Result<std::optional<VerifiedManifest>> ask_manifest(Session& session) {
  auto shown = ask_manifest_after_restore(session);
  if (!shown.ok()) return shown.error();
  const auto known = newest_manifest(session.fleet());
  if (!known.ok()) return known.error();
  if (!*known) return shown;
  const VerifiedManifest& newest = **known;
  const bool older = !*shown || (**shown).manifest.version < newest.manifest.version;
  const bool twin = !older && (**shown).manifest.version == newest.manifest.version &&
                    (**shown).digest != newest.digest;
  if (older || twin) return rollback(*shown, newest);
  return shown;
}

}  // namespace reeve::cli
