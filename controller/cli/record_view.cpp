#include "controller/cli/record_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/json.h"
#include "controller/cli/story.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

constexpr std::size_t time_width = 14;     // "03-04 05:06:07"
constexpr std::size_t outcome_width = 12;  // "check_failed"
constexpr std::size_t rule_object_width_min = 20;
constexpr std::size_t record_width = 24;  // longer names push the line out

// What a line says of a record: receipts by rule, object and outcome, all others by their type.
struct Row {
  std::string outcome;
  std::string rule;
  std::string object;
};

Row row_of(const Record& record) {
  if (const auto contention = decode_contention(record); contention.ok())
    return {contention->phase == Phase::open ? "contention*" : "contention",
            printable(contention->rule), printable(contention->object)};
  const auto receipt = decode_receipt(record);
  if (!receipt.ok()) return {"-", printable(record.type), ""};
  const bool open = receipt->phase == Phase::open;
  return {printable(receipt->outcome) + (open ? "*" : ""), printable(receipt->rule),
          printable(receipt->object)};
}

// The columns that rule and object share are split so that neither starves.
std::string rule_and_object(const Row& row, std::size_t width) {
  if (row.object.empty()) return fit(row.rule, width);
  const std::size_t half = width / 2;
  const std::size_t object_wanted = std::min(width_of(row.object), width - half - 1);
  const std::size_t rule_width =
      std::min(std::max(half, width_of(row.rule)), width - object_wanted - 1);
  return fit(row.rule, rule_width) + " " + fit_tail(row.object, width - rule_width - 1);
}

std::size_t shared_width(std::size_t columns, std::size_t record) {
  const std::size_t taken = time_width + 1 + outcome_width + 1 + 1 + record;
  return columns > taken + rule_object_width_min ? columns - taken : rule_object_width_min;
}

Colour colour_for(const SeenRecord& seen, std::string_view outcome_text) {
  if (!seen.proven() || seen.equivocation) return Colour::red;
  if (outcome_text == outcome::fixed || outcome_text == outcome::resolved) return Colour::green;
  if (outcome_text == "-" || outcome_text == outcome::withdrawn) return Colour::none;
  return Colour::yellow;
}

std::string line(std::string_view label, std::string_view text) {
  if (text.empty()) return {};
  return field_lines(label, printable(text));
}

std::string signers_text(const PolicyReference& policy, const Root& root) {
  if (policy.signers.empty()) return "unsigned: a local bundle";
  std::string out;
  for (const KeyHash& signer : policy.signers) {
    const bool known = std::any_of(root.policy.keys.begin(), root.policy.keys.end(),
                                   [&](const PublicKey& key) { return key_hash(key) == signer; });
    if (!out.empty()) out += ", ";
    out += hex(signer.view()).substr(0, 16) + (known ? " (policy role)" : " (not in this root)");
  }
  return out;
}

std::string receipt_page(const SeenRecord& seen, const Receipt& receipt, const Root& root) {
  std::string out;
  for (const std::string& part : wrapped(story_of(seen, receipt), 80)) out += part + "\n";
  out += "\n";
  out += line("owner", receipt.owner);
  out += line("severity", name_of(receipt.severity));
  out += line("mode", name_of(receipt.mode));
  out += line("controls", fmt::format("{}", fmt::join(receipt.controls, ", ")));
  out += line("desired", receipt.desired);
  out += line("found", receipt.found);
  out += line("left", receipt.left);
  out += line("outcome",
              fmt::format("{}, incident {} ({})", receipt.outcome,
                          hex(receipt.incident.view()).substr(0, 8), name_of(receipt.phase)));
  out += line("reason", receipt.reason);
  out += line("detail", receipt.detail);
  if (receipt.interrupted) out += line("note", "closed at the agent's start, after it was killed");
  out += line("cause", actor_text(receipt.cause));
  out += actor_lines(receipt.cause);
  out += line("policy",
              fmt::format("{} version {}, bundle {}", receipt.policy.name, receipt.policy.version,
                          hex(receipt.policy.digest.view()).substr(0, 16)));
  out += line("signed by", signers_text(receipt.policy, root));
  return out;
}

std::string sentence(const SeenRecord& seen, const Contention& contention) {
  const std::string fixes =
      fmt::format("{} fix{}", contention.fixes, contention.fixes == 1 ? "" : "es");
  std::string out =
      fmt::format("On {}, somebody breaks {} again as often as rule {} puts it right: {} since {}.",
                  printable(seen.node), printable(contention.object), printable(contention.rule),
                  fixes, moment_text(contention.since_ns));
  if (contention.phase == Phase::open)
    return out + fmt::format(" It is not fixed again before {}.", moment_text(contention.until_ns));
  return out + fmt::format(" That was over at {}.", moment_text(contention.until_ns));
}

std::string contention_page(const SeenRecord& seen, const Contention& contention) {
  std::string out;
  for (const std::string& part : wrapped(sentence(seen, contention), 80)) out += part + "\n";
  out += "\n";
  out += line("owner", contention.owner);
  out += line("severity", name_of(Severity::critical));
  out += line("policy", contention.policy);
  out += line("incident", fmt::format("{} ({})", hex(contention.incident.view()).substr(0, 8),
                                      name_of(contention.phase)));
  out += line("rival", contention.rival ? actor_text(*contention.rival) : "not known who");
  if (contention.rival) out += actor_lines(*contention.rival);
  return out;
}

std::string body_page(const SeenRecord& seen) {
  std::string out =
      fmt::format("A record of type {} by {}, sealed at {}.\n\n", printable(seen.record.type),
                  printable(seen.node), moment_text(seen.record.sealed.wall_ns));
  if (seen.record.body.map() == nullptr) return out;
  for (const auto& [key, value] : *seen.record.body.map()) {
    const auto text = value.any_name();
    out += line(printable(key), text ? *text : json_of(value));
  }
  return out;
}

}  // namespace

std::string records_heading(std::size_t columns) {
  return fmt::format("{} {} {} RECORD\n", padded("TIME (UTC)", time_width),
                     padded("OUTCOME", outcome_width),
                     rule_and_object({"", "RULE", "OBJECT"}, shared_width(columns, record_width)));
}

std::string record_line(const SeenRecord& seen, std::size_t columns) {
  const Row row = (seen.is_withheld ? Row{"-", "body withheld", ""} : row_of(seen.record));
  const std::string name = printable(seen.name);
  const std::string shown = !seen.proven()      ? "unproven"
                            : seen.equivocation ? "equivocation"
                                                : row.outcome;
  const std::size_t width = shared_width(columns, std::max(record_width, width_of(name)));
  return fmt::format("{} {} {} {}\n", short_moment_text(seen.record.sealed.wall_ns),
                     coloured(fit(shown, outcome_width), colour_for(seen, row.outcome)),
                     rule_and_object(row, width), name);
}

std::string record_page(const SeenRecord& seen, const Root& root) {
  if (const auto contention = decode_contention(seen.record); contention.ok())
    return contention_page(seen, *contention);
  const auto receipt = decode_receipt(seen.record);
  return receipt.ok() ? receipt_page(seen, *receipt, root) : body_page(seen);
}

}  // namespace reeve::cli
