// Root payload, a map: "format" 1, "fleet" (16 bytes), "version", "expires" (seconds since 1970),
// "origin", then the roles "root", "policy", "ledger", each {"keys": [32 bytes], "need":
// threshold}, then "ops": a list of {"name", "key" (Ed25519), "tkey" (X25519), "rights": [text]}.
// Unknown fields are refused.
#include <algorithm>

#include "common/limits.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view what = "root";
constexpr std::array<std::pair<Right, std::string_view>, 5> right_names{{
    {Right::view, "view"},
    {Right::operate, "operate"},
    {Right::publish, "publish"},
    {Right::enroll, "enroll"},
    {Right::administer, "administer"},
}};

Value value_of(const Role& role) {
  Value::Array keys(role.keys.begin(), role.keys.end());
  return Value::Map{{"keys", std::move(keys)}, {"need", role.threshold}};
}

Value value_of(const Operator& who) {
  Value::Array rights;
  for (Right right : who.rights) rights.emplace_back(name_of(right));
  return Value::Map{{"name", who.name},
                    {"key", who.key},
                    {"tkey", who.transport_key},
                    {"rights", std::move(rights)}};
}

Result<Role> read_role(const Value& value, std::string_view name) {
  Fields fields(value, name);
  const auto& keys = fields.array("keys");
  auto threshold = fields.natural("need");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (keys.size() > limits::role_keys_max) return over_limit(what, "a role has too many keys");
  Role role;
  for (const Value& item : keys) {
    auto key = item.binary() ? fixed<32>(*item.binary()) : std::nullopt;
    if (!key) return malformed(what, "a role's key is not 32 bytes");
    role.keys.push_back(*key);
  }
  if (!all_different(role.keys)) return malformed(what, "a role names one key twice");
  if (threshold == 0 || threshold > role.keys.size()) {
    return malformed(what, "a role's threshold is not between 1 and its number of keys");
  }
  role.threshold = static_cast<std::uint32_t>(threshold);
  return role;
}

Result<Operator> read_operator(const Value& value) {
  Fields fields(value, "operator");
  Operator who;
  who.name = fields.text("name");
  who.key = fields.bytes<32>("key");
  who.transport_key = fields.bytes<32>("tkey");
  auto rights = fields.texts("rights");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (!is_valid_id(who.name)) return malformed(what, "an operator's name is not valid");
  for (const std::string& name : rights) {
    auto right = right_named(name);
    if (!right) return malformed(what, "an operator has an unknown right");
    who.rights.push_back(*right);
  }
  if (!all_different(who.rights)) return malformed(what, "an operator has one right twice");
  return who;
}

Status require_different(const std::vector<Operator>& operators) {
  for (std::size_t i = 0; i < operators.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Operator& a = operators[i];
      const Operator& b = operators[j];
      if (a.name == b.name) return malformed(what, "two operators have one name");
      if (a.key == b.key || a.transport_key == b.transport_key) {
        return malformed(what, "two operators have one key");
      }
    }
  }
  return {};
}

// Names like an id, or several of them with slashes between, as C2SP advises for log origins.
bool is_valid_origin(std::string_view origin) {
  if (origin.size() > limits::name_bytes_max) return false;
  for (auto slash = origin.find('/'); slash != origin.npos; slash = origin.find('/')) {
    if (!is_valid_id(origin.substr(0, slash))) return false;
    origin.remove_prefix(slash + 1);
  }
  return is_valid_id(origin);
}

Status require_shape(const Root& root) {
  if (root.fleet == FleetId{}) return malformed(what, "the fleet's id is zero");
  if (root.version == 0) return malformed(what, "version 0 does not exist");
  if (root.expires_s <= 0) return malformed(what, "the expiry is not positive");
  if (root.expires_s > limits::signed_time_s_max) return malformed(what, "the expiry is too late");
  if (!is_valid_origin(root.origin)) return malformed(what, "the origin is not a valid name");
  return require_different(root.operators);
}

Status require_role(const SignedObject& object, const Role& role) {
  return require_signatures(object, role.keys, role.threshold);
}

}  // namespace

std::string_view name_of(Right right) {
  return right_names[static_cast<std::size_t>(right)].second;
}

std::optional<Right> right_named(std::string_view name) {
  for (const auto& [right, known] : right_names) {
    if (known == name) return right;
  }
  return std::nullopt;
}

const Operator* Root::operator_with(const KeyHash& key) const {
  auto found = std::ranges::find_if(operators,
                                    [&](const Operator& who) { return key_hash(who.key) == key; });
  return found == operators.end() ? nullptr : &*found;
}

const Operator* Root::operator_with_transport(const TransportKey& key) const {
  auto found = std::ranges::find(operators, key, &Operator::transport_key);
  return found == operators.end() ? nullptr : &*found;
}

bool has_right(const Operator& who, Right right) {
  return std::ranges::find(who.rights, right) != who.rights.end();
}

Bytes encode_root(const Root& root) {
  Value::Array operators;
  for (const Operator& who : root.operators) operators.push_back(value_of(who));
  return encode(Value::Map{{"format", format},
                           {"fleet", root.fleet},
                           {"version", root.version},
                           {"expires", root.expires_s},
                           {"origin", root.origin},
                           {"root", value_of(root.root)},
                           {"policy", value_of(root.policy)},
                           {"ledger", value_of(root.ledger)},
                           {"ops", std::move(operators)}});
}

Result<Root> decode_root(ByteView payload) {
  auto value = decode_payload(payload, what);
  if (!value) return value.error();
  Fields fields(*value, what);
  fields.natural("format");
  Root root;
  root.fleet = fields.bytes<16>("fleet");
  root.version = fields.natural("version");
  root.expires_s = fields.integer("expires");
  root.origin = fields.text("origin");
  const std::array<std::pair<Role*, std::string_view>, 3> roles{
      {{&root.root, "root"}, {&root.policy, "policy"}, {&root.ledger, "ledger"}}};
  for (const auto& role : roles) fields.value(role.second);
  const auto& operators = fields.array("ops");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  for (const auto& [place, name] : roles) {
    auto role = read_role(*value->find(name), name);
    if (!role) return role.error();
    *place = std::move(*role);
  }
  if (operators.size() > limits::operators_max) return over_limit(what, "too many operators");
  for (const Value& item : operators) {
    auto who = read_operator(item);
    if (!who) return who.error();
    root.operators.push_back(std::move(*who));
  }
  REEVE_TRY(require_shape(root));
  return root;
}

Result<Root> verify_first_root(ByteView object) {
  auto opened = open_object(object, ObjectType::root);
  if (!opened) return opened.error();
  auto root = decode_root(opened->payload);
  if (!root) return root.error();
  REEVE_TRY(require_role(*opened, root->root));
  return root;
}

Result<Root> verify_next_root(ByteView object, const Root& trusted) {
  auto opened = open_object(object, ObjectType::root);
  if (!opened) return opened.error();
  REEVE_TRY(require_role(*opened, trusted.root));
  auto root = decode_root(opened->payload);
  if (!root) return root.error();
  REEVE_TRY(require_role(*opened, root->root));
  REEVE_TRY(require_fleet(what, root->fleet, trusted));
  if (root->origin != trusted.origin) {
    return Error{"wrong_fleet", "root: a fleet's name cannot be changed"};
  }
  std::string versions = "version " + std::to_string(root->version) + " follows version " +
                         std::to_string(trusted.version);
  if (root->version <= trusted.version) return Error{"root_rollback", "root: " + versions};
  if (root->version - trusted.version != 1) return Error{"root_gap", "root: " + versions};
  return root;
}

}  // namespace reeve
