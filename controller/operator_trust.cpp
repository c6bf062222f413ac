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
  const auto& ledger_keys = next->ledger.keys;
  if (std::ranges::find(ledger_keys, parts_.ledger_key) == ledger_keys.end()) {
    return Error{"key_mismatch",
                 "root: it leaves out the ledger key that this controller signs with",
                 "keep the old ledger key in this root until the controller runs with the new one"};
  }
  REEVE_TRY(commit_change(request, Brought{ObjectType::root, object},
                          [&] { return parts_.store.put_root(next->version, object); }));
  // The request's operator belongs to the root before and is not looked at any more.
  parts_.root = std::move(*next);
  parts_.acts.judge_again(parts_.root);
  parts_.publisher.add_root(std::move(object));
  REEVE_TRY(parts_.publisher.load(parts_.root));
  return Value::Array{};
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
