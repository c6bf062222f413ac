// What speaks about one thing on this host, and what each rule would do about it now: it looks, as
// a sensor's word would make the cycle look, and changes nothing.
#include <fmt/format.h>

#include <charconv>

#include "agent/agent.h"
#include "agent/host_sockets.h"
#include "common/text.h"

namespace reeve {
namespace {

constexpr std::size_t deviations_told_max = 5;  // of one rule
constexpr std::size_t field_text_bytes_max = 512;

Error subject_unclear() {
  return {"usage", "what is asked about is a path or a port",
          "reeve-agent why /etc/motd, reeve-agent why 22, reeve-agent why tcp/22"};
}

// "/etc/motd", "22", "tcp/22", "udp/53".
Result<Subject> subject_in(std::string_view text) {
  Subject out;
  if (text.starts_with('/')) {
    out.path = text;
    return out;
  }
  for (const Transport transport : {Transport::tcp, Transport::udp}) {
    const std::string start = std::string(name_of(transport)) + "/";
    if (!text.starts_with(start)) continue;
    out.transport = transport;
    text.remove_prefix(start.size());
    break;
  }
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out.port);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || out.port == 0)
    return subject_unclear();
  return out;
}

// A rule's fields as one line: "path: /etc/motd, mode: 0644".
std::string field_text(const Value& value) {
  if (const auto name = value.any_name()) return *name;
  if (const bool* claim = value.boolean()) return *claim ? "true" : "false";
  if (const auto number = value.integer()) return std::to_string(*number);
  std::string out;
  const auto add = [&out](std::string_view part) {
    if (!out.empty()) out += ", ";
    out += part;
  };
  if (const Value::Array* items = value.array()) {
    for (const Value& item : *items) add(field_text(item));
    return "[" + out + "]";
  }
  if (const Value::Map* entries = value.map())
    for (const auto& [key, entry] : *entries) add(key + ": " + field_text(entry));
  return out;
}

}  // namespace

Result<Value::Map> Agent::why(const Value& question) const {
  const Value* asked = question.find("subject");
  const auto subject = subject_in(asked == nullptr ? "" : asked->any_name().value_or(""));
  if (!subject.ok()) return subject.error();
  // A rule may speak of it under the name that links lead to.
  Subject resolved = *subject;
  if (!subject->path.empty())
    if (const auto path = parts_.eyes.resolve(subject->path); path.ok() && *path)
      resolved.path = **path;
  const std::int64_t until = parts_.clock.monotonic_ns() + limits::why_look_ns_max;
  Value::Array rules;
  std::uint64_t more = 0;
  for (const ActiveRule& active : enforcer_.policy().rules) {
    const bool is_direct = active.resource->speaks_of(*subject);
    if (!is_direct && !active.resource->speaks_of(resolved)) continue;
    if (rules.size() >= limits::why_rules_max || parts_.clock.monotonic_ns() >= until)
      ++more;
    else
      rules.emplace_back(rule_told(active, is_direct ? *subject : resolved));
  }
  return Value::Map{{"rules", std::move(rules)}, {"more", more}};
}

Value::Map Agent::rule_told(const ActiveRule& active, const Subject& subject) const {
  const Rule& rule = active.rule;
  Value::Map out{{"policy", enforcer_.policy().reference_of(active).name},
                 {"rule", rule.id},
                 {"title", shortened(printable(rule.title), 256)},
                 {"kind", rule.kind},
                 {"severity", name_of(rule.severity)},
                 {"mode", name_of(rule.mode)},
                 {"owner", shortened(printable(rule.owner), 128)},
                 {"state", name_of(active.state)},
                 {"wants", shortened(printable(field_text(rule.fields)), field_text_bytes_max)}};
  const auto seen =
      active.resource->check(parts_.eyes, subject.path.empty() ? Scope{} : Scope{subject.path});
  Value::Array deviations;
  if (seen.ok())
    for (const Deviation& deviation : seen->deviations)
      if (deviations.size() < deviations_told_max)
        deviations.emplace_back(deviation_told(active, deviation));
  const Error* blind = !seen.ok() ? &seen.error() : seen->unseen ? &*seen->unseen : nullptr;
  if (blind != nullptr) {
    out.emplace_back("error", blind->name);
    out.emplace_back("detail", shortened(printable(blind->detail), 256));
  }
  const auto [would, because] = course_for(active, {});
  out.emplace_back("would", would);
  out.emplace_back("because", because);
  out.emplace_back("deviations", std::move(deviations));
  return out;
}

Value::Map Agent::deviation_told(const ActiveRule& active, const Deviation& deviation) const {
  const auto [would, because] = course_for(active, deviation);
  return {{"object", shortened(printable(deviation.object), 256)},
          {"found", shortened(printable(deviation.found), 256)},
          {"desired", shortened(printable(deviation.desired), 256)},
          {"would", would},
          {"because", because}};
}

// In the order in which the cycle asks (cycle.cpp).
std::pair<std::string, std::string> Agent::course_for(const ActiveRule& active,
                                                      const Deviation& deviation) const {
  if (active.rule.mode == Mode::audit) return {"report", "audit"};
  if (parts_.hands == nullptr) return {"report", "audit"};
  if (!deviation.refusal.empty()) return {"report", deviation.refusal};
  if (!pausing_.empty()) return {"wait", "act"};
  if (active.is_paused) return {"wait", "owner"};
  if (active.held.contains(deviation.object)) return {"wait", "held"};
  const auto& open =
      incidents_.of_rule(enforcer_.policy().reference_of(active).name, active.rule.id);
  const auto known = open.find(deviation.object);
  if (known != open.end() && known->second.is_contested()) return {"wait", "breaker"};
  return {"put_right", ""};
}

}  // namespace reeve
