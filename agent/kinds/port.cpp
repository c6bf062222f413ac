// The kind `port`: which sockets may listen in the host's network namespace, and what is done about
// the others (docs/policy.md, "port"). What listens against a rule is found in port_strays, the
// ladder's acts are in port_act, the table of blocked sockets in port_block.
#include <fmt/format.h>

#include <algorithm>

#include "agent/kinds/findings.h"
#include "agent/kinds/port_act.h"
#include "agent/kinds/port_block.h"
#include "common/text.h"

namespace reeve {

namespace {

class PortResource final : public Resource {
 public:
  explicit PortResource(PortRule rule) : rule_(std::move(rule)) {}

  std::vector<Watch> watches() const override {
    return {Watch{.path = {}, .subject = WatchSubject::listeners, .transport = rule_.transport}};
  }

  bool covers(const std::string& object) const override {
    const auto socket = parse_port_object(object);
    return socket && rule_.speaks_of(socket->transport, socket->address);
  }

  bool speaks_of(const Subject& subject) const override {
    if (!subject.path.empty()) return false;
    if (rule_.transport && subject.transport && *rule_.transport != *subject.transport)
      return false;
    return rule_.ports.empty() || any_contains(rule_.ports, subject.port);
  }

  bool wants_durable_intent() const override { return rule_.has(PortAction::terminate); }

  Result<CheckResult> check(const Eyes& eyes, const Scope& scope) const override {
    CheckResult out;
    out.applicable = eyes.sockets().is_here();
    if (!out.applicable) return out;
    const auto found = find_strays(rule_, eyes, scope, HoldersWanted::of_strays);
    if (!found.ok()) return found.error();
    const auto blocks = look_at_blocks(eyes);
    if (!blocks.ok()) return blocks.error();
    Findings findings(scope);
    findings.count_objects(found->objects);
    for (const Stray& stray : found->strays)
      if (!is_blocked(*blocks, stray)) findings.add(deviation_of(stray, eyes));
    for (const std::string& object : blocks->objects_of(rule_.id))
      if ((!scope.object || object == *scope.object) && !is_stray(*found, object))
        findings.add(leftover(object));
    return std::move(findings).finish(out.applicable);
  }

  std::optional<std::string> mark() const override {
    if (!rule_.has(PortAction::block)) return std::nullopt;
    return fmt::format("{} {}", port_block_table(), rule_.id);
  }

  Result<bool> is_left(const Eyes& eyes) const override {
    const auto blocks = look_at_blocks(eyes);
    if (!blocks.ok()) return blocks.error();
    return !blocks->objects_of(rule_.id).empty();
  }

  Status withdraw(Hands& hands, const Eyes& eyes) const override {
    const auto blocks = look_at_blocks(eyes);
    if (!blocks.ok()) return blocks.error();
    return hands.ruleset_hands().apply(blocks->text_without(rule_.id));
  }

  Replaced replaced_by_fix(const Deviation&, const Eyes&) const override {
    return {.can_be_undone = rule_.has(PortAction::block)};
  }

  // A block is taken away; what was closed or ended is not there any more.
  Status undo(const Kept& kept, Hands& hands, const Eyes& eyes) const override {
    const auto blocks = look_at_blocks(eyes);
    if (!blocks.ok()) return blocks.error();
    const auto blocked = blocks->objects_of(rule_.id);
    if (std::find(blocked.begin(), blocked.end(), kept.object) == blocked.end())
      return Error{"cannot_undo", kept.object + " is not blocked: what was closed stays closed",
                   "start the program again; the rule is held meanwhile only if it is paused"};
    return hands.ruleset_hands().apply(blocks->text_without(rule_.id, kept.object));
  }

  // What it is about is looked up again: a deviation does not carry sockets and processes.
  Status fix(const Deviation& deviation, Hands& hands, const Eyes& eyes) const override {
    if (!deviation.refusal.empty()) return Error{deviation.refusal, deviation.refusal_detail};
    const auto found = find_strays(
        rule_, eyes, Scope{deviation.object},
        rule_.has(PortAction::terminate) ? HoldersWanted::of_strays : HoldersWanted::for_judgement);
    if (!found.ok()) return found.error();
    if (!found->strays.empty())
      return act_against(rule_, found->strays.front(), deviation.rung, hands, eyes);
    const auto blocks = look_at_blocks(eyes);
    if (!blocks.ok()) return blocks.error();
    const auto blocked = blocks->objects_of(rule_.id);
    if (std::find(blocked.begin(), blocked.end(), deviation.object) == blocked.end()) return {};
    return hands.ruleset_hands().apply(blocks->text_without(rule_.id, deviation.object));
  }

