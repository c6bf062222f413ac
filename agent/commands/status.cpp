// reeve-agent status: what the agent on this host says of itself, for the host's owner.
#include <fmt/format.h>

#include "agent/commands/commands.h"
#include "agent/control.h"
#include "common/clock.h"
#include "common/text.h"

namespace reeve {
namespace {

std::string text_at(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  if (value == nullptr) return {};
  if (const std::string* text = value->text()) return *text;
  if (const bool* claim = value->boolean()) return *claim ? "yes" : "no";
  if (const auto number = value->integer()) return std::to_string(*number);
  return {};
}

const Value::Array& items_at(const Value& map, std::string_view key) {
  static const Value::Array none;
  const Value* value = map.find(key);
  return value != nullptr && value->array() != nullptr ? *value->array() : none;
}

std::string joined(const Value::Array& items) {
  std::string out;
  for (const Value& item : items)
    if (item.text() != nullptr) out += (out.empty() ? "" : ", ") + *item.text();
  return out.empty() ? "none" : out;
}

std::string counts_of(const Value& status) {
  std::string out;
  const Value* states = status.find("states");
  if (states == nullptr || states->map() == nullptr) return out;
  for (const auto& [name, count] : *states->map())
    out += fmt::format(", {} {}", count.natural().value_or(0), name);
  return out.empty() ? out : " (" + out.substr(2) + ")";
}

std::string json_of(const Value& value) {
  if (const std::string* text = value.text()) return json_quote(*text);
  if (const bool* claim = value.boolean()) return *claim ? "true" : "false";
  if (const auto number = value.integer()) return std::to_string(*number);
  std::string out;
  if (const Value::Array* items = value.array()) {
    for (const Value& item : *items) out += (out.empty() ? "" : ",") + json_of(item);
    return "[" + out + "]";
  }
  if (const Value::Map* entries = value.map()) {
    for (const auto& [key, entry] : *entries)
      out += (out.empty() ? "" : ",") + json_quote(key) + ":" + json_of(entry);
    return "{" + out + "}";
  }
  return "null";
}

// One line of the agent itself, one for each rule, one for each incident that is open.
void print_json(const Value& status) {
  Value::Map agent{{"type", "agent"}};
  for (const auto& [key, value] : *status.map())
    if (key != "rule_states" && key != "open") agent.emplace_back(key, value);
  print(json_of(agent) + "\n");
  for (const auto& [list, type] :
       {std::pair{"rule_states", "rule"}, std::pair{"open", "incident"}}) {
    for (const Value& item : items_at(status, list)) {
      Value::Map line{{"type", type}};
      if (item.map() != nullptr) line.insert(line.end(), item.map()->begin(), item.map()->end());
      print(json_of(line) + "\n");
    }
  }
}

std::string policy_line(const Value& status) {
  if (text_at(status, "policy") == "0") return "none yet";
  std::string out = fmt::format("version {}, rules: {}{}", text_at(status, "policy"),
                                text_at(status, "rules"), counts_of(status));
  if (text_at(status, "stale") == "yes") out += " (stale: expired, still enforced)";
  return out;
}

std::string ledger_line(const Value& status) {
  const std::string error = text_at(status, "ledger_error");
  const std::string size = text_at(status, "ledger_size");
  std::string out = size == "0" ? "no checkpoint yet" : size + " leaves accepted";
  if (error == "ledger_rewritten")
    out += "; ledger_rewritten: a signed checkpoint contradicts it, see the records of that name";
  if (error == "recovery_refused")
    out += "; recovery_refused: it does not follow the recovery that is shown, see its record";
  if (error == "ledger_shorter") out += "; ledger_shorter: the controller shows fewer";
  return fmt::format("ledger     {}\n", out);
}

void print_text(const Value& status) {
  print(fmt::format("node       {}\n", printable(text_at(status, "node"))));
  print(fmt::format("policy     {}\n", policy_line(status)));
  if (const std::string refused = text_at(status, "refused"); !refused.empty())
    print(fmt::format("refused    {}\n", printable(refused)));
  for (const Value& pause : items_at(status, "paused"))
    print(fmt::format("paused     by {}: {}\n", printable(text_at(pause, "operator")),
                      printable(text_at(pause, "reason"))));
  print(fmt::format("link       {}, isolation: {}\n", text_at(status, "link"),
                    text_at(status, "isolation")));
  print(ledger_line(status));
  print(fmt::format("sensors    {}\n", joined(items_at(status, "sensors"))));
  for (const Value& spot : items_at(status, "blind_spots"))
    if (spot.text() != nullptr) print(fmt::format("blind      {}\n", printable(*spot.text())));
  if (const std::string disk = text_at(status, "disk"); !disk.empty())
    print(fmt::format("disk       {}: records wait in memory\n", printable(disk)));
  print("\n");
  for (const Value& rule : items_at(status, "rule_states"))
    print(fmt::format("{:<14} {:<8}  {}\n", text_at(rule, "state"), text_at(rule, "severity"),
                      printable(text_at(rule, "rule"))));
  for (const Value& incident : items_at(status, "open")) {
    print(fmt::format("open: {}  {}\n      {}: found {}, wanted {}\n",
                      printable(text_at(incident, "rule")), printable(text_at(incident, "object")),
                      text_at(incident, "outcome"), printable(text_at(incident, "found")),
                      printable(text_at(incident, "desired"))));
    if (const std::string rival = text_at(incident, "rival"); !rival.empty())
      print(fmt::format("      broken again and again by {}\n", printable(rival)));
  }
}

}  // namespace

int show_status(const Options& options) {
  const auto status = ask_agent(options.state, "status");
  if (!status.ok()) return tell_error(status.error());
  if (status->map() == nullptr)
    return tell_error({"control_failed", "the agent's answer cannot be read"});
  if (options.is_json)
    print_json(*status);
  else
    print_text(*status);
  const bool is_well =
      items_at(*status, "open").empty() && text_at(*status, "ledger_error").empty();
  return is_well ? 0 : 2;
}

}  // namespace reeve
