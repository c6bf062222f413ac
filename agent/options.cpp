#include "agent/options.h"

#include <fmt/format.h>

#include <array>
#include <boost/program_options.hpp>
#include <charconv>
#include <filesystem>
#include <optional>

#include "agent/agent_limits.h"
#include "common/limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

namespace po = boost::program_options;

constexpr std::string_view token_help =
    "  TOKEN                what `reeve token create` printed; `-` reads it from\n"
    "                       standard input\n"
    "  --token-file FILE    read it from FILE: other users may see a command's words\n"
    "  --name NAME          the node's name; else the token's, else the host's\n"
    "  --label KEY=VALUE    a label that the token allows; where it allows one value\n"
    "                       only, the node has that without asking; may be repeated\n"
    "  --wait SECONDS       how long to try to reach the controller (default 60)\n";

constexpr std::string_view pause_help =
    "  RULE                 a rule's id, or POLICY/RULE where several policies have one\n"
    "  --for TIME           how long: 90s, 30m or 2h, within what policy lets the owner\n"
    "                       pause of any 24 hours (owner_pause_minutes)\n"
    "  --reason TEXT        why; it stands in the ledger with the login of who asked\n"
    "  --end                end what is paused of the rule, and what is held\n";

constexpr std::string_view undo_help =
    "  RECORD               8 or more digits of its incident, as `reeve-agent status` and\n"
    "                       `reeve show RECORD` tell them\n"
    "  --for TIME           how long it is left so: 90s, 30m or 2h (default 1h), within\n"
    "                       what policy lets the owner pause of any 24 hours\n"
    "  --reason TEXT        why; it stands in the ledger with the login of who asked\n";

po::options_description describe(const Usage& usage) {
  po::options_description out;
  auto add = out.add_options();
  add("help,h", "");
  if (usage.takes_state) add("state", po::value<std::string>(), "");
  if (usage.takes_root) add("root", po::value<std::string>(), "");
  if (usage.takes_courier_user) add("courier-user", po::value<std::string>(), "");
  if (usage.takes_journal_max) add("journal-max", po::value<std::string>(), "");
  if (usage.takes_json) add("json", "");
  if (usage.takes_token) {
    add("token", po::value<std::vector<std::string>>(), "");
    add("token-file", po::value<std::string>(), "");
    add("name", po::value<std::string>(), "");
    add("label", po::value<std::vector<std::string>>(), "");
    add("wait", po::value<std::int64_t>(), "");
  }
  if (usage.takes_subject) add("subject", po::value<std::vector<std::string>>(), "");
  if (usage.takes_undo) add("record", po::value<std::vector<std::string>>(), "");
  if (usage.takes_pause) {
    add("rule", po::value<std::vector<std::string>>(), "");
    add("end", "");
  }
  if (usage.takes_pause || usage.takes_undo) {
    add("for", po::value<std::string>(), "");
    add("reason", po::value<std::string>(), "");
  }
  if (usage.takes_bundle) add("bundle", po::value<std::vector<std::string>>(), "");
  return out;
}

Error usage_error(const Usage& usage, std::string detail) {
  return {"usage", std::move(detail), fmt::format("reeve-agent {} --help", usage.command)};
}

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
}

// Of the word and --token-file exactly one; `-` as the word is standard input, too.
Result<Options> collect_token(const Usage& usage, const po::variables_map& given, Options options) {
  if (given.contains("token-file")) options.token_file = given["token-file"].as<std::string>();
  if (given.contains("name")) options.name = given["name"].as<std::string>();
  if (given.contains("label")) options.labels = given["label"].as<std::vector<std::string>>();
  options.wait_s = limits::join_patience_s;
  if (given.contains("wait")) options.wait_s = given["wait"].as<std::int64_t>();
  if (options.wait_s < 1 || options.wait_s > limits::join_patience_s_max)
    return usage_error(usage, "--wait is 1 to 86400 seconds");
  const auto words = given.contains("token") ? given["token"].as<std::vector<std::string>>()
                                             : std::vector<std::string>{};
  if (words.size() + (options.token_file.empty() ? 0 : 1) != 1)
    return usage_error(usage, "one TOKEN, or --token-file FILE, is needed");
  if (words.empty()) return options;
  (words.front() == "-" ? options.token_file : options.token) = words.front();
  return options;
}

// "64M": a number and, where it is not bytes, its unit of 1,024, 1,024^2 or 1,024^3.
std::optional<std::uint64_t> read_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  constexpr std::string_view units = "KMG";
  const auto unit = text.size() == 1 ? units.find(text.front()) : std::string_view::npos;
  if (!text.empty() && unit == std::string_view::npos) return std::nullopt;
  const auto shift = text.empty() ? 0 : 10 * (unit + 1);
  if (number > (UINT64_MAX >> shift)) return std::nullopt;
  return number << shift;
}

