// reeve token create, list and revoke: who may enroll by themselves, for how long and how often.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "common/token.h"
#include "common/token_limits.h"
#include "controller/cli/json.h"
#include "controller/cli/labels.h"
#include "controller/cli/session.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::size_t id_width = 16;
constexpr std::size_t id_digits_min = 8;
constexpr std::size_t name_width = 16;
constexpr std::string_view any_value = "*";

CommandSpec create_spec() {
  return {.name = "token create",
          .usage =
              "[--label KEY=VALUE]... [--name NAME] [--uses N] [--for TIME] [--approve] "
              "[--json]",
          .details =
              "Makes a token with which new hosts enroll by themselves, registers it with the\n"
              "controller, and prints it: one line, as good as a key. On the host:\n"
              "reeve-agent join TOKEN. A label that is given is one that every node must have;\n"
              "given several times, it may have any of these values, and with KEY=* any at all.",
          .options = {{"label", "KEY=VALUE", "a label of these nodes; may be repeated"},
                      {"name", "NAME", "their name; one * stands for any characters"},
                      {"uses", "N", "how many nodes may enroll with it; else 1"},
                      {"for", "TIME", "how long it is good, such as 90m; else 24h, at most 30d"},
                      {"approve", "", "each node waits for `reeve node approve`"},
                      json_option(),
                      fleet_option()}};
}

CommandSpec list_spec() {
  return {.name = "token list",
          .usage = "[--json]",
          .details =
              "Lists the tokens that were registered. How often each was used is the\n"
              "controller's word; `reeve status` shows nodes of a token that was used more\n"
              "often than it may as unproven (token_overused).",
          .options = {json_option(), fleet_option()}};
}

