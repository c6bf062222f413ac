#include "controller/cli/node_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

constexpr std::size_t name_width = 16;
constexpr std::size_t state_width = 9;
constexpr std::size_t link_width = 4;
constexpr std::size_t policy_width = 6;
constexpr std::size_t rules_width = 11;
constexpr std::size_t seen_width = 10;
constexpr std::size_t line_width = 80;

Colour colour_of(NodeState state) {
  switch (state) {
    case NodeState::compliant:
      return Colour::green;
    case NodeState::deviating:
    case NodeState::refused:
    case NodeState::unproven:
      return Colour::red;
    case NodeState::stale:
    case NodeState::silent:
    case NodeState::paused:
      return Colour::yellow;
  }
  return Colour::none;
}

std::string_view clock_remark(const Heartbeat& heartbeat, std::int64_t now_wall_ns) {
  if (heartbeat.made.wall_ns > now_wall_ns) return "its clock is ahead";
  return "its clock is behind, or its heartbeat was held back";
}

// What to do about what was found.
struct Advice {
  std::string_view reason;
  std::string_view next;
};
constexpr std::array advices{
    Advice{"key_fork",
           "Its record keys were used in two places: its state was restored from a snapshot, "
           "cloned, or stolen. Find out which; then enroll the host anew and revoke this node."},
    Advice{"not_listed",
           "This machine knows it and the controller does not tell of it: the controller lost or "
           "hides it. If it was removed on purpose: reeve node forget NAME."},
    Advice{"ending_withheld",
           "An operator has ended this node and the controller does not tell of it any more: it "
           "came back from a backup, or hides it. End it again: reeve node revoke NODE."},
    Advice{"certificate_rollback",
           "The controller shows an older certificate than this machine has seen: it came back "
           "from a backup, or hides what changed."},
    Advice{"heartbeat_rollback",
           "The controller shows an older heartbeat than this machine has seen, or none: it came "
           "back from a backup, or repeats what was true once."},
    Advice{"key_unknown",
           "No chain of keys leads from its certificate to the key that signed: the controller "
           "lost or hides part of the chain. Restarting the agent sends its latest part again."},
    Advice{"key_rollback",
           "The controller shows less of its keys than this machine has seen: it came back from a "
           "backup, or hides the rest for whoever has an old key. Restarting the agent sends what "
           "a backup lacks."},
    Advice{"ledger_rewritten",
           "A checkpoint was signed that contradicts one which this node had accepted. Its record "
           "of that name has both: look for each in the ledger. Treat the controller as taken."},
    Advice{"ledger_shorter",
           "The controller shows this node fewer leaves than it has seen: the ledger was put back "
           "from a copy, or something is hidden. The node keeps all that it records."},
    Advice{"recovery_refused",
           "It was shown a recovery of the ledger that it does not follow; its record of the "
           "refusal says why. Its records wait on the host."},
    Advice{"key_retired",
           "The key that signed had a successor by then: an old heartbeat is repeated, or an old "
           "key was stolen."},
};

std::string advice_page(const SeenNode& node) {
  std::string out;
  for (const Advice& advice : advices) {
    // What the controller flags, `reeve node show` says more of.
    const bool is_flag =
        std::find(node.flags.begin(), node.flags.end(), advice.reason) != node.flags.end();
    const bool is_told = node.heartbeat && node.heartbeat->ledger.error == advice.reason;
    if ((node.unproven != advice.reason && !is_told) || is_flag) continue;
    out += field_lines("what to do", advice.next);
  }
  return out;
}

// What the columns cannot say, most urgent first.
std::vector<std::string> remarks_of(const SeenNode& node,
                                    const std::optional<VerifiedManifest>& newest,
                                    std::int64_t now_wall_ns) {
  std::vector<std::string> out;
  if (!node.unproven.empty()) out.push_back(printable(node.unproven));
  for (const std::string& flag : node.flags) out.push_back(printable(flag));
  if (!node.heartbeat) return out;
  const Heartbeat& heartbeat = *node.heartbeat;
  if (!heartbeat.ledger.error.empty()) out.push_back(printable(heartbeat.ledger.error));
  if (!heartbeat.refused.empty()) out.push_back("refused: " + printable(heartbeat.refused));
  if (is_behind(node, newest)) out.push_back(fmt::format("behind {}", newest->manifest.version));
  if (is_ahead(node, newest)) {
    out.push_back(fmt::format("has adopted {}, the controller shows {}", heartbeat.manifest_version,
                              newest ? newest->manifest.version : 0));
  }
  if (has_wrong_clock(node, now_wall_ns)) out.emplace_back(clock_remark(heartbeat, now_wall_ns));
  const RuleSums sums = sum_rules(heartbeat);
  if (sums.paused > 0) out.push_back(fmt::format("{} paused", counted(sums.paused, "rule")));
  const auto held = heartbeat.rules[static_cast<std::size_t>(RuleState::held)];
  if (held > 0) out.push_back(fmt::format("{} held", counted(held, "rule")));
  const std::uint64_t unknown = sums.unknown - sums.paused;
  if (unknown > 0) out.push_back(fmt::format("{} not known", counted(unknown, "rule")));
  if (heartbeat.isolation != "full") {
    out.push_back("isolation: " + printable(heartbeat.isolation));
  }
  return out;
}

