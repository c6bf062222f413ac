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

using RuleName = std::tuple<NodeId, std::string, std::string>;  // host, policy, rule

std::map<RuleName, std::vector<std::size_t>> by_rule(const std::vector<Exposure>& exposures) {
  std::map<RuleName, std::vector<std::size_t>> out;
  for (std::size_t i = 0; i < exposures.size(); ++i)
    out[{exposures[i].host, exposures[i].policy, exposures[i].rule}].push_back(i);
  return out;
}

// What stands in the controls of one host, control by control.
class Sorter {
 public:
  using Places = std::map<RuleName, std::vector<std::size_t>>;
  Sorter(const ReportHost& host, const Report& report, const Places& places,
         const std::set<std::string>& wanted)
      : host_(host), report_(report), places_(places), wanted_(wanted) {}

  void add(const Bundle& bundle, const Bytes& codes) {
    for (std::size_t i = 0; i < bundle.rules.size(); ++i) {
      const Rule& rule = bundle.rules[i];
      const std::uint8_t code = i < codes.size() ? codes[i] : 0;
      const RuleStanding standing = standing_of_rule(bundle, rule, code);
      if (standing.standing() == Standing::deviating) ++deviating_;
      for (const std::string& control : rule.controls)
        if (wanted_.empty() || wanted_.contains(control)) add(control, standing);
    }
  }
  std::map<std::string, ControlStanding> take() { return std::move(controls_); }
  std::uint64_t deviating() const { return deviating_; }

 private:
  void add(const std::string& control, RuleStanding rule) {
    auto& of = controls_.try_emplace(control).first->second;
    if (of.rules.empty()) of.standing = Standing::compliant;
    of.control = control;
    of.node = host_.name;
    const auto places = places_.find({host_.id, rule.policy, rule.rule});
    for (const std::size_t place : places == places_.end() ? none_ : places->second) {
      const Exposure& one = report_.exposures[place];
      of.exposures.push_back(place);
      of.exposed_ns += within(one, report_.since_wall_ns, report_.at_wall_ns);
      rule.has_open_incident = rule.has_open_incident || one.is_open_at(report_.at_wall_ns);
    }
    of.standing = worse(of.standing, rule.standing());
    of.rules.push_back(std::move(rule));
  }

  const ReportHost& host_;
  const Report& report_;
  const Places& places_;
  const std::set<std::string>& wanted_;
  std::map<std::string, ControlStanding> controls_;
  std::uint64_t deviating_ = 0;
  const std::vector<std::size_t> none_;
};

// Each host has an entry for each control that was asked for; where its evidence is missing or not
// whole, for each that is reported at all.
void add_missing(Report& report, const std::set<std::string>& wanted) {
  std::set<std::string> controls = wanted;
  std::set<std::pair<std::string, std::string>> there;
  for (const ControlStanding& one : report.controls) {
    controls.insert(one.control);
    there.emplace(one.control, one.node);
  }
  for (const auto& [node, evidence] : report.hosts) {
    const bool is_whole = evidence && !report.doubts.contains(node);
    const Standing standing = !evidence  ? Standing::no_evidence
                              : is_whole ? Standing::not_covered
                                         : Standing::unknown;
    for (const std::string& control : is_whole ? wanted : controls)
      if (!there.contains({control, node}))
        report.controls.push_back({control, node, standing, {}, {}, 0});
  }
}

}  // namespace

std::string_view name_of(Standing standing) {
  switch (standing) {
    case Standing::compliant:
      return "compliant";
    case Standing::not_covered:
      return "not_covered";
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
    return;
  }
  if (seen.equivocation) return;  // it is not what its chain says
  follow(seen);
  if (seen.record.type == "withheld") {
    ++counts_.withheld;
    withheld_[seen.header.node] = seen.cursor;
  } else if (seen.record.type == "receipt") {
    take_receipt(seen);
  } else if (seen.record.type == "state" && seen.record.sealed.wall_ns <= at_wall_ns_) {
    take_state(seen);
  }
}

// What a host signed is numbered: whoever leaves a record out leaves a hole. Records that the host
// itself has lost leave one too, and it says so elsewhere: here both are doubt.
void ReportFacts::follow(const SeenRecord& seen) {
  const std::uint64_t sequence = seen.header.first + seen.index;
  auto& end = streams_[{seen.header.node, seen.header.epoch, seen.header.stream}];
  if (end.next != 0 && sequence > end.next) holes_[seen.header.node] = seen.cursor;
  end.next = sequence + 1;
}

