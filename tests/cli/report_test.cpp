#include <doctest/doctest.h>

#include "controller/cli/report_view.h"
#include "tests/cli/small_fleet.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

constexpr std::int64_t minute = 60'000'000'000;
constexpr std::int64_t at = SmallFleet::now_ns;

// Two rules; the second answers two controls.
struct Ground {
  NodeId id;
  Bundle bundle;
  Digest digest;

  Ground() {
    id.data.fill(7);
    bundle.policy = "base";
    for (const auto& [name, controls] :
         {std::pair<const char*, std::vector<std::string>>{"r1", {"C1"}}, {"r2", {"C1", "C2"}}}) {
      Rule rule;
      rule.id = name;
      rule.owner = "ops@example.org";
      rule.controls = controls;
      rule.kind = "file";
      bundle.rules.push_back(rule);
    }
    digest = sha256(encode_bundle(bundle));
  }

  mutable std::uint64_t sequence = 0;

  SeenRecord seen(const Bytes& record, const std::string& name) const {
    SeenRecord out;
    out.header.node = id;
    out.header.first = sequence++;
    out.cursor = sequence;
    out.node = "web1";
    out.name = name;
    out.record = *decode_record(record);
    return out;
  }
  SeenRecord state(std::int64_t wall_ns, Bytes codes) const {
    const Value bundles(Value::Array{Value::Map{{"digest", digest}, {"rules", std::move(codes)}}});
    return seen(encode_record("state", {1, wall_ns}, Severity::low,
                              {{"version", 3}, {"manifest", Digest{}}, {"bundles", bundles}}),
                "state");
  }
  SeenRecord receipt(std::uint8_t incident, Phase phase, std::int64_t from,
                     std::int64_t verified) const {
    Receipt out;
    out.incident.data.fill(incident);
    out.phase = phase;
    out.rule = "r2";
    out.kind = "file";
    out.object = "/etc/x";
    out.policy.name = "base";
    out.outcome = verified != 0 ? outcome::fixed : outcome::audited;
    out.detected.wall_ns = from;
    out.verified.wall_ns = verified;
    return seen(encode_receipt(out, {1, std::max(from, verified)}), "receipt");
  }

  Report report(ReportFacts& facts, const std::vector<std::string>& wanted = {}) const {
    return facts.report({{id, "web1"}}, {{digest, bundle}}, wanted);
  }
};

Standing standing(const Report& report, const std::string& control) {
  for (const ControlStanding& one : report.controls)
    if (one.control == control) return one.standing;
  return Standing::no_evidence;
}

}  // namespace

TEST_CASE("the newest state before the instant counts and none after it") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - 20 * minute, {1, 2}));
  facts.take(ground.state(at - 10 * minute, {1, 1}));
  facts.take(ground.state(at + minute, {2, 2}));
  const Report report = ground.report(facts);
  CHECK(standing(report, "C1") == Standing::compliant);
  CHECK(standing(report, "C2") == Standing::compliant);
  CHECK(report.hosts.at("web1")->sealed_wall_ns == at - 10 * minute);
  CHECK(worst_of(report) == Standing::compliant);
}

TEST_CASE("newest is what a host signed last, not what its clock says") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - minute, {1, 1}));  // an hour ahead
  facts.take(ground.state(at - 61 * minute, {2, 1}));
  CHECK(standing(ground.report(facts), "C1") == Standing::deviating);
}

TEST_CASE("what is left out behind the evidence makes it unknown") {
  const Ground ground;
  const auto after = [&](const std::function<void(ReportFacts&)>& more) {
    ReportFacts facts(at, at);
    facts.take(ground.state(at - 20 * minute, {1, 1}));
    more(facts);
    return standing(ground.report(facts, {"C1"}), "C1");
  };
  CHECK(after([](ReportFacts&) {}) == Standing::compliant);
  CHECK(after([&](ReportFacts& facts) {
          ++ground.sequence;
          facts.take(ground.receipt(9, Phase::whole, at - 3 * minute, at - 2 * minute));
        }) == Standing::unknown);
  CHECK(after([&](ReportFacts& facts) {
          SeenRecord withheld = ground.state(at - minute, {2, 2});
          withheld.record.type = "withheld";
          facts.take(withheld);
        }) == Standing::unknown);
  // A later state is evidence of its own.
  CHECK(after([&](ReportFacts& facts) {
          ++ground.sequence;
          facts.take(ground.state(at - minute, {1, 1}));
        }) == Standing::compliant);
}

TEST_CASE("of now, a host's heartbeat must be fresh and count no more than its record") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - minute, {1, 1}));
  const auto with = [&](std::optional<std::uint64_t> deviating) {
    const Report report =
        facts.report({{ground.id, "web1", deviating, true}}, {{ground.digest, ground.bundle}}, {});
    return standing(report, "C1");
  };
  CHECK(with(0) == Standing::compliant);
  CHECK(with(1) == Standing::unknown);
  CHECK(with(std::nullopt) == Standing::unknown);
}

