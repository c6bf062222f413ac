#include "controller/cli/report_facts.h"

#include <algorithm>
#include <set>

#include "common/text.h"
#include "controller/cli/cli_limits.h"

namespace reeve::cli {
namespace {

// The worst of a control's rules is the control's.
Standing worse(Standing a, Standing b) { return std::max(a, b); }

std::int64_t within(const Exposure& exposure, std::int64_t since, std::int64_t at) {
  const std::int64_t until = exposure.until_wall_ns == 0 ? at : exposure.until_wall_ns;
  return std::max<std::int64_t>(std::min(until, at) - std::max(exposure.from_wall_ns, since), 0);
}

bool touches(const Exposure& exposure, std::int64_t since, std::int64_t at) {
  return exposure.from_wall_ns <= at &&
         (exposure.until_wall_ns == 0 || exposure.until_wall_ns >= since);
}

RuleStanding standing_of_rule(const Bundle& bundle, const Rule& rule, std::uint8_t code) {
  RuleStanding out;
  out.policy = bundle.policy;
  out.rule = rule.id;
  out.title = rule.title;
  out.owner = rule.owner;
  out.severity = rule.severity;
  const bool is_known = code <= static_cast<std::uint8_t>(RuleState::needs_approval);
  out.state = is_known ? static_cast<RuleState>(code) : RuleState::unknown;
  return out;
}

// What stands in `controls` of one host, control by control.
class Sorter {
 public:
  Sorter(const ReportHost& host, const Report& report, const std::set<std::string>& wanted)
      : host_(host), report_(report), wanted_(wanted) {}

  void add(const Bundle& bundle, const Bytes& codes) {
    for (std::size_t i = 0; i < bundle.rules.size() && i < codes.size(); ++i)
      for (const std::string& control : bundle.rules[i].controls)
        if (wanted_.empty() || wanted_.contains(control))
          add(control, standing_of_rule(bundle, bundle.rules[i], codes[i]));
  }
  std::map<std::string, ControlStanding> take() { return std::move(controls_); }

 private:
  void add(const std::string& control, RuleStanding rule) {
    auto& of = controls_.try_emplace(control).first->second;
    if (of.rules.empty()) of.standing = Standing::compliant;
    of.control = control;
    of.node = host_.name;
    for (std::size_t i = 0; i < report_.exposures.size(); ++i) {
      const Exposure& one = report_.exposures[i];
      if (one.host != host_.id || one.policy != rule.policy || one.rule != rule.rule) continue;
      of.exposures.push_back(i);
      of.exposed_ns += within(one, report_.since_wall_ns, report_.at_wall_ns);
      rule.has_open_incident = rule.has_open_incident || one.is_open_at(report_.at_wall_ns);
    }
    of.standing = worse(of.standing, rule.standing());
    of.rules.push_back(std::move(rule));
  }

