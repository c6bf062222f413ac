#include "controller/policy/compiler.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "common/limits.h"
#include "controller/policy/rule_builder.h"
#include "controller/policy/source_check.h"
#include "controller/policy/source_text.h"

namespace reeve {
namespace {

struct RuleSource {
  YamlIndex index = 0;
  std::string id;  // empty where there is none to speak of
  Position at;     // of the id, else of the rule
};

struct CheckedFile {
  const SourceFile& source;
  Report report;
  std::string policy;
  Position policy_at;
  std::vector<RuleSource> rules;
  Value values;
};

std::vector<RuleSource> rule_sources(const YamlTree& tree) {
  const auto rules = tree.find(tree.root(), "rules");
  if (!rules || tree.node(rules->value).shape != YamlShape::list) return {};
  std::vector<RuleSource> out;
  for (const YamlEntry& item : tree.node(rules->value).entries) {
    RuleSource rule{.index = item.value, .id = {}, .at = tree.position(item.value)};
    if (const auto id = tree.find(item.value, "id")) {
      rule.id = tree.node(id->value).text;
      rule.at = tree.position(id->value);
    }
    out.push_back(std::move(rule));
  }
  return out;
}

// A misspelt owner is reported as an unknown key and not as missing too.
bool seems_to_have_owner(const YamlTree& tree, YamlIndex section, const KeySpec& spec) {
  for (const YamlEntry& entry : tree.node(section).entries) {
    const std::string& key = tree.node(entry.key).text;
    if (key == "owner") return true;
    if (spec.find(key) == nullptr && !suggestion_for(key, {"owner"}).empty()) return true;
  }
  return false;
}

void require_owners(const YamlTree& tree, const KeySpec& format,
                    const std::vector<RuleSource>& rules, Report& report) {
  const auto defaults = tree.find(tree.root(), "defaults");
  if (defaults && seems_to_have_owner(tree, defaults->value, *format.find("defaults"))) return;
  for (const RuleSource& rule : rules) {
    if (tree.node(rule.index).shape != YamlShape::map) continue;
    if (seems_to_have_owner(tree, rule.index, *format.find("rules"))) continue;
    report.add(tree.position(rule.index), {.name = "missing_owner",
                                           .found = "a rule without an owner",
                                           .expected = "the key owner, here or in defaults"});
  }
}

CheckedFile check_file(const SourceFile& source, const KeySpec& format) {
  CheckedFile file{.source = source,
                   .report = Report(source.name),
                   .policy = {},
                   .policy_at = {},
                   .rules = {},
                   .values = {}};
  const auto tree = parse_yaml(source.content, file.report);
  if (!tree) return file;
  file.values = check_source(*tree, format, file.report);
  if (const auto policy = tree->find(tree->root(), "policy")) {
    file.policy = tree->node(policy->value).text;
    file.policy_at = tree->position(policy->value);
  }
  file.rules = rule_sources(*tree);
  require_owners(*tree, format, file.rules, file.report);
  return file;
}

std::vector<CheckedFile> check_files(const std::vector<SourceFile>& files,
                                     std::vector<KeySpec> kinds) {
  const KeySpec format = policy_format(std::move(kinds));
  std::vector<CheckedFile> out;
  out.reserve(files.size());
  for (const SourceFile& file : files) out.push_back(check_file(file, format));
  return out;
}

// Within each policy, whichever of its files the rules stand in.
void refuse_duplicate_rules(std::vector<CheckedFile>& files) {
  struct Place {
    const CheckedFile* file;
    Position at;
  };
  std::map<std::pair<std::string, std::string>, Place> places;
  for (CheckedFile& file : files) {
    for (const RuleSource& rule : file.rules) {
      if (rule.id.empty()) continue;
      const auto [first, is_new] =
          places.try_emplace({file.policy, rule.id}, Place{&file, rule.at});
      if (is_new) continue;
      const Place& place = first->second;
      std::string where = fmt::format("line {}", place.at.line);
      if (place.file != &file) where = fmt::format("{}:{}", place.file->source.name, place.at.line);
      file.report.add(rule.at, {.name = "duplicate_rule",
                                .found = fmt::format("rule {} a second time", quoted(rule.id)),
                                .expected = fmt::format("another id; {} has this one", where)});
    }
  }
}

void refuse_other_policies(std::vector<CheckedFile>& files) {
  for (CheckedFile& file : files) {
    if (file.policy.empty() || files[0].policy.empty() || file.policy == files[0].policy) continue;
    file.report.add(file.policy_at,
                    {.name = "policy_mismatch",
                     .found = fmt::format("policy {}", quoted(file.policy)),
                     .expected = fmt::format("{}, as in {}: one bundle holds one policy",
                                             quoted(files[0].policy), files[0].source.name)});
  }
}

void refuse_too_many_rules(std::vector<CheckedFile>& files) {
  std::size_t count = 0;
  for (CheckedFile& file : files) {
    const std::size_t before = count;
    count += file.rules.size();
    if (before > limits::bundle_rules_max || count <= limits::bundle_rules_max) continue;
    if (before == 0) return;  // this file alone: the check of its list has said so
    file.report.add(file.rules[limits::bundle_rules_max - before].at,
                    {.name = "too_many_rules",
                     .found = "one rule more than a bundle may hold",
                     .expected = fmt::format("at most {}", limits::bundle_rules_max)});
  }
}

std::vector<SourceError> errors_of(const CheckedFile& file) {
  return file.report.finish(without_byte_order_mark(file.source.content));
}

Problem refused_by_agents(const Error& error) {
  return {.name = error.name,
          .found = fmt::format("what agents refuse: {}", error.detail),
          .expected = "a rule that fits into what an agent reads"};
}

// Rules of a bundle that agents refuse, each at its place.
void refuse_single_rules(const Bundle& bundle, std::span<CheckedFile> files) {
  std::size_t at = 0;
  for (CheckedFile& file : files) {
    for (const RuleSource& source : file.rules) {
      const auto decoded = decode_bundle(encode_bundle({bundle.policy, {bundle.rules[at++]}}));
      if (!decoded.ok()) file.report.add(source.at, refused_by_agents(decoded.error()));
    }
  }
}

// What the compiler would never make, an agent's decoder refuses; better here than on a thousand
// hosts. The bundle holds every rule of these files in their order.
void refuse_what_agents_refuse(const Bundle& bundle, std::span<CheckedFile> files) {
  CheckedFile& first = files.front();
  const Bytes bytes = encode_bundle(bundle);
  if (bytes.size() > limits::bundle_bytes_max) {
    first.report.add(first.policy_at,
                     {.name = "bundle_too_large",
                      .found = fmt::format("a bundle of {} bytes", bytes.size()),
                      .expected = fmt::format("at most {}", limits::bundle_bytes_max)});
    return;
  }
  const auto decoded = decode_bundle(bytes);
  if (decoded.ok()) return;
  refuse_single_rules(bundle, files);
  const bool is_told =
      std::ranges::any_of(files, [](const CheckedFile& file) { return !file.report.empty(); });
  if (!is_told) first.report.add(first.policy_at, refused_by_agents(decoded.error()));
}

}  // namespace

CompileOutcome compile_policy(const std::vector<SourceFile>& files) {
  return compile_policy(files, embedded_kinds());
}

CompileOutcome compile_policy(const std::vector<SourceFile>& files, std::vector<KeySpec> kinds) {
  CompileOutcome outcome;
  if (files.empty()) {
    outcome.errors.push_back({.file = "",
                              .at = {},
                              .name = "no_source",
                              .found = "no file",
                              .expected = "at least one",
                              .suggestion = {}});
    return outcome;
  }
  auto checked = check_files(files, std::move(kinds));
  refuse_duplicate_rules(checked);
  refuse_other_policies(checked);
  refuse_too_many_rules(checked);
  const auto collect = [&] {
    for (const CheckedFile& file : checked) {
      for (SourceError& error : errors_of(file)) outcome.errors.push_back(std::move(error));
    }
    return !outcome.errors.empty();
  };
  if (collect()) return outcome;
  Bundle bundle{.policy = checked[0].policy, .rules = {}};
  for (std::size_t i = 0; i < checked.size(); ++i) {
    for (Rule& rule : build_rules(checked[i].values)) bundle.rules.push_back(std::move(rule));
    for (const RuleSource& rule : checked[i].rules) outcome.places.push_back({i, rule.at});
  }
  refuse_what_agents_refuse(bundle, checked);
  if (!collect()) outcome.bundle = std::move(bundle);
  return outcome;
}

std::vector<LintedFile> lint_policies(const std::vector<SourceFile>& files) {
  return lint_policies(files, embedded_kinds());
}

std::vector<LintedFile> lint_policies(const std::vector<SourceFile>& files,
                                      std::vector<KeySpec> kinds) {
  auto checked = check_files(files, std::move(kinds));
  refuse_duplicate_rules(checked);
  std::vector<LintedFile> out;
  for (CheckedFile& file : checked) {
    if (file.report.empty()) {
      refuse_what_agents_refuse({.policy = file.policy, .rules = build_rules(file.values)},
                                {&file, 1});
    }
    out.push_back({file.source.name, file.policy, file.rules.size(), errors_of(file)});
  }
  return out;
}

}  // namespace reeve
