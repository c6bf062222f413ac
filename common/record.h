// Records: what an agent seals, each a MessagePack map with "type", "wall" and "mono" first
// (docs/formats.md, "Records"). Receipts are the records of incidents. Values and encodings; who
// numbers, salts and signs them is batch.h's business.
#pragma once

#include "common/policy.h"

namespace reeve {

// What became of a deviation. Stable names, documented in docs/formats.md.
namespace outcome {
inline constexpr std::string_view fixed = "fixed";              // read back and found right
inline constexpr std::string_view audited = "audited";          // mode audit: reported only
inline constexpr std::string_view fix_failed = "fix_failed";    // the act was refused
inline constexpr std::string_view not_held = "not_held";        // the act passed, the look did not
inline constexpr std::string_view unsafe_path = "unsafe_path";  // an attacker could redirect it
inline constexpr std::string_view check_failed = "check_failed";  // the state could not be read
inline constexpr std::string_view resolved = "resolved";          // right again without our act
inline constexpr std::string_view withdrawn = "withdrawn";        // its rule is no longer in policy
inline constexpr std::string_view contested = "contested";  // put right and broken again and again
inline constexpr std::string_view held_back = "held_back";  // its fix waits; `reason` says for what
inline constexpr std::string_view paused = "paused";  // fixes are paused; `reason` says by whom
inline constexpr std::string_view held = "held";      // the host's owner undid its fix
}  // namespace outcome

enum class Phase : std::uint8_t { whole, open, close };  // of an incident, docs/formats.md
std::string_view name_of(Phase phase);
std::optional<Phase> phase_named(std::string_view name);

enum class Confidence : std::uint8_t { unknown, likely, certain };
std::string_view name_of(Confidence confidence);
std::optional<Confidence> confidence_named(std::string_view name);

// A process above the one that did it.
struct Ancestor {
  std::uint64_t pid = 0;
  std::string program;  // the name of its file
  bool operator==(const Ancestor&) const = default;
};

// Who did it, as far as a sensor knows. `certain` is what the kernel itself has seen do it.
struct Cause {
  Confidence confidence = Confidence::unknown;
  std::uint64_t pid = 0;  // 0 where not known
  std::string program;
  std::string command;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> login_uid;
  std::string via;             // the sensor's name, or "sweep", "start", "policy"
  std::uint64_t start_ns = 0;  // when the process began, CLOCK_BOOTTIME; 0 where not known
  std::uint64_t inode = 0;     // of the program's file; 0 where not known
  std::optional<std::uint32_t> session{};  // the login's, as the kernel counts them
  std::string unit{};                      // its control group: a unit of systemd, a container
  std::vector<Ancestor> parents{};         // nearest first
  bool is_elsewhere = false;               // the program's path is not one of our mount namespace
  bool operator==(const Cause&) const = default;
};

// Nanoseconds; zero where the step was not reached.
struct Moment {
  std::int64_t mono_ns = 0;
  std::int64_t wall_ns = 0;
  bool operator==(const Moment&) const = default;
};

struct PolicyReference {
  std::string name;
  std::uint64_t version = 0;  // the manifest's; 0 for a local bundle without one
  Digest digest;              // the bundle's
  std::vector<KeyHash> signers;
  bool operator==(const PolicyReference&) const = default;
};

struct Receipt {
  FixedBytes<16> incident;  // random; the same in the records that open and close it
  Phase phase = Phase::whole;
  std::string rule;
  std::string title;
  std::string kind;
  std::string object;  // any bytes: a path, a socket, a table
  Severity severity = Severity::medium;
  std::string owner;
  std::vector<std::string> controls;
  Mode mode = Mode::audit;
  std::string desired;
  std::string found;
  std::string left;  // as the second look found it; what was found where nothing was done
  Cause cause;
  PolicyReference policy;
  std::string outcome;
  std::string reason;        // an error's name where something failed, else empty
  std::string detail;        // and its words
  bool interrupted = false;  // closed by the start after a kill, from the intent
  Moment detected, fixed, verified;
  bool operator==(const Receipt&) const = default;
};

// Somebody breaks one object again as often as it is put right: one record when that is seen and
// one when it is over. Always critical, whatever the rule is. Its receipts are the incident's.
struct Contention {
  FixedBytes<16> incident;
  Phase phase = Phase::open;  // or close
  std::string policy;
  std::string rule;
  std::string object;  // any bytes
  std::string owner;
  std::uint64_t fixes = 0;       // so far; of this start of the agent
  std::int64_t since_ns = 0;     // wall: the first of them
  std::int64_t until_ns = 0;     // wall: no fix before; in the record that closes: when it was over
  std::optional<Cause> rival{};  // who broke it most often, where that is known
  bool operator==(const Contention&) const = default;
};

// Any record as read back: its type, stamps, severity if it has one, and all of its fields.
struct Record {
  std::string type;  // "receipt", "epoch_start", ...: the list is in docs/formats.md
  Moment sealed;
  std::optional<Severity> severity;
  Value body;  // the whole map
  bool operator==(const Record&) const = default;
};

// A record of any type but "receipt": the stamps and, if any, the severity come first, then fields.
// Both always give what decode_record() reads: texts and lists that would pass its limits are cut,
// and a last field "cut" says so.
Bytes encode_record(std::string_view type, Moment sealed, std::optional<Severity> severity,
                    Value::Map fields);
Bytes encode_receipt(const Receipt& receipt, Moment sealed);
Bytes encode_contention(const Contention& contention, Moment sealed);

// Unknown fields and types are kept and ignored. Errors: `malformed`, `limit_exceeded`.
Result<Record> decode_record(ByteView bytes);
Result<Receipt> decode_receipt(const Record& record);
Result<Contention> decode_contention(const Record& record);

// How a rule stands: the one table of these words, for records, commands and docs. Codes of a
// `state` record, one byte a rule in bundle order. Never reused.
enum class RuleState : std::uint8_t {
  unknown = 0,
  holds = 1,
  deviating = 2,
  held = 3,
  paused = 4,
  waived = 5,
  contested = 6,
  reverted = 7,
  unsupported = 8,
  not_applicable = 9,
  needs_approval = 10,
};
std::string_view name_of(RuleState state);
std::string_view meaning_of(RuleState state);  // in a few words, for people
inline constexpr std::size_t rule_states = 11;

// Records of one epoch and stream that a node has no more: its chain goes on behind them.
struct ChainGap {
  Epoch epoch;
  Stream stream{};
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  Digest header;  // of the batch that ended with `last`, as the next one names it
  bool operator==(const ChainGap&) const = default;
};

// What a node has seen of the ledger: the newest checkpoint that it accepted, and what it holds
// against it.
struct LedgerSeen {
  std::uint64_t size = 0;  // 0 for none
  Digest root;
  std::string error;             // `ledger_rewritten`, `ledger_shorter`, or empty
  std::uint64_t recoveries = 0;  // after how many of them it follows the ledger
  bool operator==(const LedgerSeen&) const = default;
};

// A node's signed sign of life (signed object type heartbeat).
struct Heartbeat {
  NodeId node;
  Epoch epoch;
  std::uint64_t count = 0;  // since the epoch began
  Moment made;
  std::string agent_version;
  std::uint64_t root_version = 0;
  std::uint64_t manifest_version = 0;  // adopted; 0 for none
  Digest manifest_digest;
  bool stale = false;   // the manifest has expired; still enforced
  std::string refused;  // the error name of the last refused policy, or empty
  std::array<std::uint32_t, rule_states> rules{};  // how many are in each state
  std::string isolation;                           // "full" or "reduced"
  std::vector<std::string> sensors;
  std::vector<std::string> blind_spots;
  std::array<std::uint64_t, 2> sealed{};  // records durable per stream in this epoch
  // Ids of operators' acts that pause what this agent fixes, or would with their version.
  std::vector<FixedBytes<16>> pauses{};
  std::vector<ChainGap> gaps;  // before batches that are still to come
  LedgerSeen ledger{};
  bool operator==(const Heartbeat&) const = default;
};
Bytes encode_heartbeat(const Heartbeat& heartbeat);
Result<Heartbeat> decode_heartbeat(ByteView payload);

}  // namespace reeve
