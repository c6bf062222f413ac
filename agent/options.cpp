#include "agent/options.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <filesystem>

#include "common/paths.h"

namespace reeve {
namespace {

namespace po = boost::program_options;

po::options_description describe(const Usage& usage) {
  po::options_description out;
  auto add = out.add_options();
  add("help,h", "");
  if (usage.takes_state) add("state", po::value<std::string>(), "");
  if (usage.takes_root) add("root", po::value<std::string>(), "");
  if (usage.takes_courier_user) add("courier-user", po::value<std::string>(), "");
  if (usage.takes_json) add("json", "");
  if (usage.takes_bundle) add("bundle", po::value<std::vector<std::string>>(), "");
  return out;
}

Error usage_error(const Usage& usage, std::string detail) {
  return {"usage", std::move(detail), fmt::format("reeve-agent {} --help", usage.command)};
}

std::string absolute(const std::string& path) {
  return std::filesystem::absolute(path).lexically_normal().string();
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
  if (!usage.takes_bundle || options.asks_for_help) return options;
  const auto bundles = given.contains("bundle") ? given["bundle"].as<std::vector<std::string>>()
                                                : std::vector<std::string>{};
  if (bundles.size() != 1)
    return usage_error(usage, fmt::format("one BUNDLE is needed, {} were given", bundles.size()));
  options.bundle = bundles.front();
  return options;
}

}  // namespace

Result<Options> parse_options(const Usage& usage, std::span<const std::string> words) {
  namespace style = po::command_line_style;
  po::positional_options_description positions;
  if (usage.takes_bundle) positions.add("bundle", -1);
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
  if (usage.takes_state) out += " [--state DIR]";
  if (usage.takes_root) out += " [--root DIR]";
  if (usage.takes_courier_user) out += " [--courier-user USER|same]";
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
  if (usage.takes_json) out += "  --json               one JSON object a line\n";
  return out + "  --help               this text\n";
}

}  // namespace reeve