void ReportFacts::take_state(const SeenRecord& seen) {
  const std::int64_t sealed = seen.record.sealed.wall_ns;
  Fields fields(seen.record.body, "state");
  HostState state;
  state.evidence = {seen.name,
                    seen.cursor,
                    seen.leaf,
                    seen.leaf_hash,
                    sealed,
                    fields.natural("version"),
                    fields.bytes<32>("manifest")};
  for (const Value& item : fields.array("bundles")) {
    Fields bundle(item, "state");
    state.bundles.emplace_back(bundle.bytes<32>("digest"), bundle.binary("rules"));
    if (!bundle.finish(UnknownFields::keep).ok()) return;
  }
  if (!fields.finish(UnknownFields::keep).ok()) return;
  hosts_[seen.header.node] = std::move(state);
}

void ReportFacts::take_receipt(const SeenRecord& seen) {
  const auto receipt = decode_receipt(seen.record);
  if (!receipt.ok() || receipt->detected.wall_ns > at_wall_ns_) return;
  Exposure& of = incidents_[{seen.header.node, receipt->incident}];
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

std::vector<std::pair<NodeId, HostEvidence>> ReportFacts::evidence() const {
  std::vector<std::pair<NodeId, HostEvidence>> out;
  for (const auto& [node, state] : hosts_) out.emplace_back(node, state.evidence);
  return out;
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

// Why what a host said up to now may not be all of it; empty where nothing speaks for that.
std::string ReportFacts::doubt_of(const ReportHost& host, const HostState& state,
                                  const Report& report, std::uint64_t deviating) const {
  const auto after = [&](const std::map<NodeId, std::uint64_t>& places) {
    const auto found = places.find(host.id);
    return found != places.end() && found->second > state.evidence.cursor;
  };
  if (after(holes_)) return "records are missing after it";
  if (after(withheld_)) return "a record after it has no body any more";
  if (!host.needs_heartbeat) return {};
  if (!host.deviating) return "no fresh heartbeat of it";
  for (const Exposure& one : report.exposures)
    if (one.host == host.id && one.is_open_at(report.at_wall_ns)) ++deviating;
  return *host.deviating > deviating ? "its newest heartbeat counts more rules that deviate" : "";
}

Report ReportFacts::report(const std::vector<ReportHost>& hosts,
                           const std::map<Digest, Bundle>& bundles,
                           const std::vector<std::string>& wanted) {
  Report out = counts_;
  out.since_wall_ns = since_wall_ns_;
  out.at_wall_ns = at_wall_ns_;
  out.exposures = exposures();
  const auto places = by_rule(out.exposures);
  const std::set<std::string> controls(wanted.begin(), wanted.end());
  std::set<Digest> unread;
  for (const ReportHost& host : hosts) {
    const auto state = hosts_.find(host.id);
    auto& evidence = out.hosts[host.name];
    const bool is_old = state != hosts_.end() && state->second.evidence.sealed_wall_ns <=
                                                     at_wall_ns_ - limits::report_evidence_ns;
    if (state == hosts_.end() || is_old) continue;
    Sorter sorter(host, out, places, controls);
    std::string doubt;
    for (const auto& [digest, codes] : state->second.bundles) {
      const auto bundle = bundles.find(digest);
      if (bundle != bundles.end()) {
        sorter.add(bundle->second, codes);
      } else {
        unread.insert(digest);
        doubt = "a policy in force cannot be read any more";
      }
    }
    if (doubt.empty()) doubt = doubt_of(host, state->second, out, sorter.deviating());
    if (!doubt.empty()) out.doubts[host.name] = doubt;
    for (auto& [control, of] : sorter.take()) {
      if (!doubt.empty()) of.standing = worse(of.standing, Standing::unknown);
      out.controls.push_back(std::move(of));
    }
    evidence = state->second.evidence;
  }
  out.unread_policies = unread.size();
  add_missing(out, controls);
  std::ranges::sort(out.controls, {},
                    [](const ControlStanding& one) { return std::tie(one.control, one.node); });
  return out;
}

}  // namespace reeve::cli
