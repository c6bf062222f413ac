#include "controller/cli/witness_view.h"

#include <fmt/format.h>

#include <map>

#include "common/ledger_recovery.h"
#include "common/limits.h"
#include "common/paths.h"
#include "controller/cli/files.h"

namespace reeve::cli {
namespace {

Error malformed(std::string_view what) {
  return Error{.name = "malformed", .detail = fmt::format("the controller's answer: {}", what)};
}

Error rollback(std::uint64_t known, std::string_view shown) {
  return Error{.name = "witnesses_rollback",
               .detail = fmt::format("this machine has seen witness set version {}; the controller "
                                     "shows {}",
                                     known, shown),
               .next = "treat the controller as taken over, or as put back from an older backup"};
}

Result<VerifiedWitnessSet> judge_set(Session& session, ByteView object) {
  auto set = verify_witness_set(object, session.fleet().root);
  if (!set.ok()) return set.error();
  const auto known = known_witnesses(session.fleet());
  if (!known.ok()) return known.error();
  if (*known && set->set.version < (**known).set.version)
    return rollback((**known).set.version, fmt::format("version {}", set->set.version));
  if (*known && set->set.version == (**known).set.version && set->set != (**known).set)
    return Error{
        .name = "witnesses_mismatch",
        .detail = fmt::format("two witness sets of version {} were signed", set->set.version),
        .next = "ask who administers the fleet; the next version settles it"};
  REEVE_TRY(write_file(session.fleet().path(paths::fleet_witnesses), object));
  return set;
}

Status require_none_known(const Fleet& fleet) {
  const auto known = known_witnesses(fleet);
  if (!known.ok()) return known.error();
  return *known ? Status(rollback((**known).set.version, "none")) : Status{};
}

// The parts that a proof file carries of each cosigner, in the order of the items.
Result<std::vector<Bytes>> read_cosigners(std::span<const Value> items) {
  struct Parts {
    Bytes chain;
    Bytes key;
  };
  std::vector<NodeId> order;
  std::map<NodeId, Parts> parts;
  for (const Value& item : items) {
    Fields fields(item, "cosigner item");
    const auto node = fields.bytes<32>("node");
    const bool is_link = item.find("succession") != nullptr;
    const Bytes object = fields.binary(is_link ? "succession" : "certificate");
    Bytes key = is_link ? Bytes{} : fields.binary("key");
    REEVE_TRY(fields.finish(UnknownFields::keep));
    if (is_link != parts.contains(node)) return malformed("cosigners in no order");
    Parts& of = parts[node];
    append(of.chain, object);
    if (is_link) continue;
    of.key = std::move(key);
    order.push_back(node);
  }
  std::vector<Bytes> out;
  for (const NodeId& node : order) {
    Bytes part = std::move(parts[node].chain);
    append(part, parts[node].key);
    out.push_back(std::move(part));
  }
  return out;
}

}  // namespace

Result<std::optional<VerifiedWitnessSet>> known_witnesses(const Fleet& fleet) {
  const auto object = read_file(fleet.path(paths::fleet_witnesses), limits::trust_object_bytes_max);
  if (!object.ok() && object.error().name == "file_missing")
    return std::optional<VerifiedWitnessSet>{};
  if (!object.ok()) return object.error();
  auto set = verify_witness_set(*object, fleet.root);
  if (set.ok()) return std::optional(*std::move(set));
  // Another operator signs the next one; until then nobody vouches for it.
  const bool has_left =
      set.error().name == "not_an_operator" || set.error().name == "not_permitted";
  if (has_left) return std::optional<VerifiedWitnessSet>{};
  Error error = set.error();
  error.detail = fmt::format("{}: {}", fleet.path(paths::fleet_witnesses), error.detail);
  error.next = "remove that file to begin anew, if you know why it is damaged";
  return error;
}

Result<std::optional<VerifiedWitnessSet>> ask_witnesses(Session& session) {
  const auto items = session.controller().request("witnesses", {});
  if (!items.ok()) return items.error();
  if (items->empty()) {
    REEVE_TRY(require_none_known(session.fleet()));
    return std::optional<VerifiedWitnessSet>{};
  }
  const Value* object = items->front().find("witnesses");
  if (object == nullptr || object->binary() == nullptr) return malformed("no witness set");
  auto set = judge_set(session, *object->binary());
  if (!set.ok()) return set.error();
  return std::optional(*std::move(set));
}

Result<std::optional<SeenCosigned>> ask_cosigned(Session& session) {
  const auto items = session.controller().request("cosigned", {});
  if (!items.ok()) return items.error();
  if (items->empty()) {
    REEVE_TRY(require_none_known(session.fleet()));
    return std::optional<SeenCosigned>{};
  }
  Fields fields(items->front(), "cosigned checkpoint");
  SeenCosigned seen;
  seen.witnesses = fields.binary("witnesses");
  seen.note = fields.text("note");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (auto set = judge_set(session, seen.witnesses); !set.ok()) return set.error();
  if (seen.note.empty()) return std::optional<SeenCosigned>{};
  auto cosigners = read_cosigners(std::span(*items).subspan(1));
  if (!cosigners.ok()) return cosigners.error();
  seen.cosigners = *std::move(cosigners);
  const Root& root = session.fleet().root;
  auto checkpoint = verify_ledger_checkpoint(seen.note, root);
  if (!checkpoint.ok()) return checkpoint.error();
  seen.checkpoint = *std::move(checkpoint);
  ProofFile file;
  file.checkpoint = view_of(seen.note);
  file.witnesses = seen.witnesses;
  file.cosigners.assign(seen.cosigners.begin(), seen.cosigners.end());
  auto proven = verify_cosignatures(file, root);
  if (!proven.ok()) return proven.error();
  seen.proven = **std::move(proven);
  return std::optional(std::move(seen));
}

std::string cosigned_text(const ProvenWitnesses& witnesses) {
  return fmt::format("{} of {} ({} needed)", witnesses.cosigners.size(),
                     witnesses.set.set.nodes.size(), witnesses.set.set.need);
}

}  // namespace reeve::cli