std::string rules_text(const SeenNode& node) {
  if (!node.heartbeat) return "-";
  const RuleSums sums = sum_rules(*node.heartbeat);
  return fmt::format("{} of {}", sums.deviating, sums.all);
}

std::string policy_text(const SeenNode& node) {
  if (!node.heartbeat || node.heartbeat->manifest_version == 0) return "-";
  return std::to_string(node.heartbeat->manifest_version);
}

std::string seen_text(const SeenNode& node, std::int64_t now_wall_ns) {
  return ago_text(node.heartbeat ? node.heartbeat->made.wall_ns : 0, now_wall_ns);
}

std::string rules_json(const Heartbeat& heartbeat) {
  JsonObject out;
  for (std::size_t i = 0; i < rule_states; ++i) {
    out.natural(name_of(static_cast<RuleState>(i)), heartbeat.rules[i]);
  }
  return out.object();
}

std::string labels_json(const Labels& labels) {
  JsonObject out;
  for (const auto& [key, value] : labels) out.text(key, value);
  return out.object();
}

void add_heartbeat(JsonObject& out, const Heartbeat& heartbeat) {
  const RuleSums sums = sum_rules(heartbeat);
  add_time(out, "last_heartbeat", heartbeat.made.wall_ns);
  out.text("agent_version", heartbeat.agent_version)
      .text("epoch", hex(heartbeat.epoch.view()))
      .natural("root_version", heartbeat.root_version)
      .natural("policy_version", heartbeat.manifest_version)
      .text("manifest_digest", hex(heartbeat.manifest_digest.view()))
      .claim("stale", heartbeat.stale)
      .text("refused", heartbeat.refused)
      .natural("ledger_size", heartbeat.ledger.size)
      .text("ledger_root", hex(heartbeat.ledger.root.view()))
      .text("ledger_error", heartbeat.ledger.error)
      .natural("rules", sums.all)
      .natural("deviating", sums.deviating)
      .raw("rule_states", rules_json(heartbeat))
      .natural("pauses", heartbeat.pauses.size())
      .text("isolation", heartbeat.isolation)
      .texts("sensors", heartbeat.sensors)
      .texts("blind_spots", heartbeat.blind_spots);
}

std::string field(std::string_view label, std::string_view text) {
  return text.empty() ? std::string() : field_lines(label, printable(text));
}

std::string without_trailing_spaces(std::string text) {
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

std::string heartbeat_page(const Heartbeat& heartbeat, std::int64_t now_wall_ns) {
  std::string out;
  out += field("heartbeat", fmt::format("{} ({})", moment_text(heartbeat.made.wall_ns),
                                        ago_text(heartbeat.made.wall_ns, now_wall_ns)));
  out += field("agent", heartbeat.agent_version);
  out += field("isolation", heartbeat.isolation);
  out += field("root", fmt::format("version {}", heartbeat.root_version));
  out += field("policy", heartbeat.manifest_version == 0
                             ? std::string("none yet")
                             : fmt::format("version {}, manifest {}", heartbeat.manifest_version,
                                           hex(heartbeat.manifest_digest.view()).substr(0, 16)));
  out += field("refused", heartbeat.refused);
  out += field("ledger", heartbeat.ledger.error);
  for (std::size_t i = 0; i < rule_states; ++i) {
    if (heartbeat.rules[i] == 0) continue;
    out += field("rules",
                 fmt::format("{} {}", heartbeat.rules[i], name_of(static_cast<RuleState>(i))));
  }
  out += field("sensors", fmt::format("{}", fmt::join(heartbeat.sensors, ", ")));
  for (const std::string& spot : heartbeat.blind_spots) out += field("blind to", spot);
  return out + field("sealed", fmt::format("{} urgent and {} routine records in this epoch",
                                           heartbeat.sealed[0], heartbeat.sealed[1]));
}

}  // namespace

