// What operators change and read of the fleet's trust: roots, acts, and the manifests there were.
#include <algorithm>
#include <limits>

#include "common/limits.h"
#include "controller/controller_limits.h"
#include "controller/operator_server.h"

namespace reeve {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

Value::Array items_of(std::string_view name, const std::vector<Bytes>& objects) {
  Value::Array items;
  for (const Bytes& object : objects) items.emplace_back(Value::Map{{std::string(name), object}});
  return items;
}

Status require_ledger_key(const Root& root, const PublicKey& key) {
  const auto& keys = root.ledger.keys;
  if (std::ranges::find(keys, key) != keys.end()) return {};
  return Error{"key_mismatch", "root: it leaves out the ledger key that this controller signs with",
               "keep the old ledger key in this root until the controller runs with the new one"};
}

}  // namespace

// Whoever holds the old threshold may do this; the controller only keeps the chain and hands it on.
// Operators that the new root leaves out are out with the next request.
Result<Value::Array> OperatorServer::publish_root(const Request& request) {
  Fields fields(arguments_of(request), "root");
  auto object = fields.binary("root");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (object == parts_.publisher.root_object()) return Value::Array{};
  auto next = verify_next_root(object, parts_.root);
  if (!next.ok()) return next.error();
  REEVE_TRY(require_ledger_key(*next, parts_.ledger_key));
  REEVE_TRY(commit_change(request, Brought{ObjectType::root, object},
                          [&] { return parts_.store.put_root(next->version, object); }));
  // The request's operator belongs to the root before and is not looked at any more.
  std::vector<Bytes> objects;
  objects.push_back(std::move(object));
  REEVE_TRY(take_up(LaterRoots{std::move(*next), std::move(objects)}));
  return Value::Array{};
}

// Once they are durable.
Status OperatorServer::take_up(LaterRoots later) {
  parts_.root = std::move(later.newest);
  parts_.acts.judge_again(parts_.root);
  parts_.cosigning.judge_again(parts_.root);
  for (Bytes& root : later.objects) parts_.publisher.add_root(std::move(root));
  return parts_.publisher.load(parts_.root);
}

Result<Value::Array> OperatorServer::roots(const Request& request) const {
  Fields fields(arguments_of(request), "roots");
  const auto after = fields.natural("after");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  return items_of("root", parts_.publisher.roots_after(after));
}

Result<Value::Array> OperatorServer::enter_act(const Request& request) {
  Fields fields(arguments_of(request), "act");
  auto object = fields.binary("act");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (parts_.acts.holds(object)) return Value::Array{};
  const auto now_s = parts_.clock.wall_ns() / ns_per_s;
  parts_.acts.forget_over(now_s);
  auto act = parts_.acts.check(object, parts_.root, now_s);
  if (!act.ok()) return act.error();
  REEVE_TRY(commit_change(request, Brought{ObjectType::operator_act, object},
                          [&] { return parts_.store.put_act(act->act.until_s, object); }));
  parts_.acts.adopt(std::move(*act), std::move(object));
  return Value::Array{};
}

Result<Value::Array> OperatorServer::acts() const {
  return items_of("act", parts_.acts.objects(parts_.clock.wall_ns() / ns_per_s));
}

// The ledger gets its new origin before the first leaf: nothing is ever signed under the old one
// that it had no leaf of.
Result<Value::Array> OperatorServer::recover(const Request& request) {
  Fields fields(arguments_of(request), "recover");
  auto object = fields.binary("recovery");
  const auto objects = fields.has("roots") ? fields.array("roots") : Value::Array{};
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (parts_.recoveries.holds(object)) return Value::Array{};
  auto later = later_roots(objects, *request.who);
  if (!later.ok()) return later.error();
  auto& ledger = parts_.ledger;
  const auto verified = parts_.recoveries.check(object, later->newest, ledger);
  if (!verified.ok()) return verified.error();
  const RecoveryRow row{verified->number, later->newest.version, std::move(object)};
  const auto change = [&]() -> Status {
    REEVE_TRY(ledger.begin());
    REEVE_TRY(ledger.go_on_as(verified->recovery.new_origin));
    auto version = parts_.root.version;
    for (const Bytes& root : later->objects) {
      if (auto added = ledger.append(ObjectType::root, root); !added.ok()) return added.error();
      REEVE_TRY(parts_.store.put_root(++version, root));
    }
    auto leaf = ledger.append(ObjectType::operator_request, request.object);
    if (leaf.ok()) leaf = ledger.append(ObjectType::ledger_recovery, row.object);
    if (!leaf.ok()) return leaf.error();
    REEVE_TRY(parts_.store.put_recovery(row));
    return ledger.commit();
  };
  if (auto done = change(); !done.ok()) {
    ledger.rollback();
    return done.error();
  }
  parts_.recoveries.adopt(row);
  if (!later->objects.empty()) REEVE_TRY(take_up(*std::move(later)));
  return Value::Array{};
}

// Roots that were published after the backup, as operators' machines still have them: without them
// no later one would follow. Whoever asks must be an operator of the newest as well.
Result<OperatorServer::LaterRoots> OperatorServer::later_roots(const Value::Array& objects,
                                                               const Operator& who) const {
  LaterRoots later{parts_.root, {}};
  for (const Value& object : objects) {
    if (object.binary() == nullptr) return Error{"malformed", "a root is no signed object"};
    auto next = verify_next_root(*object.binary(), later.newest);
    if (!next.ok()) return next.error();
    REEVE_TRY(require_ledger_key(*next, parts_.ledger_key));
    later.newest = *std::move(next);
    later.objects.push_back(*object.binary());
  }
  const Operator* now = later.newest.operator_with(key_hash(who.key));
  if (now != nullptr && has_right(*now, Right::administer)) return later;
  return Error{"not_permitted", who.name + " is no administrator of the newest root"};
}

// First the tree that a recovery would trust, then the recoveries that there were.
Result<Value::Array> OperatorServer::recoveries(const Request& request) const {
  Fields fields(arguments_of(request), "recoveries");
  const auto committed = parts_.ledger.committed();
  const auto size = fields.natural_or("at", committed.size);
  if (size == 0 || size > committed.size) fields.fail("at", "is no tree of this ledger");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  const auto root = tree_root(parts_.ledger.hashes(), size);
  if (!root.ok()) return root.error();
  Value::Array items;
  items.emplace_back(Value::Map{{"origin", parts_.ledger.origin()},
                                {"size", size},
                                {"root", *root},
                                {"root_version", parts_.root.version},
                                {"awaited", parts_.ledger.awaits_recovery()}});
  for (const RecoveryRow& row : parts_.recoveries.rows())
    items.emplace_back(Value::Map{{"recovery", row.object}});
  return items;
}

Result<Value::Array> OperatorServer::manifests(const Request& request) const {
  Fields fields(arguments_of(request), "manifests");
  const auto before = fields.natural_or("before", 0);
  const auto limit = fields.natural_or("limit", limits::manifests_per_reply);
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  constexpr std::uint64_t version_max = std::numeric_limits<std::int64_t>::max();
  const auto objects =
      parts_.store.manifests(std::min(before, version_max),
                             std::clamp<std::uint64_t>(limit, 1, limits::manifests_per_reply));
  if (!objects.ok()) return objects.error();
  return items_of("manifest", *objects);
}

}  // namespace reeve
