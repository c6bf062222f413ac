// Policy as compiled: bundles of rules, kind-blind. A bundle is a framed sequence (docs/formats.md,
// "Bundle"): magic "RVBN", version, rule count, then frames of (length, MessagePack): first the
// bundle's head, then each rule, decoded by itself. Values only; what a kind's fields mean is known
// to the kind alone.
#pragma once

#include "common/codec.h"
#include "common/seal.h"

namespace reeve {

enum class Severity : std::uint8_t { low, medium, high, critical };
enum class Mode : std::uint8_t { audit, enforce };
enum class Stream : std::uint8_t { urgent = 0, routine = 1 };

std::string_view name_of(Severity severity);
std::string_view name_of(Mode mode);
std::string_view name_of(Stream stream);
std::optional<Severity> severity_named(std::string_view name);
std::optional<Mode> mode_named(std::string_view name);
std::optional<Stream> stream_named(std::string_view name);
// Critical and high are urgent; so are records without a severity.
Stream stream_for(std::optional<Severity> severity);

// The circuit breaker's figures, per (rule, object) unless the name says otherwise; every one is a
// field of the signed policy (docs/policy.md).
struct Breaker {
  std::uint32_t fixes_first_minute = 5;
  std::uint32_t fixes_per_hour = 20;
  std::uint32_t ceiling_per_second = 1;        // contested objects of severity high or critical
  std::uint32_t agent_fixes_per_minute = 600;  // the whole agent
  std::uint32_t rule_share_percent = 25;       // of the agent's figure, for one rule
  bool operator==(const Breaker&) const = default;
};

struct Rule {
  std::string id;
  std::string title;
  Severity severity = Severity::medium;
  std::string owner;
  std::vector<std::string> controls;
  Mode mode = Mode::audit;
  std::string rationale;
  Breaker breaker;
  bool durable_intent = false;
  bool show_content = false;
  bool keep_content = false;  // what a fix replaces is kept on the host, for an undo
  // In any 24 hours the host's owner may pause the rule for so long, and hold what they undid.
  std::uint32_t owner_pause_minutes = 60;
  std::string kind;
  Value fields{Value::Map{}};  // the resource's fields in table order
  bool operator==(const Rule&) const = default;
};

struct Bundle {
  std::string policy;  // the policy's name
  std::vector<Rule> rules;
  bool operator==(const Bundle&) const = default;
};

// The same bundle gives the same bytes.
Bytes encode_bundle(const Bundle& bundle);
// Errors: `malformed_bundle`, `limit_exceeded`, `unknown_field`, `duplicate_rule`,
// `unsupported_version`. Kinds are not judged here.
Result<Bundle> decode_bundle(ByteView bytes);

// Valid ids and names: 1 to 128 of [A-Za-z0-9._:-], starting with a letter or digit.
bool is_valid_id(std::string_view id);

}  // namespace reeve
