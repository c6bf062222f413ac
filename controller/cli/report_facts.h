// What the ledger says of controls: how each stood on each host at an instant, and what deviated in
// a period before it. Pure functions over records that were verified already; what was not proven
// counts for nothing here but in the count of it.
#pragma once

#include "controller/cli/verify.h"

namespace reeve::cli {

// A control's or a rule's standing on one host.
enum class Standing {
  compliant,    // every rule holds, is waived or does not apply
  not_covered,  // no rule of the control is in force there
  unknown,      // a rule is paused, unsupported or not known; or what the host said is not whole
  deviating,    // a rule deviates, or an incident of it was open at that instant
  no_evidence,  // no state record of the host within limits::report_evidence_ns before the instant
};
std::string_view name_of(Standing standing);
Standing standing_of(RuleState state);

// One rule on one host at the instant.
struct RuleStanding {
  std::string policy;
  std::string rule;
  std::string title;
  std::string owner;
  Severity severity = Severity::medium;
  RuleState state = RuleState::unknown;
  bool has_open_incident = false;

  Standing standing() const { return has_open_incident ? Standing::deviating : standing_of(state); }
};

// The newest state record of a host at the instant, newest as its stream has it and not as its
// clock.
struct HostEvidence {
  std::string record;  // its name
  std::uint64_t cursor = 0;
  std::uint64_t leaf = 0;
  Digest leaf_hash;
  std::int64_t sealed_wall_ns = 0;
  std::uint64_t version = 0;  // of the policy in force
  Digest manifest;
};

// A host that is expected. Whoever the controller leaves out, or shows without proof, has no id.
struct ReportHost {
  NodeId id;
  std::string name;
  // As its own fresh heartbeat counts them, for a report of now; absent where there is none.
  std::optional<std::uint64_t> deviating{};
  bool needs_heartbeat = false;
};

// One incident, as its receipts tell it.
struct Exposure {
  NodeId host;
  std::string node;  // its name
  std::string policy;
  std::string rule;
  std::string object;
  std::string owner;
  Severity severity = Severity::medium;
  std::string outcome;
  std::string program;  // whoever did it, where that is known
  std::string record;   // the last receipt of it
  std::int64_t from_wall_ns = 0;
  std::int64_t until_wall_ns = 0;  // 0 while it is open

  bool is_open_at(std::int64_t wall_ns) const {
    return from_wall_ns <= wall_ns && (until_wall_ns == 0 || until_wall_ns > wall_ns);
  }
};

struct ControlStanding {
  std::string control;
  std::string node;
  Standing standing = Standing::no_evidence;
  std::vector<RuleStanding> rules;
  std::vector<std::size_t> exposures;  // of these rules: places in the report's, oldest first
  std::int64_t exposed_ns = 0;         // all of them together, within the period
};

struct Report {
  std::int64_t since_wall_ns = 0;  // the period's beginning; equal to `at` where none was asked for
  std::int64_t at_wall_ns = 0;
  std::map<std::string, std::optional<HostEvidence>> hosts;  // by node's name
  std::map<std::string, std::string> doubts;  // by name: why what a host said is not whole
  std::vector<Exposure> exposures;
  std::vector<ControlStanding> controls;  // by control, then by node
  std::uint64_t records = 0;              // read
  std::uint64_t unproven = 0;             // of these
  std::uint64_t withheld = 0;             // whose body is not kept any more
  std::uint64_t unread_policies = 0;      // in force somewhere, and not to be had any more
};

// Gathers records as they come, oldest first within each host's streams.
class ReportFacts {
 public:
  ReportFacts(std::int64_t since_wall_ns, std::int64_t at_wall_ns);

  void take(const SeenRecord& seen);
  // The bundles that the state records name, and those records.
  std::vector<Digest> bundles() const;
  std::vector<std::pair<NodeId, HostEvidence>> evidence() const;
  // What stands in no ledger is no evidence.
  void refute(const NodeId& host) { hosts_.erase(host); }
  // `hosts` are those that are expected; `wanted` the controls to report, all where it is empty.
  // A digest without a bundle is a policy that cannot be read any more.
  Report report(const std::vector<ReportHost>& hosts, const std::map<Digest, Bundle>& bundles,
                const std::vector<std::string>& wanted);

 private:
  struct HostState {
    HostEvidence evidence;
    std::vector<std::pair<Digest, Bytes>> bundles;  // digest, and a code for each rule
  };
  // Where a stream has come to.
  struct StreamEnd {
    std::uint64_t next = 0;
  };
  using StreamName = std::tuple<NodeId, Epoch, Stream>;
  void follow(const SeenRecord& seen);
  void take_state(const SeenRecord& seen);
  void take_receipt(const SeenRecord& seen);
  std::vector<Exposure> exposures() const;
  std::string doubt_of(const ReportHost& host, const HostState& state, const Report& report,
                       std::uint64_t deviating) const;

  std::int64_t since_wall_ns_;
  std::int64_t at_wall_ns_;
  std::map<NodeId, HostState> hosts_;
  std::map<std::pair<NodeId, FixedBytes<16>>, Exposure> incidents_;
  std::map<StreamName, StreamEnd> streams_;
  std::map<NodeId, std::uint64_t> holes_;  // the cursor behind the newest hole in a host's streams
  std::map<NodeId, std::uint64_t> withheld_;  // the cursor of the newest record without a body
  Report counts_;
};

}  // namespace reeve::cli
