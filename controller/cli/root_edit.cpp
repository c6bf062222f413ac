#include "controller/cli/root_edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"

namespace reeve::cli {
namespace {

constexpr std::size_t key_prefix_min = 8;

Role& role_of(Root& root, RoleName name) {
  switch (name) {
    case RoleName::root:
      return root.root;
    case RoleName::policy:
      return root.policy;
    case RoleName::ledger:
      return root.ledger;
  }
  return root.root;
}

Error too_high(std::uint64_t threshold, std::size_t keys) {
  return Error{"threshold_too_high",
               fmt::format("{} signatures of {} keys can never be had", threshold, keys),
               "change the threshold first: reeve root set-threshold"};
}

}  // namespace

std::optional<RoleName> role_named(std::string_view name) {
  if (name == "root") return RoleName::root;
  if (name == "policy") return RoleName::policy;
  if (name == "ledger") return RoleName::ledger;
  return std::nullopt;
}

Root next_of(const Root& root, std::int64_t expires_s) {
  Root next = root;
  ++next.version;
  next.expires_s = expires_s;
  return next;
}

Status add_key(Root& root, RoleName name, const PublicKey& key) {
  Role& role = role_of(root, name);
  if (std::ranges::find(role.keys, key) != role.keys.end())
    return Error{"key_known", "the role has this key already"};
  if (role.keys.size() >= limits::role_keys_max)
    return Error{"limit_exceeded", "the role has as many keys as it may have"};
  role.keys.push_back(key);
  return {};
}

Status remove_key(Root& root, RoleName name, std::string_view prefix) {
  Role& role = role_of(root, name);
  const auto is_meant = [&](const PublicKey& key) {
    return hex(key_hash(key).view()).starts_with(prefix);
  };
  if (prefix.size() < key_prefix_min || std::ranges::count_if(role.keys, is_meant) != 1) {
    return Error{"key_unknown", fmt::format("`{}` does not name one key of this role", prefix),
                 "reeve root show names them; eight digits are enough"};
  }
  if (role.keys.size() - 1 < role.threshold) return too_high(role.threshold, role.keys.size() - 1);
  std::erase_if(role.keys, is_meant);
  return {};
}

Status set_threshold(Root& root, RoleName name, std::uint64_t threshold) {
  Role& role = role_of(root, name);
  if (threshold == 0 || threshold > role.keys.size()) return too_high(threshold, role.keys.size());
  role.threshold = static_cast<std::uint32_t>(threshold);
  return {};
}

Status put_operator(Root& root, Operator who) {
  std::erase_if(root.operators, [&](const Operator& known) { return known.name == who.name; });
  const bool is_taken = std::ranges::any_of(root.operators, [&](const Operator& known) {
    return known.key == who.key || known.transport_key == who.transport_key;
  });
  if (is_taken) return Error{"key_known", "another operator has one of these keys"};
  if (root.operators.size() >= limits::operators_max)
    return Error{"limit_exceeded", "there are as many operators as there may be"};
  root.operators.push_back(std::move(who));
  return {};
}

Status remove_operator(Root& root, std::string_view name) {
  const auto gone =
      std::erase_if(root.operators, [&](const Operator& known) { return known.name == name; });
  if (gone > 0) return {};
  return Error{"operator_unknown", fmt::format("there is no operator {}", name),
               "reeve root show names them"};
}

}  // namespace reeve::cli
