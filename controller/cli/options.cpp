#include "controller/cli/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>

#include "common/text.h"
#include "controller/cli/passphrases.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

namespace po = boost::program_options;

constexpr std::size_t help_columns = 80;
constexpr const char* operand_key = " operand";  // cannot be typed as an option

// "usage: reeve NAME ..." in lines of at most 80 columns, broken between words.
std::string usage_lines(const CommandSpec& spec) {
  std::string out;
  std::string line = "usage: reeve " + spec.name;
  std::string_view rest = spec.usage;
  while (!rest.empty()) {
    // An option and its value stay together: "[--node NODE]" is one word.
    std::size_t end = rest.find(rest.front() == '[' ? ']' : ' ');
    end = std::min(rest.find(' ', std::min(end, rest.size())), rest.size());
    if (line.size() + 1 + end > help_columns) {
      out += line + "\n";
      line = "            ";
    }
    line += " " + std::string(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out + line + "\n";
}

std::string long_name(const OptionSpec& option) {
  return option.name.substr(0, option.name.find(','));
}

po::options_description describe(const CommandSpec& spec) {
  po::options_description out;
  for (const OptionSpec& option : spec.options) {
    if (option.value.empty()) {
      out.add_options()(option.name.c_str(), option.help.c_str());
    } else {
      out.add_options()(option.name.c_str(), po::value<std::vector<std::string>>()->composing(),
                        option.help.c_str());
    }
  }
  out.add_options()(operand_key, po::value<std::vector<std::string>>());
  return out;
}

Error usage_error(const CommandSpec& spec, std::string detail) {
  return Error{.name = "usage",
               .detail = std::move(detail),
               .next = fmt::format("reeve {} --help", spec.name)};
}

Error unknown_option(const CommandSpec& spec, const std::string& written) {
  std::vector<std::string> known;
  for (const OptionSpec& option : spec.options) known.push_back("--" + long_name(option));
  const std::string near = closest(written, known);
  std::string detail = fmt::format("`reeve {}` has no option {}", spec.name, written);
  if (!near.empty()) detail += fmt::format("; did you mean {}?", near);
  return usage_error(spec, std::move(detail));
}

Arguments collect(const po::parsed_options& parsed) {
  std::map<std::string, std::vector<std::string>> options;
  std::vector<std::string> operands;
  for (const auto& option : parsed.options) {
    auto& values = option.string_key == operand_key ? operands : options[option.string_key];
    values.insert(values.end(), option.value.begin(), option.value.end());
  }
  return Arguments(std::move(options), std::move(operands));
}

Result<Arguments> parse(const CommandSpec& spec, std::span<const std::string> arguments) {
  namespace style = po::command_line_style;
  const po::options_description options = describe(spec);
  po::positional_options_description positions;
  positions.add(operand_key, -1);
  try {
    const auto parsed =
        po::command_line_parser(std::vector<std::string>(arguments.begin(), arguments.end()))
            .options(options)
            .positional(positions)
            .style(style::unix_style & ~style::allow_guessing)
            .run();
    return collect(parsed);
  } catch (const po::unknown_option& error) {
    return unknown_option(spec, error.get_option_name());
  } catch (const po::error& error) {
    return usage_error(spec, error.what());
  }
}

}  // namespace

std::optional<std::string> Arguments::value(const std::string& name) const {
  const auto found = options_.find(name);
  if (found == options_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::values(const std::string& name) const {
  const auto found = options_.find(name);
  return found == options_.end() ? std::vector<std::string>{} : found->second;
}

Result<Arguments> parse_arguments(const CommandSpec& spec, std::span<const std::string> arguments) {
  auto parsed = parse(spec, arguments);
  if (!parsed.ok()) return parsed.error();
  const std::size_t count = parsed->operands().size();
  if (count < spec.operands_min) {
    return usage_error(spec,
                       fmt::format("something is missing: reeve {} {}", spec.name, spec.usage));
  }
  if (count > spec.operands_max) {
    return usage_error(spec,
                       fmt::format("too much was given, beginning with `{}`: reeve {} {}",
                                   parsed->operands()[spec.operands_max], spec.name, spec.usage));
  }
  return parsed;
}

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t width = 0;
  for (const auto& [left, right] : lines) width = std::max(width, width_of(left));
  std::string out;
  for (const auto& [left, right] : lines) {
    std::string name = left;
    for (const std::string& part : wrapped(right, help_columns - width - 4)) {
      out += fmt::format("  {}  {}\n", padded(name, width), part);
      name.clear();
    }
  }
  return out;
}

std::string help_text(const CommandSpec& spec) {
  std::string out = usage_lines(spec) + "\n" + spec.details + "\n";
  std::vector<std::pair<std::string, std::string>> lines;
  for (const OptionSpec& option : spec.options) {
    const auto comma = option.name.find(',');
    std::string left = "--" + long_name(option);
    if (comma != std::string::npos) left = "-" + option.name.substr(comma + 1) + ", " + left;
    if (!option.value.empty()) left += " " + option.value;
    lines.emplace_back(std::move(left), option.help);
  }
  lines.emplace_back("--help", "this text");
  return out + "\n" + two_columns(lines);
}

namespace {

// Whoever takes a fleet's directory may have to open its keys.
CommandSpec with_key_options(CommandSpec spec) {
  const auto named = [&](std::string_view name) {
    return std::any_of(spec.options.begin(), spec.options.end(),
                       [&](const OptionSpec& option) { return option.name == name; });
  };
  if (named("fleet") && !named("passphrase-file")) spec.options.push_back(passphrase_option());
  return spec;
}

}  // namespace

int with_arguments(const CommandSpec& given, std::span<const std::string> arguments,
                   const std::function<int(const Arguments&)>& run) {
  const CommandSpec spec = with_key_options(given);
  const auto end_of_options = std::find(arguments.begin(), arguments.end(), "--");
  const auto asks = [](const std::string& word) { return word == "--help" || word == "-h"; };
  if (std::any_of(arguments.begin(), end_of_options, asks)) {
    print_out(help_text(spec));
    return 0;
  }
  const auto parsed = parse_arguments(spec, arguments);
  if (!parsed.ok()) return print_error(parsed.error());
  return run(*parsed);
}

}  // namespace reeve::cli
