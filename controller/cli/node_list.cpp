#include "controller/cli/node_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "controller/cli/key_book.h"
#include "controller/cli/terminal.h"

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

// A manifest that the root's policy role signed, and its object as it was sent.
struct Shown {
  VerifiedManifest manifest;
  Bytes object;
};

Result<std::optional<Shown>> ask_shown(Session& session) {
  const auto items = session.controller().request("manifest", {});
  if (!items.ok()) return items.error();
  const Value* object = items->empty() ? nullptr : items->front().find("manifest");
  if (object == nullptr) return std::optional<Shown>{};
  if (object->binary() == nullptr) {
    return Error{.name = "malformed", .detail = "the controller's manifest is no signed object"};
  }
  auto manifest = verify_known_manifest(*object->binary(), session.fleet());
  if (!manifest.ok()) return manifest.error();
  return std::optional(Shown{*std::move(manifest), *object->binary()});
}

// One answer to `status`, and what it takes to judge it.
class NodeLook {
 public:
  NodeLook(Session& session, const Value::Array& items) : session_(session), items_(items) {
    for (const Value& item : items) {
      nodes_.push_back(
          judge_node(item, session.fleet().root, {session.known_nodes(), KeyChains{}}));
    }
  }

  enum class From { newest_key, certificate };
  // Those whose key is not known are judged again with their chains.
  Status follow(KeyBook& book, From from);
  void judge_ends();
  // What is proven by now is remembered.
  void keep(const KeyBook& onwards, const KeyBook& whole);
  std::vector<SeenNode> take() { return std::move(nodes_); }

 private:
  bool needs_chain(const SeenNode& node, From from) const;

  Session& session_;
  const Value::Array& items_;
  std::vector<SeenNode> nodes_;
};

// A fork that the controller tells of is looked at once; from then on this machine knows of it.
bool NodeLook::needs_chain(const SeenNode& node, From from) const {
  if (!node.certificate) return false;
  if (node.unproven == "key_unknown") return true;
  const bool is_told =
      std::find(node.flags.begin(), node.flags.end(), "key_fork") != node.flags.end();
  return is_told && node.unproven != "key_fork" && from == From::certificate;
}

Status NodeLook::follow(KeyBook& book, From from) {
  std::vector<KeyBook::Beginning> beginnings;
  std::vector<std::size_t> judged_again;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (!needs_chain(nodes_[i], from)) continue;
    const NodeCertificate& certificate = *nodes_[i].certificate;
    KeyBook::Beginning beginning = beginning_of(certificate);
    const auto known = session_.known_nodes().find(certificate.node);
    if (from == From::newest_key && known != session_.known_nodes().end() &&
        known->second.newest_key) {
      beginning.key = *known->second.newest_key;
      beginning.leaf = known->second.next_leaf;
    }
    beginnings.push_back(std::move(beginning));
    judged_again.push_back(i);
  }
  REEVE_TRY(book.learn(session_.controller(), beginnings));
  for (const std::size_t i : judged_again) {
    nodes_[i] =
        judge_node(items_[i], session_.fleet().root, {session_.known_nodes(), book.chains()});
  }
  return {};
}

void NodeLook::judge_ends() {
  const Fleet& fleet = session_.fleet();
  const auto former = former_roots(fleet);
  judge_standing(nodes_, items_,
                 {fleet.root, former, session_.known_nodes(), key_hash(fleet.contact.key)});
}

void NodeLook::keep(const KeyBook& onwards, const KeyBook& whole) {
  KnownNodes& known = session_.known_nodes();
  bool is_news = false;
  for (const SeenNode& node : nodes_) {
    if (!node.certificate) continue;
    const NodeId& id = node.certificate->node;
    const KeyBook& book = whole.chain(id) != nullptr ? whole : onwards;
    is_news = remember(known, node, book.chain(id), book.next_leaf(id)) || is_news;
  }
  if (!is_news && session_.known_nodes_are_kept()) return;
  if (const auto kept = session_.keep_known_nodes(); !kept.ok()) print_error(kept.error());
}

}  // namespace

Result<std::vector<SeenNode>> ask_nodes(Session& session) {
  const auto items = session.controller().request("status", {});
  if (!items.ok()) return items.error();
  NodeLook look(session, *items);
  // Most keys were known before. Where one was not, the chain goes on from the newest that was; a
  // restored snapshot's branches off before that, which the whole chain shows.
  KeyBook onwards;
  REEVE_TRY(look.follow(onwards, NodeLook::From::newest_key));
  KeyBook whole;
  REEVE_TRY(look.follow(whole, NodeLook::From::certificate));
  look.judge_ends();
  look.keep(onwards, whole);
  auto nodes = look.take();
  auto missing = unlisted(session.known_nodes(), nodes);
  std::move(missing.begin(), missing.end(), std::back_inserter(nodes));
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
    if (!node.certificate) return node.known_name == asked;
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
  auto shown = ask_shown(session);
  if (!shown.ok()) return shown.error();
  if (!*shown) return std::optional<VerifiedManifest>{};
  return std::optional(std::move((*shown)->manifest));
}

Result<std::optional<VerifiedManifest>> ask_manifest(Session& session) {
  auto asked = ask_shown(session);
  if (!asked.ok()) return asked.error();
  std::optional<VerifiedManifest> shown;
  if (*asked) shown = (*asked)->manifest;
  const auto known = newest_manifest(session.fleet());
  if (!known.ok()) return known.error();
  if (*known) {
    const VerifiedManifest& newest = **known;
    const bool older = !shown || shown->manifest.version < newest.manifest.version;
    const bool twin = !older && shown->manifest.version == newest.manifest.version &&
                      shown->digest != newest.digest;
    if (older || twin) return rollback(shown, newest);
    if (shown->digest == newest.digest) return shown;
  }
  // Another operator's push: from here on nothing older is taken for the newest. One under keys
  // that the root has dropped is not remembered, since whoever has such a key could have made it.
  if (*asked && verify_stored_manifest((*asked)->object, session.fleet().root).ok()) {
    const auto kept = keep_newest_manifest(session.fleet(), (*asked)->object);
    if (!kept.ok()) print_error(kept.error());
  }
  return shown;
}

}  // namespace reeve::cli