CommandSpec revoke_spec() {
  return {.name = "token revoke",
          .usage = "TOKEN",
          .details =
              "Revokes a token, by the first 8 or more digits of its id: no further node\n"
              "enrolls with it. Those that have stay; see reeve node revoke.",
          .options = {fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

Error usage_error(std::string detail) {
  return Error{.name = "usage", .detail = std::move(detail), .next = "reeve token create --help"};
}

Result<LabelBounds> bounds_of(const std::vector<std::string>& words) {
  LabelBounds bounds;
  std::vector<std::string> free;
  for (const std::string& word : words) {
    auto label = parse_label(word, "token create", any_value);
    if (!label.ok()) return label.error();
    auto& values = bounds[label->key];
    if (label->value == any_value) {
      free.push_back(label->key);
    } else {
      values.push_back(label->value);
    }
  }
  for (const std::string& key : free) bounds[key].clear();
  return bounds;
}

Result<std::uint64_t> uses_of(const Arguments& arguments) {
  const auto text = arguments.value("uses");
  if (!text) return std::uint64_t{1};
  std::uint64_t uses = 0;
  for (const char digit : *text) {
    if (digit < '0' || digit > '9' || uses > limits::token_uses_max) uses = 0;
    if (digit < '0' || digit > '9') break;
    uses = uses * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  if (uses >= 1 && uses <= limits::token_uses_max) return uses;
  return usage_error(
      fmt::format("`{}` is no number of uses; expected 1 to {}", *text, limits::token_uses_max));
}

Result<std::int64_t> lifetime_s_of(const Arguments& arguments) {
  const auto text = arguments.value("for");
  if (!text) return limits::token_lifetime_s_default;
  const auto duration_ns = parse_duration_ns(*text);
  const std::int64_t duration_s = duration_ns.value_or(0) / ns_per_s;
  if (duration_s >= 1 && duration_s <= limits::token_lifetime_s_max) return duration_s;
  return usage_error(fmt::format("`{}` is no time; expected one such as 90m, at most 30d", *text));
}

// What the command line says, without key and fleet.
Result<Token> wanted_token(const Arguments& arguments, std::int64_t now_s) {
  Token token;
  auto bounds = bounds_of(arguments.values("label"));
  if (!bounds.ok()) return bounds.error();
  const auto uses = uses_of(arguments);
  if (!uses.ok()) return uses.error();
  const auto lifetime_s = lifetime_s_of(arguments);
  if (!lifetime_s.ok()) return lifetime_s.error();
  token.labels = std::move(*bounds);
  token.name = arguments.value("name").value_or("*");
  token.uses = *uses;
  token.created_s = now_s;
  token.expires_s = now_s + *lifetime_s;
  if (arguments.has("approve")) token.approval = Approval::by_operator;
  return token;
}

Result<Digest> root_digest(const Fleet& fleet) {
  const auto root = parse_signed_object(fleet.root_object, ObjectType::root);
  if (!root.ok()) return root.error();
  return sha256(root->payload);
}

// Signed, and looked at as nodes and controller will.
Result<TokenText> make_token(Token token, const Session& session) {
  const Fleet& fleet = session.fleet();
  if (fleet.contact.enroll_address.empty()) {
    return Error{.name = "no_enrollment",
                 .detail = "public/controller names no address where hosts enroll",
                 .next =
                     "add a line `enroll tcp://HOST:PORT` behind `operators`, and run the "
                     "controller with --enroll"};
  }
  auto digest = root_digest(fleet);
  if (!digest.ok()) return digest.error();
  auto key = SigningKey::generate();
  token.key = key.public_key();
  token.fleet = fleet.root.fleet;
  token.root = *digest;
  token.controller = fleet.contact.key;
  token.enroll_address = fleet.contact.enroll_address;
  token.nodes_address = fleet.contact.nodes_address;
  Bytes object =
      seal_object(ObjectType::enrollment_token, encode_token(token), session.operator_key());
  auto verified = verify_token(object, fleet.root);
  if (!verified.ok()) return verified.error();
  return TokenText{std::move(object), std::move(key), std::move(*verified)};
}

std::string token_json(const Token& token) {
  std::string labels;
  for (const auto& [label, values] : token.labels) {
    JsonObject one;
    one.texts(label, values);
    const std::string member = one.object();
    labels += (labels.empty() ? "" : ",") + member.substr(1, member.size() - 2);
  }
  JsonObject out;
  out.text("id", hex(token.id().view())).text("name", token.name).raw("labels", "{" + labels + "}");
  out.natural("uses", token.uses);
  out.claim("approve", token.approval == Approval::by_operator);
  add_time(out, "expires", token.expires_s * ns_per_s);
  const std::string object = out.object();
  return object.substr(1, object.size() - 2);
}

int create_token(const Environment& environment, const Arguments& arguments) {
  auto wanted = wanted_token(arguments, environment.clock.wall_ns() / ns_per_s);
  if (!wanted.ok()) return print_error(wanted.error());
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto made = make_token(std::move(*wanted), **session);
  if (!made.ok()) return print_error(made.error());
  const auto answer = (*session)->controller().request("token", {{"token", made->object}});
  if (!answer.ok()) return print_error(answer.error());
  const std::string text = encode_token_text(made->object, made->key);
  const Token& token = made->token;
  if (arguments.has("json")) {
    print_out(fmt::format("{{\"token\":\"{}\",{}}}\n", text, token_json(token)));
    return exit_code::done;
  }
  // The line alone goes where it can be caught; what people read goes beside it.
  print_err(
      fmt::format("Token {} enrolls {} until {}; whoever has it can.\n"
                  "On the host: reeve-agent join TOKEN\n\n",
                  hex(token.id().view()).substr(0, id_width), counted(token.uses, "node"),
                  moment_text(token.expires_s * ns_per_s)));
  print_out(text + "\n");
  return exit_code::done;
}

std::string labels_text(const LabelBounds& bounds) {
  std::string out;
  for (const auto& [label, values] : bounds) {
    out += fmt::format(" {}={}", label,
                       values.empty() ? "*" : fmt::format("{}", fmt::join(values, "|")));
  }
  return out;
}

struct SeenToken {
  std::optional<Token> token;  // verified
  std::string unproven;
  std::uint64_t used = 0;
  std::string state;
};

SeenToken judge_token(const Value& item, const Root& root) {
  SeenToken seen;
  Fields fields(item, "token item");
  const Bytes object = fields.binary("token");
  seen.used = fields.natural_or("used", 0);
  seen.state = fields.text_or("state", "");
  auto token = verify_token(object, root);
  if (token.ok()) seen.token = std::move(*token);
  if (!token.ok()) seen.unproven = token.error().name;
  return seen;
}

std::string state_text(const SeenToken& seen, std::int64_t now_s) {
  if (seen.state != "live") return seen.state;
  if (now_s >= seen.token->expires_s) return "expired";
  return seen.used >= seen.token->uses ? "used up" : "live";
}

std::string list_line(const SeenToken& seen, std::int64_t now_s) {
  if (!seen.token) return fmt::format("unproven: {}\n", printable(seen.unproven));
  const Token& token = *seen.token;
  std::string out = fmt::format("{} {} {:<9} {} {}{}", hex(token.id().view()).substr(0, id_width),
                                padded(printable(state_text(seen, now_s)), 8),
                                fmt::format("{} of {}", seen.used, token.uses),
                                short_moment_text(token.expires_s * ns_per_s),
                                fit(token.name, name_width), labels_text(token.labels));
  while (out.ends_with(' ')) out.pop_back();
  return out + "\n";
}

std::string list_json(const SeenToken& seen, std::int64_t now_s) {
  if (!seen.token) return JsonObject().text("unproven", seen.unproven).line();
  JsonObject out;
  out.text("state", state_text(seen, now_s)).natural("used", seen.used);
  const std::string object = out.object();
  return object.substr(0, object.size() - 1) + "," + token_json(*seen.token) + "}\n";
}

int list_tokens(const Environment& environment, const Arguments& arguments) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto items = (*session)->controller().request("tokens", {});
  if (!items.ok()) return print_error(items.error());
  const std::int64_t now_s = (*session)->now_wall_ns() / ns_per_s;
  const bool json = arguments.has("json");
  if (!json && !items->empty()) {
    print_out(fmt::format("{} {} {:<9} {} {} LABELS\n", padded("TOKEN", id_width),
                          padded("STATE", 8), "USED", padded("UNTIL (UTC)", 14),
                          padded("NAME", name_width)));
  }
  for (const Value& item : *items) {
    const SeenToken seen = judge_token(item, (*session)->fleet().root);
    print_out(json ? list_json(seen, now_s) : list_line(seen, now_s));
  }
  if (!json) print_out(counted(items->size(), "token") + "\n");
  return exit_code::done;
}

int revoke_token(const Environment& environment, const Arguments& arguments) {
  const std::string& asked = arguments.operands()[0];
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto items = (*session)->controller().request("tokens", {});
  if (!items.ok()) return print_error(items.error());
  std::vector<Token> meant;
  for (const Value& item : *items) {
    auto seen = judge_token(item, (*session)->fleet().root);
    const bool is_meant = seen.token && asked.size() >= id_digits_min &&
                          hex(seen.token->id().view()).starts_with(asked);
    if (is_meant) meant.push_back(std::move(*seen.token));
  }
  if (meant.size() != 1) {
    return print_error({.name = "token_unknown",
                        .detail = fmt::format("{} begin with `{}`; one id of 8 digits or more is "
                                              "needed",
                                              counted(meant.size(), "token"), printable(asked)),
                        .next = "reeve token list"});
  }
  const auto answer = (*session)->controller().request("token_revoke", {{"token", meant[0].id()}});
  if (!answer.ok()) return print_error(answer.error());
  print_out(fmt::format("Token {} is revoked\n", hex(meant[0].id().view()).substr(0, id_width)));
  return exit_code::done;
}

}  // namespace

int run_token_create(const Environment& environment, CommandArguments arguments) {
  return with_arguments(create_spec(), arguments,
                        [&](const Arguments& parsed) { return create_token(environment, parsed); });
}

int run_token_list(const Environment& environment, CommandArguments arguments) {
  return with_arguments(list_spec(), arguments,
                        [&](const Arguments& parsed) { return list_tokens(environment, parsed); });
}

int run_token_revoke(const Environment& environment, CommandArguments arguments) {
  return with_arguments(revoke_spec(), arguments,
                        [&](const Arguments& parsed) { return revoke_token(environment, parsed); });
}

}  // namespace reeve::cli
