#include "controller/cli/root_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

std::vector<std::string> key_names(const Role& role) {
  std::vector<std::string> out;
  for (const PublicKey& key : role.keys) out.push_back(hex(key_hash(key).view()));
  return out;
}

std::vector<std::string> right_names(const Operator& who) {
  std::vector<std::string> out;
  for (const Right right : who.rights) out.emplace_back(name_of(right));
  return out;
}

std::string role_json(const Role& role) {
  return JsonObject().natural("threshold", role.threshold).texts("keys", key_names(role)).object();
}

std::string operator_json(const Operator& who) {
  return JsonObject()
      .text("name", who.name)
      .text("key", hex(key_hash(who.key).view()))
      .texts("rights", right_names(who))
      .object();
}

std::string role_text(std::string_view name, const Role& role) {
  std::string out =
      fmt::format("  {:<10} {} of {}", name, role.threshold, counted(role.keys.size(), "key"));
  for (const std::string& key : key_names(role)) out += "\n             " + key;
  return out + "\n";
}

std::string short_key(const PublicKey& key) { return hex(key_hash(key).view()).substr(0, 16); }

template <class T>
bool is_in(const std::vector<T>& items, const T& item) {
  return std::ranges::find(items, item) != items.end();
}

std::string role_change(std::string_view name, const Role& before, const Role& after) {
  std::string out;
  for (const PublicKey& key : after.keys)
    if (!is_in(before.keys, key)) out += fmt::format("  + {} key {}\n", name, short_key(key));
  for (const PublicKey& key : before.keys)
    if (!is_in(after.keys, key)) out += fmt::format("  - {} key {}\n", name, short_key(key));
  if (before.threshold != after.threshold)
    out += fmt::format("  ~ {} needs {} signatures, not {}\n", name, after.threshold,
                       before.threshold);
  return out;
}

const Operator* named(const Root& root, const std::string& name) {
  const auto found = std::ranges::find(root.operators, name, &Operator::name);
  return found == root.operators.end() ? nullptr : &*found;
}

std::string operator_line(char sign, const Operator& who) {
  return fmt::format("  {} operator {}, key {}: {}\n", sign, printable(who.name),
                     short_key(who.key), fmt::join(right_names(who), ", "));
}

std::string operators_change(const Root& before, const Root& after) {
  std::string out;
  for (const Operator& who : after.operators) {
    const Operator* old = named(before, who.name);
    if (old == nullptr || *old != who) out += operator_line(old == nullptr ? '+' : '~', who);
  }
  for (const Operator& who : before.operators)
    if (named(after, who.name) == nullptr) out += operator_line('-', who);
  return out;
}

}  // namespace

std::string root_json(const Root& root) {
  std::string operators;
  for (const Operator& who : root.operators) {
    operators += (operators.empty() ? "" : ",") + operator_json(who);
  }
  JsonObject out;
  out.text("origin", root.origin).natural("version", root.version);
  add_time(out, "expires", root.expires_s * 1'000'000'000);
  return out.raw("root", role_json(root.root))
      .raw("policy", role_json(root.policy))
      .raw("ledger", role_json(root.ledger))
      .raw("operators", "[" + operators + "]")
      .line();
}

std::string root_text(const Root& root, std::int64_t now_wall_ns) {
  const std::int64_t expires_ns = root.expires_s * 1'000'000'000;
  std::string out =
      fmt::format("Fleet {}, root version {}, {} {}\n\n", printable(root.origin), root.version,
                  expires_ns > now_wall_ns ? "expires" : "EXPIRED", moment_text(expires_ns));
  out += role_text("root", root.root) + role_text("policy", root.policy) +
         role_text("ledger", root.ledger);
  for (const Operator& who : root.operators) {
    out += fmt::format("  {:<10} {}: {}\n             {}\n", "operator", printable(who.name),
                       fmt::join(right_names(who), ", "), hex(key_hash(who.key).view()));
  }
  return out;
}

std::string root_change_text(const Root& before, const Root& after) {
  std::string out = fmt::format("Root version {} of fleet {}, after version {}\n  expires {}\n",
                                after.version, printable(after.origin), before.version,
                                moment_text(after.expires_s * 1'000'000'000));
  const std::string changes = role_change("root", before.root, after.root) +
                              role_change("policy", before.policy, after.policy) +
                              role_change("ledger", before.ledger, after.ledger) +
                              operators_change(before, after);
  return out + (changes.empty() ? "  no key, threshold or operator changes\n" : changes);
}

Result<Root> read_next_root(ByteView object, const Root& trusted) {
  const auto parsed = parse_signed_object(object, ObjectType::root);
  if (!parsed.ok()) return parsed.error();
  auto next = decode_root(parsed->payload);
  if (!next.ok()) return next.error();
  std::vector<PublicKey> keys = trusted.root.keys;
  keys.insert(keys.end(), next->root.keys.begin(), next->root.keys.end());
  if (auto held = count_signatures(*parsed, keys); !held.ok()) return held.error();
  if (next->fleet != trusted.fleet || next->origin != trusted.origin) {
    return Error{"wrong_fleet", "root: it is another fleet's",
                 "name the fleet that it was prepared for with --fleet"};
  }
  const std::string versions =
      fmt::format("root: version {} is to follow version {}", next->version, trusted.version);
  if (next->version <= trusted.version) return Error{"root_rollback", versions};
  if (next->version - trusted.version != 1) {
    return Error{"root_gap", versions, "take up the root in between first: reeve status does"};
  }
  return next;
}

}  // namespace reeve::cli
