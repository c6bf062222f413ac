#include "controller/cli/push_order.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "controller/cli/cli_limits.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

constexpr std::string_view stage_form = "write --stage 5%@now,10%@+1h";

Error no_stage(std::string_view word) {
  return Error{.name = "usage",
               .detail = fmt::format("`{}` is no stage", word),
               .next = std::string(stage_form)};
}

// "0.5%" in ten-thousandths; at most two digits behind the point.
std::optional<std::uint32_t> parse_share(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const auto point = std::min(text.find('.'), text.size());
  std::string digits(text.substr(0, point));
  std::string behind(text.substr(std::min(point + 1, text.size())));
  const bool is_odd = digits.empty() || (point < text.size() && behind.empty());
  if (is_odd || behind.size() > 2) return std::nullopt;
  behind.resize(2, '0');
  digits += behind;
  std::uint32_t share = 0;
  const auto [stopped, problem] =
      std::from_chars(digits.data(), digits.data() + digits.size(), share);
  if (problem != std::errc{} || stopped != digits.data() + digits.size()) return std::nullopt;
  if (share == 0 || share > share_whole) return std::nullopt;
  return share;
}

std::optional<std::int64_t> parse_moment_s(std::string_view text, std::int64_t now_s) {
  if (text.empty() || text == "now") return now_s;
  if (text.starts_with('+')) {
    const auto later = parse_duration_ns(text.substr(1));
    return later ? std::optional(now_s + *later / 1'000'000'000) : std::nullopt;
  }
  const auto wall = parse_wall_ns(text);
  return wall ? std::optional(std::max<std::int64_t>(*wall / 1'000'000'000, 0)) : std::nullopt;
}

Result<Stage> parse_stage(std::string_view word, std::int64_t now_s) {
  const auto at = std::min(word.find('@'), word.size());
  const auto share = parse_share(word.substr(0, at));
  const auto moment = parse_moment_s(word.substr(std::min(at + 1, word.size())), now_s);
  if (!share || !moment) return no_stage(word);
  if (*share > share_by_time_max && *moment > now_s) {
    return Error{
        .name = "promotion_needed",
        .detail =
            fmt::format("`{}` would reach more than a tenth of the hosts by time alone", word),
        .next = "push for 10% at most, look at how it went, then reeve push --promote 50%"};
  }
  return Stage{*share, *moment};
}

// The bundles of files that are for the same hosts.
using Groups = std::map<Selector, std::vector<std::string>>;

Result<Groups> group(const Arguments& arguments) {
  const auto otherwise = parse_selector(arguments.value("selector").value_or(""));
  if (!otherwise.ok()) return otherwise.error();
  Groups groups;
  for (const std::string& operand : arguments.operands()) {
    auto target = parse_target(operand, *otherwise);
    if (!target.ok()) return target.error();
    groups[target->selector].push_back(target->path);
  }
  return groups;
}

Error policy_refused() {
  return Error{.name = "policy_refused",
               .detail = "nothing was pushed",
               .next = "mend what is named above; reeve lint FILE... tells it again"};
}

Status sort_and_check(std::vector<TargetedBundle>& bundles) {
  std::ranges::sort(bundles, {}, [](const TargetedBundle& one) { return one.bundle.policy; });
  const auto twin =
      std::ranges::adjacent_find(bundles, [](const TargetedBundle& a, const TargetedBundle& b) {
        return a.bundle.policy == b.bundle.policy;
      });
  if (twin != bundles.end()) {
    return Error{
        .name = "duplicate_policy",
        .detail = fmt::format("policy {} was given for two sets of hosts", twin->bundle.policy),
        .next = "give all files of one policy the same hosts"};
  }
  if (bundles.size() <= limits::manifest_bundles_max) return {};
  return Error{.name = "limit_exceeded",
               .detail = fmt::format("{} policies; a manifest holds at most {}", bundles.size(),
                                     limits::manifest_bundles_max),
               .next = "put rules for the same hosts into one policy"};
}

}  // namespace

Result<Target> parse_target(const std::string& operand, const Selector& otherwise) {
  const auto at = operand.rfind('@');
  if (at == std::string::npos || ::access(operand.c_str(), F_OK) == 0)
    return Target{operand, otherwise};
  auto selector = parse_selector(operand.substr(at + 1));
  if (!selector.ok()) return selector.error();
  if (selector->empty()) {
    return Error{.name = "usage",
                 .detail = fmt::format("`{}` names no hosts behind its @", operand),
                 .next = "write FILE@role=web,zone=a"};
  }
  return Target{operand.substr(0, at), *std::move(selector)};
}

Result<std::vector<Stage>> parse_stages(std::string_view text, std::int64_t now_s) {
  std::vector<Stage> stages;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const auto stage = parse_stage(word, now_s);
    if (!stage.ok()) return stage.error();
    const bool grows = stages.empty() || (stage->share > stages.back().share &&
                                          stage->not_before_s >= stages.back().not_before_s);
    if (!grows || stages.size() >= limits::stages_max) return no_stage(word);
    stages.push_back(*stage);
  }
  const bool is_all_at_once = stages.size() == 1 && stages[0].share == share_whole;
  return is_all_at_once ? std::vector<Stage>{} : stages;
}

Result<std::int64_t> wait_of(const Arguments& arguments) {
  const auto wait = arguments.value("wait");
  if (!wait) return std::int64_t{60'000'000'000};
  if (const auto duration = parse_duration_ns(*wait)) return *duration;
  return Error{.name = "usage",
               .detail = fmt::format("`{}` is no time to wait", *wait),
               .next = "write --wait 60s"};
}

Result<Order> order_of(const Arguments& arguments, std::int64_t now_s) {
  Order order;
  auto stages = parse_stages(arguments.value("stage").value_or(""), now_s);
  if (!stages.ok()) return stages.error();
  order.stages = *std::move(stages);
  const auto groups = group(arguments);
  if (!groups.ok()) return groups.error();
  bool is_well = true;
  for (const auto& [selector, paths] : *groups) {
    auto bundles = build_bundles(paths);
    is_well = is_well && bundles.has_value();
    if (!bundles) continue;
    for (BuiltBundle& bundle : *bundles) order.bundles.push_back({std::move(bundle), selector});
    if (order.source_revision.empty()) order.source_revision = source_revision(paths.front());
  }
  if (!is_well) return policy_refused();
  REEVE_TRY(sort_and_check(order.bundles));
  return order;
}

Manifest manifest_of(const Order& order, std::int64_t now_s) {
  Manifest manifest;
  manifest.created_s = now_s;
  manifest.expires_s = now_s + limits::manifest_lifetime_s;
  manifest.source_revision = order.source_revision;
  for (const TargetedBundle& one : order.bundles) {
    manifest.bundles.push_back({.policy = one.bundle.policy,
                                .digest = one.bundle.digest,
                                .size = one.bundle.bytes.size(),
                                .rules = one.bundle.rules,
                                .selector = one.selector,
                                .stages = order.stages});
  }
  return manifest;
}

Result<Manifest> promoted(const Manifest& in_force, const std::vector<Stage>& stages,
                          std::int64_t now_s) {
  Manifest next = in_force;
  bool is_staged = false;
  for (ManifestBundle& bundle : next.bundles) {
    is_staged = is_staged || !bundle.stages.empty();
    if (!bundle.stages.empty()) bundle.stages = stages;
  }
  if (!is_staged) {
    return Error{.name = "nothing_to_promote",
                 .detail = fmt::format("version {} is for every host already", in_force.version),
                 .next = "push a new policy with --stage 5%"};
  }
  next.created_s = now_s;
  next.expires_s = now_s + limits::manifest_lifetime_s;
  return next;
}

}  // namespace reeve::cli