 private:
  Result<PortBlocks> look_at_blocks(const Eyes& eyes) const {
    if (!rule_.has(PortAction::block) || !eyes.ruleset().is_here()) return PortBlocks();
    return PortBlocks::look(eyes.ruleset());
  }

  bool is_blocked(const PortBlocks& blocks, const Stray& stray) const {
    return blocks.is_in_force(block_for(rule_, stray));
  }

  static bool is_stray(const StraySearch& found, const std::string& object) {
    return std::any_of(found.strays.begin(), found.strays.end(),
                       [&](const Stray& stray) { return stray.object == object; });
  }

  Deviation deviation_of(const Stray& stray, const Eyes& eyes) const {
    Deviation out;
    out.object = stray.object;
    out.desired = rule_.has(PortAction::block) ? "nothing listens, or it is blocked"
                                               : "nothing listens but what is allowed";
    out.found = "listening: " + words_for_holders(stray, eyes);
    if (stray.sockets.size() > 1) out.found += fmt::format(", {} sockets", stray.sockets.size());
    out.culprit = culprit_of(stray);
    if (stray.doubt) {
      out.refusal = stray.doubt->name;
      out.refusal_detail = stray.doubt->detail;
    } else if (rule_.has(PortAction::report)) {
      out.refusal = report_only;
      out.refusal_detail = "the rule asks for no act";
    }
    return out;
  }

  static Deviation leftover(const std::string& object) {
    Deviation out;
    out.object = object;
    out.desired = "no block without a listener to be blocked";
    out.found = "a block is left over";
    return out;
  }

  PortRule rule_;
};

Result<std::unique_ptr<Resource>> bind_port(const Rule& rule) {
  auto bound = bind_port_rule(rule);
  if (!bound.ok()) return bound.error();
  return std::unique_ptr<Resource>(std::make_unique<PortResource>(std::move(*bound)));
}

constexpr std::string_view protocols[] = {"tcp", "udp"};
constexpr std::string_view loopbacks[] = {"judged", "ignored"};
constexpr std::string_view actions[] = {"report", "close", "block", "terminate"};

constexpr FieldRow allow_columns[] = {
    {.name = "protocol",
     .type = FieldType::choice,
     .help = "Only this protocol; without it both.",
     .choices = protocols},
    {.name = "ports",
     .type = FieldType::ports,
     .help = "Ports and ranges of ports; without them any.",
     .many = true},
    {.name = "address",
     .type = FieldType::network,
     .help = "The local addresses that it may listen on, or networks that hold them; without them "
             "any.",
     .many = true},
    {.name = "program",
     .type = FieldType::path,
     .help = "The file that every process with the socket must run, told by device and inode."},
    {.name = "user", .type = FieldType::user, .help = "The user who must have opened the socket."},
};

constexpr FieldRow fields[] = {
    {.name = "allow",
     .type = FieldType::rows,
     .required = true,
     .help = "What may listen; each row allows what all of its keys match. May be an empty list.",
     .columns = allow_columns},
    {.name = "protocol",
     .type = FieldType::choice,
     .help = "What the rule speaks of; without it TCP and UDP.",
     .choices = protocols},
    {.name = "ports",
     .type = FieldType::ports,
     .help = "The ports that the rule speaks of; without them all.",
     .many = true},
    {.name = "loopback",
     .type = FieldType::choice,
     .help = "Ignored: the rule does not speak of sockets on 127.0.0.0/8 and ::1. Without it "
             "judged.",
     .choices = loopbacks},
    {.name = "actions",
     .type = FieldType::choice,
     .help = "What is done, the first first and the next when it is back within a second; "
             "without it report.",
     .choices = actions,
     .many = true},
    {.name = "end_sessions",
     .type = FieldType::boolean,
     .help = "With terminate: true lets it end a server of remote logins that has sessions."},
};

}  // namespace

extern const KindRow port_kind;
const KindRow port_kind = {
    .name = "port",
    .summary = "Which sockets may listen, and what is done about the others.",
    .fields = fields,
    .groups = {},
    .bind = bind_port,
};

}  // namespace reeve