// "90s", "30m", "2h".
std::optional<std::int64_t> read_seconds(std::string_view text) {
  constexpr std::array<std::pair<char, std::int64_t>, 3> units = {
      {{'s', 1}, {'m', 60}, {'h', 3'600}}};
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool has_unit = read.ec == std::errc() && read.ptr + 1 == text.data() + text.size();
  if (!has_unit || number < 1 || number > limits::pause_s_max) return std::nullopt;
  for (const auto& [unit, seconds] : units)
    if (*read.ptr == unit) return number * seconds;
  return std::nullopt;
}

// The one operand of a command, by its name in capitals.
Result<std::string> one_operand(const Usage& usage, const po::variables_map& given,
                                const std::string& name, std::string_view shown) {
  const auto words = given.contains(name) ? given[name].as<std::vector<std::string>>()
                                          : std::vector<std::string>{};
  if (words.size() == 1) return words.front();
  return usage_error(usage, fmt::format("one {} is needed, {} were given", shown, words.size()));
}

// How long and why, where they are given.
Result<Options> collect_act(const Usage& usage, const po::variables_map& given, Options options) {
  if (given.contains("reason")) options.reason = given["reason"].as<std::string>();
  if (!given.contains("for")) return options;
  const auto span_s = read_seconds(given["for"].as<std::string>());
  if (!span_s) return usage_error(usage, "--for is a time such as 90s, 30m or 2h");
  options.for_s = *span_s;
  return options;
}

Result<Options> collect_undo(const Usage& usage, const po::variables_map& given, Options options) {
  auto record = one_operand(usage, given, "record", "RECORD");
  if (!record.ok()) return record.error();
  options.record = std::move(*record);
  if (!given.contains("reason")) return usage_error(usage, "--reason TEXT is needed");
  return collect_act(usage, given, std::move(options));
}

Result<Options> collect_pause(const Usage& usage, const po::variables_map& given, Options options) {
  auto rule = one_operand(usage, given, "rule", "RULE");
  if (!rule.ok()) return rule.error();
  options.rule = std::move(*rule);
  options.is_end = given.contains("end");
  if (options.is_end) return options;
  if (!given.contains("for") || !given.contains("reason"))
    return usage_error(usage, "--for TIME and --reason TEXT are needed, or --end");
  return collect_act(usage, given, std::move(options));
}

Result<Options> collect(const Usage& usage, const po::variables_map& given) {
  Options options;
  options.asks_for_help = given.contains("help");
  options.is_json = given.contains("json");
  options.state = paths::agent_state_default;
  if (given.contains("state")) options.state = absolute(given["state"].as<std::string>());
  if (given.contains("root")) options.root = absolute(given["root"].as<std::string>());
  if (given.contains("courier-user"))
    options.courier_user = given["courier-user"].as<std::string>();
  if (given.contains("journal-max")) {
    const auto bytes = read_size(given["journal-max"].as<std::string>());
    if (!bytes || *bytes < limits::journal_bytes_max_min)
      return usage_error(usage, "--journal-max is a number of bytes, 64M or more (K, M, G)");
    options.journal_bytes_max = *bytes;
  }
  if (options.asks_for_help) return options;
  if (usage.takes_token) return collect_token(usage, given, std::move(options));
  if (usage.takes_undo) return collect_undo(usage, given, std::move(options));
  if (usage.takes_pause) return collect_pause(usage, given, std::move(options));
  if (!usage.takes_bundle && !usage.takes_subject) return options;
  auto operand = usage.takes_bundle ? one_operand(usage, given, "bundle", "BUNDLE")
                                    : one_operand(usage, given, "subject", "PATH or PORT");
  if (!operand.ok()) return operand.error();
  (usage.takes_bundle ? options.bundle : options.subject) = std::move(*operand);
  return options;
}

}  // namespace

Result<Options> parse_options(const Usage& usage, std::span<const std::string> words) {
  namespace style = po::command_line_style;
  po::positional_options_description positions;
  if (usage.takes_bundle) positions.add("bundle", -1);
  if (usage.takes_token) positions.add("token", -1);
  if (usage.takes_subject) positions.add("subject", -1);
  if (usage.takes_pause) positions.add("rule", -1);
  if (usage.takes_undo) positions.add("record", -1);
  const po::options_description described = describe(usage);
  try {
    po::variables_map given;
    po::store(po::command_line_parser(std::vector<std::string>(words.begin(), words.end()))
                  .options(described)
                  .positional(positions)
                  .style(style::unix_style & ~style::allow_guessing)
                  .run(),
              given);
    return collect(usage, given);
  } catch (const po::error& error) {
    return usage_error(usage, error.what());
  }
}

std::string help_for(const Usage& usage) {
  std::string out = fmt::format("usage: reeve-agent {}", usage.command);
  if (usage.takes_bundle) out += " BUNDLE";
  if (usage.takes_token) out += " TOKEN [--name NAME] [--label KEY=VALUE]...\n      ";
  if (usage.takes_subject) out += " PATH|PORT";
  if (usage.takes_pause) out += " RULE (--for TIME --reason TEXT | --end)";
  if (usage.takes_undo) out += " RECORD --reason TEXT [--for TIME]";
  if (usage.takes_state) out += " [--state DIR]";
  if (usage.takes_root) out += " [--root DIR]";
  if (usage.takes_courier_user) out += " [--courier-user USER|same]";
  if (usage.takes_journal_max) out += " [--journal-max SIZE]";
  if (usage.takes_json) out += " [--json]";
  out += "\n\n";
  if (usage.takes_state)
    out += fmt::format(
        "  --state DIR          the agent's state directory\n"
        "                       (default {})\n",
        paths::agent_state_default);
  if (usage.takes_root) out += "  --root DIR           apply policy to the tree under DIR\n";
  if (usage.takes_courier_user)
    out +=
        "  --courier-user USER  who the courier runs as (default reeve); `same` is for\n"
        "                       trying it out and shows as isolation: reduced\n";
  if (usage.takes_token) out += token_help;
  if (usage.takes_subject)
    out += "  PATH|PORT            an absolute path, or a port such as 22, tcp/22 or udp/53\n";
  if (usage.takes_pause) out += pause_help;
  if (usage.takes_undo) out += undo_help;
  if (usage.takes_journal_max)
    out +=
        "  --journal-max SIZE   how large the journal of records may grow (default 1G, at\n"
        "                       least 64M); beyond, low and medium records are counted only\n";
  if (usage.takes_json) out += "  --json               one JSON object a line\n";
  return out + "  --help               this text\n";
}

}  // namespace reeve
