#include "controller/cli/story.h"

#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

std::string line(std::string_view label, std::string_view text) {
  return text.empty() ? std::string() : field_lines(label, printable(text));
}

// Nothing where the node's own stamps, which may be any numbers, cannot be in this order.
std::string how_fast(const Receipt& receipt) {
  const std::int64_t detected_ns = receipt.detected.mono_ns;
  const std::int64_t verified_ns = receipt.verified.mono_ns;
  if (detected_ns < 0 || verified_ns < detected_ns) return {};
  return fmt::format(", {} after it was seen", duration_text(verified_ns - detected_ns));
}

std::string process_text(const Cause& cause) {
  std::string out = cause.program.empty() ? "a program without a name" : printable(cause.program);
  if (cause.is_elsewhere) out += " (as it is named in another mount namespace)";
  if (cause.pid != 0) out += fmt::format(", process {}", cause.pid);
  return out;
}

// Nearest first: "bash (4200) of sshd (4100)".
std::string ancestry(const Cause& cause) {
  std::string out;
  for (const Ancestor& parent : cause.parents)
    out +=
        fmt::format("{}{} ({})", out.empty() ? "" : " of ", printable(parent.program), parent.pid);
  return out;
}

std::string login_text(const Cause& cause) {
  std::string out;
  if (cause.uid) out += fmt::format(" as uid {}", *cause.uid);
  if (cause.login_uid) out += fmt::format(", logged in as uid {}", *cause.login_uid);
  if (cause.session) out += fmt::format(" in session {}", *cause.session);
  return out;
}

std::string who(const Cause& cause) {
  if (cause.confidence == Confidence::unknown) {
    if (cause.pid == 0) return "Who did it is not known.";
    return fmt::format("Who did it is not known: process {} is gone, or another by now.",
                       cause.pid);
  }
  std::string out = cause.confidence == Confidence::certain ? "It was " : "Most likely it was ";
  out += process_text(cause) + login_text(cause);
  if (!cause.unit.empty()) out += ", in " + printable(cause.unit);
  if (const std::string above = ancestry(cause); !above.empty()) out += ", started by " + above;
  return out + ".";
}

std::string what_became_of_it(const Receipt& receipt) {
  if (receipt.outcome == outcome::fixed)
    return fmt::format("It was put right and read back at {}{}.",
                       moment_text(receipt.verified.wall_ns), how_fast(receipt));
  if (receipt.outcome == outcome::contested)
    return "Somebody breaks it again as often as it is put right: its contention record says who.";
  if (receipt.outcome == outcome::audited) return "The rule only audits: nothing was changed.";
  if (receipt.outcome == outcome::resolved) return "It is right again without an act of ours.";
  return fmt::format("It was not put right: {}{}{}.", printable(receipt.outcome),
                     receipt.reason.empty() ? "" : ", ", printable(receipt.reason));
}

bool is_same_place(const Receipt& one, const Receipt& other) {
  return one.policy.name == other.policy.name && one.rule == other.rule &&
         one.object == other.object;
}

}  // namespace

std::string story_of(const SeenRecord& seen, const Receipt& receipt) {
  std::string out = fmt::format("On {} at {}, {} deviated from rule {}", printable(seen.node),
                                moment_text(receipt.detected.wall_ns), printable(receipt.object),
                                printable(receipt.rule));
  if (!receipt.title.empty()) out += fmt::format(" ({})", printable(receipt.title));
  return out + ". " + who(receipt.cause) + " " + what_became_of_it(receipt);
}

std::string held_since(const SeenRecord& seen, const Receipt& receipt, const Since& since) {
  if (receipt.outcome != outcome::fixed && receipt.outcome != outcome::resolved) return {};
  for (const SeenRecord& later : since.later) {
    const auto other = decode_receipt(later.record);
    if (!later.proven() || !other.ok() || later.header.node != seen.header.node) continue;
    if (!is_same_place(receipt, *other) || other->incident == receipt.incident) continue;
    return fmt::format("It deviated again at {}: {}.", moment_text(other->detected.wall_ns),
                       printable(later.name));
  }
  if (!since.is_all) return {};
  return "Nothing that the controller has says that it deviated again since.";
}

std::string actor_text(const Cause& cause) {
  std::string out;
  if (!cause.program.empty()) out = printable(cause.program);
  if (cause.pid != 0) out += fmt::format("{}process {}", out.empty() ? "" : ", ", cause.pid);
  if (cause.uid) out += fmt::format("{}uid {}", out.empty() ? "" : ", ", *cause.uid);
  if (cause.login_uid) out += fmt::format(", logged in as uid {}", *cause.login_uid);
  if (out.empty()) out = "not known who";
  return fmt::format("{} ({}, seen by {})", out, name_of(cause.confidence), printable(cause.via));
}

std::string actor_lines(const Cause& cause) {
  std::string out = line("command", cause.command);
  if (cause.session) out += line("session", std::to_string(*cause.session));
  out += line("unit", cause.unit);
  return out + line("parents", ancestry(cause));
}

}  // namespace reeve::cli
