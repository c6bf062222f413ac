#include "agent/kinds/firewall_rule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/kind_limits.h"
#include "agent/kinds/field_values.h"
#include "agent/kinds/firewall_rows.h"
#include "agent/kinds/nft_numbers.h"
#include "agent/kinds/nft_text.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

constexpr std::array<std::string_view, 5> families = {"ip", "ip6", "inet", "arp", "bridge"};

// Tables that programs make for themselves and take for their own: iptables-nft, ip6tables-nft,
// arptables-nft and ebtables-nft, ...
constexpr std::array<std::string_view, 6> xtables = {"filter", "nat",      "mangle",
                                                     "raw",    "security", "broute"};
// ... and those whose names begin so, in every family.
constexpr std::array<std::string_view, 13> foreign_starts = {
    "firewalld", "f2b-", "fail2ban", "docker", "libvirt",  "kube",    "cilium",
    "netavark",  "lxc",  "lxd",      "incus",  "crowdsec", "sshguard"};
constexpr std::array<std::string_view, 3> reserved_starts = {"reeve_inbound_", "reeve_forbid_",
                                                             "reeve_port"};

template <class Starts>
bool begins_with_one_of(std::string_view name, const Starts& starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [&](std::string_view start) { return name.starts_with(start); });
}

std::string text_of_field(const Rule& rule, std::string_view field) {
  const Value* value = rule.fields.find(field);
  return value == nullptr ? std::string() : value->any_name().value_or("");
}

// "FAMILY NAME" or "FAMILY TABLE CHAIN"; empty where it is not just so.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t space = text.find(' ');
    out.emplace_back(text.substr(0, space));
    if (space == std::string_view::npos) return out;
    text.remove_prefix(space + 1);
  }
}

bool is_family(std::string_view word) {
  return std::find(families.begin(), families.end(), word) != families.end();
}

Result<TableId> read_table(const Rule& rule) {
  const auto words = words_of(text_of_field(rule, "table"));
  if (words.size() != 2 || !is_family(words[0]) || !is_plain_nft_name(words[1]))
    return invalid_rule(rule, "table", "is not \"FAMILY NAME\", as in \"inet reeve_web\"");
  const bool is_xtables =
      words[0] != "inet" && std::find(xtables.begin(), xtables.end(), words[1]) != xtables.end();
  if (is_xtables || begins_with_one_of(words[1], foreign_starts))
    return invalid_rule(rule, "table", "is a name that another program takes for its own");
  if (begins_with_one_of(words[1], reserved_starts))
    return invalid_rule(rule, "table", "is a name that other fields make tables under");
  return TableId{words[0], words[1]};
}

ScratchText whole_table(TableId table, std::string_view body) {
  std::string text =
      fmt::format("table {} {{\n{}\n}}\n", to_text(table), with_protocol_numbers(body));
  return {std::move(table), std::move(text)};
}

// An Error of the judge, with the rule and the field that it speaks of.
Error located(const Rule& rule, std::string_view field, const Error& error) {
  return Error{error.name, fmt::format("rule {}: {}: {}", printable(rule.id), field, error.detail)};
}

Result<std::vector<std::string>> read_keep(const Rule& rule, std::string_view body) {
  std::vector<std::string> out;
  const Value* value = rule.fields.find("keep");
  const Value::Array* items = value == nullptr ? nullptr : value->array();
  if (items == nullptr) return out;
  const auto declared = declared_sets(body);
  for (const Value& item : *items) {
    const std::string name = item.any_name().value_or("");
    if (!is_plain_nft_name(name) ||
        std::find(declared.begin(), declared.end(), name) == declared.end())
      return invalid_rule(rule, "keep", "names no set or map of the body: " + printable(name));
    out.push_back(name);
  }
  return out;
}

