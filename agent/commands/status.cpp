// reeve-agent status: what the agent on this host says of itself, for the host's owner.
#include <fmt/format.h>

#include "agent/commands/commands.h"
#include "agent/control.h"
#include "common/clock.h"
#include "common/text.h"

namespace reeve {
namespace {

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

// One line of the agent itself, one for each rule, one for each incident that is open, one for each
// of the last receipts.
void print_json(const Value& status) {
  Value::Map agent{{"type", "agent"}};
  for (const auto& [key, value] : *status.map())
    if (key != "rule_states" && key != "open" && key != "last") agent.emplace_back(key, value);
  print(json_of(agent) + "\n");
  for (const auto& [list, type] :
       {std::pair{"rule_states", "rule"}, {"open", "incident"}, {"last", "receipt"}}) {
    for (const Value& item : items_at(status, list)) {
      Value::Map line{{"type", type}};
      if (item.map() != nullptr) line.insert(line.end(), item.map()->begin(), item.map()->end());
      print(json_of(line) + "\n");
    }
  }
}

// When it was, and nothing where it never was.
std::string moment_at(const Value& map, std::string_view key) {
  const Value* value = map.find(key);
  const auto wall_ns = value == nullptr ? std::nullopt : value->integer();
  return wall_ns && *wall_ns > 0 ? std::string(utc_text(*wall_ns).text) : std::string();
}

std::string watched_line(const Value& status) {
  std::string out;
  if (const Value* watched = status.find("watched"); watched != nullptr && watched->map())
    for (const auto& [what, count] : *watched->map())
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", what, count.natural().value_or(0));
  return fmt::format("watched    {}\n", out.empty() ? "nothing" : out);
}

std::string sent_line(const Value& status) {
  const std::string at = moment_at(status, "acknowledged");
  return fmt::format("sent       {} batches unacknowledged, last acknowledged: {}\n",
                     text_at(status, "unacknowledged"), at.empty() ? "none since the start" : at);
}

// What this host's owner lets be, and who of them.
void print_owner_acts(const Value& status) {
  for (const Value& act : items_at(status, "owner_acts")) {
    const std::string object = text_at(act, "object");
    const std::string user = text_at(act, "user");
    print(fmt::format("{:<10} {}{}{} until {} by {}: {}\n", object.empty() ? "paused" : "held",
                      printable(text_at(act, "rule")), object.empty() ? "" : " ", printable(object),
                      until_text(act),
                      user.empty() ? "uid " + text_at(act, "uid") : printable(user),
                      printable(text_at(act, "reason"))));
  }
}

void print_last(const Value& status) {
  for (const Value& receipt : items_at(status, "last"))
    print(fmt::format("last: {} {} {}  {}\n      incident {}\n", moment_at(receipt, "at"),
                      text_at(receipt, "outcome"), printable(text_at(receipt, "rule")),
                      printable(text_at(receipt, "object")), text_at(receipt, "incident")));
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
  print_owner_acts(status);
  print(ledger_line(status));
  print(sent_line(status));
  print(watched_line(status));
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
  print_last(status);
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