  const ReportHost& host_;
  const Report& report_;
  const std::set<std::string>& wanted_;
  std::map<std::string, ControlStanding> controls_;
};

// A host without evidence, or with a policy that cannot be read any more, has an entry for each
// control that is reported at all.
void add_missing(Report& report, const std::set<std::string>& wanted,
                 const std::set<std::string>& partly_read) {
  std::set<std::string> controls = wanted;
  std::set<std::pair<std::string, std::string>> there;
  for (const ControlStanding& one : report.controls) {
    controls.insert(one.control);
    there.emplace(one.control, one.node);
  }
  for (const auto& [node, evidence] : report.hosts) {
    if (evidence && !partly_read.contains(node)) continue;
    const Standing standing = evidence ? Standing::unknown : Standing::no_evidence;
    for (const std::string& control : controls)
      if (!there.contains({control, node}))
        report.controls.push_back({control, node, standing, {}, {}, 0});
  }
}

}  // namespace

std::string_view name_of(Standing standing) {
  switch (standing) {
    case Standing::compliant:
      return "compliant";
    case Standing::unknown:
      return "unknown";
    case Standing::deviating:
      return "deviating";
    case Standing::no_evidence:
      break;
  }
  return "no_evidence";
}

Standing standing_of(RuleState state) {
  switch (state) {
    case RuleState::holds:
    case RuleState::waived:
    case RuleState::not_applicable:
      return Standing::compliant;
    case RuleState::unknown:
    case RuleState::paused:
    case RuleState::unsupported:
      return Standing::unknown;
    default:
      return Standing::deviating;
  }
}

ReportFacts::ReportFacts(std::int64_t since_wall_ns, std::int64_t at_wall_ns)
    : since_wall_ns_(since_wall_ns), at_wall_ns_(at_wall_ns) {}

void ReportFacts::take(const SeenRecord& seen) {
  ++counts_.records;
  if (!seen.proven()) {
    ++counts_.unproven;
  } else if (seen.record.type == "withheld") {
    ++counts_.withheld;
  } else if (seen.record.sealed.wall_ns <= at_wall_ns_) {
    if (seen.record.type == "state") take_state(seen);
    if (seen.record.type == "receipt") take_receipt(seen);
  } else if (seen.record.type == "receipt") {
    take_receipt(seen);  // when what was open then was put right
  }
}

void ReportFacts::take_state(const SeenRecord& seen) {
  const std::int64_t sealed = seen.record.sealed.wall_ns;
  if (sealed <= at_wall_ns_ - limits::report_evidence_ns) return;
  Fields fields(seen.record.body, "state");
  HostState state;
  state.evidence = {seen.name, sealed, fields.natural("version"), fields.bytes<32>("manifest")};
  for (const Value& item : fields.array("bundles")) {
    Fields bundle(item, "state");
    state.bundles.emplace_back(bundle.bytes<32>("digest"), bundle.binary("rules"));
    if (!bundle.finish(UnknownFields::keep).ok()) return;
  }
  if (!fields.finish(UnknownFields::keep).ok()) return;
  const auto [known, is_new] = hosts_.try_emplace(seen.header.node, state);
  if (!is_new && known->second.evidence.sealed_wall_ns <= sealed) known->second = std::move(state);
}

void ReportFacts::take_receipt(const SeenRecord& seen) {
  const auto receipt = decode_receipt(seen.record);
  if (!receipt.ok() || receipt->detected.wall_ns > at_wall_ns_) return;
  Exposure& of = incidents_[receipt->incident];
  const bool was_over = of.until_wall_ns != 0;
  if (was_over && receipt->phase == Phase::open) return;
  of.host = seen.header.node;
  of.node = seen.node;
  of.policy = receipt->policy.name;
  of.rule = receipt->rule;
  of.object = receipt->object;
  of.owner = receipt->owner;
  of.severity = receipt->severity;
  of.outcome = receipt->outcome;
  of.program = receipt->cause.program;
  of.record = seen.name;
  of.from_wall_ns = receipt->detected.wall_ns;
  if (receipt->phase == Phase::open) return;
  const bool is_verified = receipt->verified.wall_ns != 0;
  of.until_wall_ns = is_verified ? receipt->verified.wall_ns : seen.record.sealed.wall_ns;
}

std::vector<Digest> ReportFacts::bundles() const {
  std::set<Digest> out;
  for (const auto& [node, state] : hosts_)
    for (const auto& [digest, codes] : state.bundles) out.insert(digest);
  return {out.begin(), out.end()};
}

std::vector<Exposure> ReportFacts::exposures() const {
  std::vector<Exposure> out;
  for (const auto& [incident, exposure] : incidents_)
    if (touches(exposure, since_wall_ns_, at_wall_ns_)) out.push_back(exposure);
  std::ranges::sort(out, {}, [](const Exposure& one) {
    return std::tie(one.from_wall_ns, one.node, one.record);
  });
  return out;
}

Report ReportFacts::report(const std::vector<ReportHost>& hosts,
                           const std::map<Digest, Bundle>& bundles,
                           const std::vector<std::string>& wanted) {
  Report out = counts_;
  out.since_wall_ns = since_wall_ns_;
  out.at_wall_ns = at_wall_ns_;
  out.exposures = exposures();
  const std::set<std::string> controls(wanted.begin(), wanted.end());
  std::set<Digest> unread;
  std::set<std::string> partly_read;
  for (const ReportHost& host : hosts) {
    const auto state = hosts_.find(host.id);
    auto& evidence = out.hosts[host.name];
    if (state == hosts_.end()) continue;
    Sorter sorter(host, out, controls);
    bool is_whole = true;
    for (const auto& [digest, codes] : state->second.bundles) {
      const auto bundle = bundles.find(digest);
      if (bundle != bundles.end()) sorter.add(bundle->second, codes);
      is_whole = is_whole && bundle != bundles.end();
      if (bundle == bundles.end()) unread.insert(digest);
    }
    if (!is_whole) partly_read.insert(host.name);
    for (auto& [control, of] : sorter.take()) {
      // A rule that cannot be read may be of any control.
      if (!is_whole) of.standing = worse(of.standing, Standing::unknown);
      out.controls.push_back(std::move(of));
    }
    evidence = state->second.evidence;
  }
  out.unread_policies = unread.size();
  add_missing(out, controls, partly_read);
  std::ranges::sort(out.controls, {},
                    [](const ControlStanding& one) { return std::tie(one.control, one.node); });
  return out;
}

}  // namespace reeve::cli