TEST_CASE("a control that no rule answers is not compliant, nor is nothing at all") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - minute, {1, 1}));
  CHECK(standing(ground.report(facts, {"C9"}), "C9") == Standing::not_covered);
  CHECK(worst_of(ground.report(facts, {"C9"})) == Standing::not_covered);
  CHECK(worst_of(facts.report({}, {}, {})) == Standing::not_covered);
  // Fewer codes than rules.
  facts.take(ground.state(at - minute, {1}));
  CHECK(standing(ground.report(facts), "C2") == Standing::unknown);
}

TEST_CASE("nobody ends another host's incident") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - 10 * minute, {1, 1}));
  facts.take(ground.receipt(1, Phase::open, at - minute, 0));
  SeenRecord others = ground.receipt(1, Phase::whole, at - minute, at - 1);
  others.header.node.data.fill(8);
  facts.take(others);
  CHECK(standing(ground.report(facts), "C2") == Standing::deviating);
}

TEST_CASE("a control stands as the worst of its rules, state by state") {
  const Ground ground;
  const auto with = [&](std::uint8_t code) {
    ReportFacts facts(at, at);
    facts.take(ground.state(at - minute, {1, code}));
    return standing(ground.report(facts), "C1");
  };
  for (const std::uint8_t code : Bytes{1, 5, 9}) CHECK(with(code) == Standing::compliant);
  for (const std::uint8_t code : Bytes{0, 4, 8, 200}) CHECK(with(code) == Standing::unknown);
  for (const std::uint8_t code : Bytes{2, 3, 6, 7, 10}) CHECK(with(code) == Standing::deviating);
}

TEST_CASE("what is not proven or too old is no evidence") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - 121 * minute, {1, 1}));
  SeenRecord doubtful = ground.state(at - minute, {1, 1});
  doubtful.unproven = "bad_signature";
  facts.take(doubtful);
  const Report report = ground.report(facts, {"C1"});
  REQUIRE(report.controls.size() == 1);
  CHECK(report.controls[0].standing == Standing::no_evidence);
  CHECK(report.unproven == 1);
}

TEST_CASE("an incident that was open at the instant deviates, whatever the last state says") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - 10 * minute, {1, 1}));
  facts.take(ground.receipt(1, Phase::open, at - minute, 0));
  CHECK(standing(ground.report(facts), "C2") == Standing::deviating);
  // It was put right after the instant, or before it.
  facts.take(ground.receipt(1, Phase::close, at - minute, at + minute));
  CHECK(standing(ground.report(facts), "C2") == Standing::deviating);
  facts.take(ground.receipt(1, Phase::close, at - minute, at - 1));
  CHECK(standing(ground.report(facts), "C2") == Standing::compliant);
}

TEST_CASE("a period counts what was exposed within it and nothing else") {
  const Ground ground;
  ReportFacts facts(at - 30 * minute, at);
  facts.take(ground.state(at - minute, {1, 1}));
  facts.take(ground.receipt(1, Phase::whole, at - 40 * minute, at - 35 * minute));  // before
  facts.take(ground.receipt(2, Phase::whole, at - 31 * minute, at - 28 * minute));  // 2 within
  facts.take(ground.receipt(3, Phase::whole, at - 10 * minute, at - 9 * minute));   // 1
  facts.take(ground.receipt(4, Phase::open, at - 3 * minute, 0));                   // 3, open
  facts.take(ground.receipt(5, Phase::whole, at + minute, at + 2 * minute));        // after
  const Report report = ground.report(facts, {"C2"});
  REQUIRE(report.controls.size() == 1);
  CHECK(report.exposures.size() == 3);
  CHECK(report.controls[0].exposures.size() == 3);
  CHECK(report.controls[0].exposed_ns == 6 * minute);
}

TEST_CASE("a policy that cannot be read any more leaves a control unknown at best") {
  const Ground ground;
  ReportFacts facts(at, at);
  facts.take(ground.state(at - minute, {1, 1}));
  const Report report = facts.report({{ground.id, "web1"}}, {}, {"C1"});
  CHECK(report.unread_policies == 1);
  CHECK(worst_of(report) != Standing::compliant);
}

TEST_CASE("hostile texts stay texts in every format") {
  Ground ground;
  ground.bundle.rules[0].title = "<script>alert(1)</script>";
  ground.bundle.rules[0].owner = "=HYPERLINK(\"x\")\n\x1b[31m";
  ReportFacts facts(at, at);
  facts.take(ground.state(at - minute, {2, 1}));
  const Report report = ground.report(facts);
  const ReportHead head{"<b>fleet</b>", at, 8, {}, {}};
  const std::string html = report_html(head, report);
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("<b>") == std::string::npos);
  CHECK(html.find('\x1b') == std::string::npos);
  CHECK(report_text(head, report).find('\x1b') == std::string::npos);
  CHECK(report_json(head, report).find('\x1b') == std::string::npos);
  const std::string csv = report_csv(report);
  CHECK(csv.find("\"'=HYPERLINK(\"\"x\"\")") != std::string::npos);
}
