#include "controller/cli/diff_view.h"

#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

std::string field_value(const std::string& text) {
  return text.empty() ? "(none)" : printable(shortened(text, 60));
}

std::string text_of_change(const RuleChange& change) {
  const bool added = change.kind == RuleChangeKind::added;
  const bool removed = change.kind == RuleChangeKind::removed;
  const Colour colour = added ? Colour::green : removed ? Colour::red : Colour::yellow;
  const std::string head = fmt::format("{} {}", added ? "+" : removed ? "-" : "~", change.rule);
  std::string out = coloured(printable(head), colour) + "  " + printable(change.title) + "\n";
  for (const FieldChange& field : change.fields) {
    out += fmt::format("    {}: {} -> {}\n", printable(field.field), field_value(field.before),
                       field_value(field.after));
  }
  return out;
}

std::string json_of_change(const RuleChange& change) {
  std::string fields;
  for (const FieldChange& field : change.fields) {
    fields +=
        fmt::format("{}{{\"field\":{},\"old\":{},\"new\":{}}}", fields.empty() ? "" : ",",
                    json_quote(field.field), json_quote(field.before), json_quote(field.after));
  }
  return fmt::format("{{\"change\":\"{}\",\"rule\":{},\"title\":{},\"fields\":[{}]}}\n",
                     name_of(change.kind), json_quote(change.rule), json_quote(change.title),
                     fields);
}

std::size_t count_of(const BundleDiff& diff, RuleChangeKind kind) {
  std::size_t count = 0;
  for (const RuleChange& change : diff.rules) count += change.kind == kind ? 1 : 0;
  return count;
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n') + 1, text.size());
    out += "    " + std::string(text.substr(0, end == 0 ? text.size() : end));
    text.remove_prefix(end == 0 ? text.size() : end);
  }
  return out;
}

const ManifestBundle* policy_of(const Manifest& manifest, const std::string& policy) {
  for (const ManifestBundle& bundle : manifest.bundles) {
    if (bundle.policy == policy) return &bundle;
  }
  return nullptr;
}

// What a rule by rule comparison begins with where there was nothing, or nothing is known of it.
Bundle before_of(const ReadDraft& draft, const std::string& policy) {
  Bundle none;
  none.policy = policy;
  if (!draft.in_force) return none;
  const ManifestBundle* old = policy_of(*draft.in_force, policy);
  const auto found = old == nullptr ? draft.old_bundles.end() : draft.old_bundles.find(old->digest);
  return found == draft.old_bundles.end() ? none : found->second;
}

std::string policy_text(const ReadDraft& draft, const ManifestBundle& bundle) {
  std::string out = fmt::format("\n  policy {} ({}), for {}; {}\n", printable(bundle.policy),
                                counted(bundle.rules, "rule"), selector_text(bundle.selector),
                                stages_text(bundle.stages));
  const ManifestBundle* old = draft.in_force ? policy_of(*draft.in_force, bundle.policy) : nullptr;
  if (old != nullptr && old->selector != bundle.selector) {
    out += fmt::format("    now for {}\n", selector_text(old->selector));
  }
  if (old != nullptr && old->digest == bundle.digest) return out + "    no rule changes\n";
  const BundleDiff diff =
      diff_bundles(before_of(draft, bundle.policy), draft.bundles.at(bundle.digest));
  return out + indented(diff_text(diff));
}

std::string labels_text(const Selector::value_type& alternative) {
  std::string out;
  for (const auto& [label, values] : alternative) {
    out += fmt::format("{}{}={}", out.empty() ? "" : " and ", printable(label),
                       printable(fmt::format("{}", fmt::join(values, " or "))));
  }
  return out;
}

}  // namespace

std::string diff_text(const BundleDiff& diff) {
  std::string out;
  if (diff.policy_before != diff.policy_after) {
    out += fmt::format("policy: {} -> {}\n", diff.policy_before, diff.policy_after);
  }
  for (const RuleChange& change : diff.rules) out += text_of_change(change);
  return out + fmt::format("{} added, {} changed, {} removed, {} unchanged\n",
                           count_of(diff, RuleChangeKind::added),
                           count_of(diff, RuleChangeKind::changed),
                           count_of(diff, RuleChangeKind::removed), diff.unchanged);
}

std::string diff_json(const BundleDiff& diff) {
  std::string out;
  for (const RuleChange& change : diff.rules) out += json_of_change(change);
  return out;
}

std::string selector_text(const Selector& selector) {
  if (selector.empty()) return "every host";
  std::string out = "hosts with ";
  for (std::size_t i = 0; i < selector.size(); ++i) {
    out += (i == 0 ? "" : ", or with ") + labels_text(selector[i]);
  }
  return out;
}

std::string stages_text(const std::vector<Stage>& stages) {
  if (stages.empty()) return "at once";
  std::string out;
  for (const Stage& stage : stages) {
    out += fmt::format("{}{}.{:02} % from {}", out.empty() ? "" : ", ", stage.share / 100,
                       stage.share % 100, moment_text(stage.not_before_s * 1'000'000'000));
  }
  return out;
}

std::string draft_text(const ReadDraft& draft, const Root& root) {
  const Manifest& manifest = draft.manifest;
  std::string out =
      fmt::format("Version {} of the policy of fleet {}", manifest.version, printable(root.origin));
  if (draft.in_force) {
    out += fmt::format(", in place of version {}\n", draft.in_force->version);
  } else if (!draft.in_force_doubt.empty()) {
    out += fmt::format("\n  what it replaces is not proven: {}\n", draft.in_force_doubt);
  } else {
    out += ", the first\n";
  }
  out +=
      fmt::format("  source revision  {}\n  made             {}\n  expires          {}\n",
                  manifest.source_revision.empty() ? "(none)" : printable(manifest.source_revision),
                  moment_text(manifest.created_s * 1'000'000'000),
                  moment_text(manifest.expires_s * 1'000'000'000));
  out += fmt::format("  signatures       {} of {}\n", draft.signers.size(), root.policy.threshold);
  for (const ManifestBundle& bundle : manifest.bundles) out += policy_text(draft, bundle);
  if (!draft.in_force) return out;
  for (const ManifestBundle& old : draft.in_force->bundles) {
    if (policy_of(manifest, old.policy) == nullptr) {
      out += fmt::format("\n  policy {} is withdrawn\n", printable(old.policy));
    }
  }
  return out;
}

}  // namespace reeve::cli