bool is_behind(const SeenNode& node, const std::optional<VerifiedManifest>& newest) {
  return newest && node.heartbeat && node.heartbeat->manifest_version < newest->manifest.version;
}

bool is_ahead(const SeenNode& node, const std::optional<VerifiedManifest>& newest) {
  const std::uint64_t shown = newest ? newest->manifest.version : 0;
  return node.heartbeat && node.heartbeat->manifest_version > shown;
}

std::string node_json(const SeenNode& node, const std::optional<VerifiedManifest>& newest,
                      std::int64_t now_wall_ns) {
  JsonObject out;
  out.text("node", node.name()).text("state", name_of(state_of(node, now_wall_ns)));
  out.claim("behind", is_behind(node, newest)).claim("connected", node.connected);
  out.claim("clock_wrong", has_wrong_clock(node, now_wall_ns));
  if (node.certificate) {
    out.text("node_id", hex(node.certificate->node.view()))
        .natural("certificate_version", node.certificate->version)
        .raw("labels", labels_json(node.certificate->labels));
    add_time(out, "issued", node.certificate->issued_s * 1'000'000'000);
  }
  if (node.heartbeat) add_heartbeat(out, *node.heartbeat);
  if (node.key) out.natural("key_number", node.key->number);
  if (!node.unproven.empty()) out.text("unproven", node.unproven);
  return out.texts("flags", node.flags).line();
}

std::string node_heading() {
  return fmt::format("{} {} {} {} {} {}\n", padded("NODE", name_width),
                     padded("STATE", state_width), padded("LINK", link_width),
                     padded("POLICY", policy_width), padded("DEVIATING", rules_width), "SEEN");
}

std::string node_line(const SeenNode& node, const std::optional<VerifiedManifest>& newest,
                      std::int64_t now_wall_ns) {
  const NodeState state = state_of(node, now_wall_ns);
  const auto cells = [&](std::string_view shown_state) {
    return fmt::format(
        "{} {} {} {} {} {}", fit(printable(node.name()), name_width), shown_state,
        padded(node.connected ? "up" : "down", link_width), padded(policy_text(node), policy_width),
        padded(rules_text(node), rules_width), padded(seen_text(node, now_wall_ns), seen_width));
  };
  const std::string plain = padded(name_of(state), state_width);
  const auto notes = remarks_of(node, newest, now_wall_ns);
  const std::string remarks = fmt::format("{}", fmt::join(notes, "; "));
  const std::size_t room = line_width - width_of(cells(plain)) - 1;
  std::string out = cells(coloured(plain, colour_of(state)));
  if (width_of(remarks) <= room) return without_trailing_spaces(out + " " + remarks) + "\n";
  out = without_trailing_spaces(std::move(out)) + "\n";
  for (const std::string& part : wrapped(remarks, line_width - 4)) out += "    " + part + "\n";
  return out;
}

std::string labels_text(const Labels& labels) {
  std::string out;
  for (const auto& [key, value] : labels) {
    out += fmt::format("{}{}={}", out.empty() ? "" : " ", printable(key), printable(value));
  }
  return out;
}

std::string node_page(const SeenNode& node, const std::optional<VerifiedManifest>& newest,
                      std::int64_t now_wall_ns) {
  std::string out = fmt::format("Node {} is {}{}; the controller says it is {}.\n\n",
                                printable(node.name()), name_of(state_of(node, now_wall_ns)),
                                is_behind(node, newest) ? " and behind the newest policy" : "",
                                node.connected ? "connected" : "not connected");
  out += field("unproven", node.unproven);
  for (const std::string& flag : node.flags) out += field("flag", flag);
  out += advice_page(node);
  if (node.certificate) {
    const NodeCertificate& certificate = *node.certificate;
    out += field("node id", hex(certificate.node.view()));
    out += field("labels", labels_text(certificate.labels));
    out += field("certificate", fmt::format("version {}, issued {}", certificate.version,
                                            moment_text(certificate.issued_s * 1'000'000'000)));
  }
  return node.heartbeat ? out + heartbeat_page(*node.heartbeat, now_wall_ns)
                        : out + "  no verified heartbeat\n";
}

}  // namespace reeve::cli
