// A resource kind: a table row that says which fields its rules have and how to bind them, and a
// Resource that looks and fixes. Adding a kind touches three files (docs/architecture.md section
// 5). A kind knows Eyes and Hands and nothing else of the agent: not the clock, the journal, a
// sensor, another kind.
#pragma once

#include <functional>
#include <memory>

#include "agent/host.h"
#include "agent/kind_limits.h"
#include "common/record.h"

namespace reeve {

enum class Transport : std::uint8_t;  // host_sockets.h

// What a rule wants to be told of. Sensors may say more than was asked; a check decides. A sensor
// is given the watches of all rules and takes those of its own subject.
enum class WatchSubject : std::uint8_t {
  path,       // a file or directory
  ruleset,    // one table of the packet filter
  listeners,  // sockets that listen in the host's network namespace
};
struct Watch {
  std::string path;        // absolute, as in the rule; of a table "inet filter"; else empty
  bool recursive = false;  // everything below as well; links below are not followed
  bool pattern = false;    // `path` is a pattern (path_pattern.h): everything that matches it
  WatchSubject subject = WatchSubject::path;
  bool content = false;  // what the file holds as well; of one path that is no pattern
  std::optional<Transport> transport = std::nullopt;  // of listeners: those of this one alone
};

// The refusal of a deviation that its rule wants told and not put right.
inline constexpr std::string_view report_only = "report_only";

// One object that is not as policy wants it.
struct Deviation {
  std::string object;   // names the incident with the rule's id; any bytes
  std::string desired;  // "mode 0600", for people
  std::string found;    // "mode 0644"
  std::string refusal;  // an error's name where no fix may be tried ("unsafe_path"), else empty
  std::string refusal_detail;
  FileReference reference;  // what was looked at; for kinds that look at files
  // Who is behind it where the look itself shows that (a socket's holder); used where the sensor
  // that woke the rule knows nobody.
  std::optional<Cause> culprit;
  // Set by the cycle before a fix: how often the object came back at once after one. A kind with a
  // ladder of actions takes that many steps up (breaker.h).
  std::uint32_t rung = 0;
};

// What a fix is about to replace, beyond what its deviation says.
struct Replaced {
  bool can_be_undone = false;
  std::optional<Acl> acl{};
  std::optional<Acl> default_acl{};
  std::optional<std::string> text{};  // content, or a table's listing, where the rule keeps it
  bool operator==(const Replaced&) const = default;
};

// Both together, as they are kept for an undo.
struct Kept {
  std::string object;
  std::string found;
  FileReference was;
  Replaced replaced;
};

// What a check returns.
struct CheckResult {
  std::vector<Deviation> deviations;  // at most limits::check_deviations_max
  std::uint64_t objects = 0;          // how many were looked at
  bool applicable = true;             // false: nothing on this host that the rule speaks of
  bool has_more = false;    // more can be put right than is named: look again when some of it is
  bool is_partial = false;  // what is not named may deviate all the same
  std::optional<Error> unseen{};  // why not everything was looked at, where no deviation says so
  bool holds() const { return deviations.empty(); }
};

// Everything, or the one object that a sensor or the cycle names.
struct Scope {
  std::optional<std::string> object;
  // Of everything, where very much of it deviates: whether this is known and has to wait, so that
  // it need not be named again and take the room of what is new.
  std::function<bool(const Deviation&)> is_known{};
};

// What the owner of the host asks about: a path, or a port.
struct Subject {
  std::string path;                                   // empty: the port
  std::optional<Transport> transport = std::nullopt;  // absent: of either
  std::uint16_t port = 0;
};

class Resource {
 public:
  virtual ~Resource() = default;
  virtual std::vector<Watch> watches() const = 0;
  // Whether the rule speaks of an object of this name, as its deviations spell it. False for one
  // that an older version of the rule named: that nothing is said of it does not mean it holds.
  virtual bool covers(const std::string& object) const = 0;
  // Whether the rule says anything of this thing.
  virtual bool speaks_of(const Subject& subject) const {
    return !subject.path.empty() && covers(subject.path);
  }
  // Level-triggered and without side effects. An object outside the rule gives no deviations.
  virtual Result<CheckResult> check(const Eyes& eyes, const Scope& scope) const = 0;
  // What only a look at this host's abilities can tell of the rule (does its kernel take this
  // text?). Changes nothing. Asked by `reeve-agent vet`. Errors: the kind's own names.
  virtual Status vet(const Eyes&) const { return {}; }
  // True where an act of this rule cannot be repeated: its intent is made durable before it.
  virtual bool wants_durable_intent() const { return false; }
  // Names what the rule puts on the host and nothing else there, where that is so: what bears it is
  // ours, and is taken away when no rule of policy bears the mark any more. Absent: whatever the
  // rule has done stays.
  virtual std::optional<std::string> mark() const { return std::nullopt; }
  virtual Result<bool> is_left(const Eyes&) const { return false; }
  virtual Status withdraw(Hands&, const Eyes&) const { return {}; }
  // What this fix will replace: asked before it, in the middle of putting something right.
  virtual Replaced replaced_by_fix(const Deviation&, const Eyes&) const { return {}; }
  // Puts back what a fix has replaced, where the object is still as the fix left it (the caller has
  // seen that the rule holds). Errors: `cannot_undo`, `content_not_kept`, `object_changed`, those
  // of Hands.
  virtual Status undo(const Kept&, Hands&, const Eyes&) const {
    return Error{"cannot_undo", "what this fix did cannot be taken back"};
  }
  // The smallest act that restores the desired state of this one deviation. It does not verify.
  virtual Status fix(const Deviation& deviation, Hands& hands, const Eyes& eyes) const = 0;
};

// Fields of a kind: the one source of the compiler's checks, of the JSON Schema and of the manual.
// In Rule::fields a boolean is a boolean, a number a number, and everything else text as it was
// written (paths and patterns that are not UTF-8: binary, see Value::name); lists are arrays, rows
// arrays of maps.
enum class FieldType : std::uint8_t {
  text,     // any text
  path,     // absolute path, no empty, "." or ".." component; "/" alone is one
  pattern,  // absolute path with * ? [...] within components
  user,     // a name or a number
  group,
  mode,    // octal, three or four digits, "0644"
  choice,  // one of `choices`
  boolean,
  number,
  body,     // text of several lines, at most limits::body_bytes_max
  digest,   // SHA-256 as 64 hexadecimal digits, lower-case (the compiler makes them so)
  ports,    // network_text.h: a port or a range: "22", "8000-8100"; 1 to 65535
  network,  // network_text.h: an address or a network, IPv4 or IPv6: "10.0.0.0/8", "::1"
  rows,     // maps, each with `columns`
};
std::string_view name_of(FieldType type);

struct FieldRow {
  std::string_view name;
  FieldType type;
  bool required = false;
  std::string_view help{};  // one sentence
  std::span<const std::string_view> choices{};
  std::int64_t min = 0;  // numbers; of rows and lists how many there may be, 0 to 0: no bound but
  std::int64_t max = 0;  // limits::field_items_max
  // A list of such values; the source may have one alone without brackets. Rows are always a list.
  // In Rule::fields an array, of texts or of maps. Not for booleans and numbers.
  bool many = false;
  std::span<const FieldRow> columns{};
};

// Groups of fields of which exactly one, or at least one, must be there.
struct FieldGroup {
  std::span<const std::string_view> fields;
  bool at_most_one = false;  // more than one is refused
  bool at_least_one = false;
};

struct KindRow {
  std::string_view name;
  std::string_view summary;
  std::span<const FieldRow> fields;
  std::span<const FieldGroup> groups;
  // Validates once. Errors: `invalid_rule` with the field's name and what it should be.
  Result<std::unique_ptr<Resource>> (*bind)(const Rule& rule);
};

// The roster, from agent/kinds/meson.build.
std::span<const KindRow* const> kinds();
const KindRow* kind_named(std::string_view name);
// The row's bind, after the checks that the table itself can say (known, required, typed fields).
// Errors: `unknown_kind`, `unknown_field`, `invalid_rule`.
Result<std::unique_ptr<Resource>> bind_rule(const Rule& rule);

}  // namespace reeve