Result<FirewallRule> bind_table(const Rule& rule) {
  auto table = read_table(rule);
  if (!table.ok()) return table.error();
  if (rule.fields.find("body") == nullptr) return invalid_rule(rule, "body", "is missing");
  const std::string body = text_of_field(rule, "body");
  if (Status judged = judge_table_body(body); !judged.ok())
    return located(rule, "body", judged.error());
  auto keep = read_keep(rule, body);
  if (!keep.ok()) return keep.error();
  OwnTable out{whole_table(std::move(*table), body), std::move(*keep), rule.show_content};
  out.keep_content = rule.keep_content;
  return FirewallRule(std::move(out));
}

// A rule's id may hold ":", which no name in nft may, and never holds "/", which one may.
TableId table_for(std::string_view start, const Rule& rule) {
  std::string name = std::string(start) + rule.id;
  std::replace(name.begin(), name.end(), ':', '/');
  return {"inet", std::move(name)};
}

Result<FirewallRule> bind_rows(const Rule& rule, std::string_view field) {
  auto rows = read_rows(rule, field);
  if (!rows.ok()) return rows.error();
  const bool is_inbound = field == "inbound";
  const auto says_no_port = [](const TrafficRow& row) { return row.ports.empty(); };
  if (!is_inbound && (rows->empty() || std::any_of(rows->begin(), rows->end(), says_no_port)))
    return invalid_rule(rule, field, "names no port");
  const std::string body = is_inbound ? inbound_body(*rows) : forbid_body(*rows);
  if (body.size() > limits::body_bytes_max)
    return invalid_rule(rule, field, "makes a table that is too large; write it as two rules");
  const auto table = table_for(is_inbound ? "reeve_inbound_" : "reeve_forbid_", rule);
  OwnTable out{whole_table(table, body), {}, rule.show_content};
  out.is_named_after_rule = true;
  out.keep_content = rule.keep_content;
  if (!is_inbound)
    for (const TrafficRow& row : *rows)
      out.ports.insert(out.ports.end(), row.ports.begin(), row.ports.end());
  return FirewallRule(std::move(out));
}

Result<FirewallRule> bind_require(const Rule& rule) {
  const auto words = words_of(text_of_field(rule, "chain"));
  if (words.size() != 3 || !is_family(words[0]) || !is_plain_nft_name(words[1]) ||
      !is_plain_nft_name(words[2]))
    return invalid_rule(rule, "chain", "is not \"FAMILY TABLE CHAIN\", as in \"ip filter INPUT\"");
  if (begins_with_one_of(words[1], reserved_starts))
    return invalid_rule(rule, "chain", "is in a table that another rule of ours keeps whole");
  const std::string text = text_of_field(rule, "require");
  if (Status judged = judge_rule_text(text); !judged.ok())
    return located(rule, "require", judged.error());
  const std::string mark = "reeve:" + rule.id;
  if (mark.size() > limits::nft_comment_bytes_max)
    return invalid_rule(rule, "id", "is too long to mark a rule with: at most 122 characters");
  const std::string body =
      fmt::format("\tchain {} {{\n\t\t{} comment \"{}\"\n\t}}", words[2], text, mark);
  return FirewallRule(RequiredRule{whole_table({words[0], words[1]}, body), words[2],
                                   with_protocol_numbers(text), mark});
}

// Fields that speak of one of the four only.
Status check_companions(const Rule& rule) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> companions = {
      {{"body", "table"}, {"keep", "table"}, {"chain", "require"}}};
  for (const auto& [field, of] : companions)
    if (rule.fields.find(field) != nullptr && rule.fields.find(of) == nullptr)
      return invalid_rule(rule, field, fmt::format("goes with {} only", of));
  return {};
}

}  // namespace

Result<FirewallRule> bind_firewall_rule(const Rule& rule) {
  REEVE_TRY(check_companions(rule));
  if (rule.fields.find("table") != nullptr) return bind_table(rule);
  if (rule.fields.find("require") != nullptr) return bind_require(rule);
  return bind_rows(rule, rule.fields.find("inbound") != nullptr ? "inbound" : "forbid");
}

}  // namespace reeve
