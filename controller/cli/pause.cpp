// reeve pause: an operator's act that stops fixes for a while, for three in the morning.
#include <fmt/format.h>

#include "common/act.h"
#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/affected.h"
#include "controller/cli/consent.h"
#include "controller/cli/diff_view.h"
#include "controller/cli/json.h"
#include "controller/cli/node_list.h"
#include "controller/cli/push_sources.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

CommandSpec pause_spec() {
  return {.name = "pause",
          .usage = "SELECTOR --reason TEXT [--for TIME] [--version V] | --list | --end ID",
          .details =
              "Pauses what one version of the policy fixes, on hosts that SELECTOR names:\n"
              "LABEL=VALUE,... or `all`. Agents go on looking and record deviations with the\n"
              "outcome `paused`; they go on fixing when the time is over, 24 hours at most, when\n"
              "another version is adopted, or at --end. The act is signed with your operator's\n"
              "key, which needs the right to operate, and stands in the ledger.\n\n"
              "Without --version it is the one that is published; --for is 1h unless told.",
          .options = {{"for", "TIME", "how long, at most 24h; else 1h"},
                      {"version", "V", "the version of the policy; else the published one"},
                      {"reason", "TEXT", "why, for whoever reads the ledger"},
                      {"list", "", "what is paused now"},
                      {"end", "ID", "end this pause before its time"},
                      yes_option(),
                      json_option(),
                      fleet_option()},
          .operands_min = 0,
          .operands_max = 1};
}

Error usage_error(std::string detail) {
  return Error{.name = "usage", .detail = std::move(detail), .next = "reeve pause --help"};
}

// An act that the controller shows: what it says, and why that is not believed, if it is not.
struct SeenAct {
  Act act;
  std::string who;  // empty where it is unproven
  std::string unproven{};
};

// One that an operator signed whom the root has lost since is shown and stops nobody.
Result<SeenAct> judge_act(ByteView object, const Root& root) {
  auto act = verify_act(object, root);
  if (act.ok()) return SeenAct{std::move(act->act), std::move(act->who)};
  const auto opened = parse_signed_object(object, ObjectType::operator_act);
  if (!opened.ok()) return opened.error();
  auto said = decode_act(opened->payload);
  if (!said.ok()) return said.error();
  return SeenAct{*std::move(said), {}, act.error().name};
}

Result<std::vector<SeenAct>> ask_acts(Session& session) {
  const auto items = session.controller().request("acts", {});
  if (!items.ok()) return items.error();
  std::vector<SeenAct> acts;
  for (const Value& item : *items) {
    const Value* object = item.find("act");
    if (object == nullptr || object->binary() == nullptr)
      return Error{.name = "malformed", .detail = "the controller's act is no signed object"};
    auto act = judge_act(*object->binary(), session.fleet().root);
    if (!act.ok()) return act.error();
    acts.push_back(*std::move(act));
  }
  return acts;
}

std::string act_text(const SeenAct& one) {
  const Act& act = one.act;
  const std::string who =
      one.unproven.empty() ? "by " + printable(one.who) : "(unproven: " + one.unproven + ")";
  return fmt::format("{} version {} on {}\n  {} {} until {}: {}\n", hex(act.id.view()), act.version,
                     selector_text(act.selector), act.kind == ActKind::pause ? "paused" : "ended",
                     who, moment_text(act.until_s * 1'000'000'000), printable(act.reason));
}

std::string act_json(const SeenAct& one) {
  const Act& act = one.act;
  JsonObject out;
  out.text("id", hex(act.id.view())).text("act", name_of(act.kind)).natural("version", act.version);
  out.text("selector", selector_text(act.selector)).text("operator", one.who);
  add_time(out, "issued", act.issued_s * 1'000'000'000);
  add_time(out, "until", act.until_s * 1'000'000'000);
  if (!one.unproven.empty()) out.text("unproven", one.unproven);
  return out.text("reason", act.reason).line();
}

Status list_acts(Session& session, const Arguments& arguments) {
  const auto acts = ask_acts(session);
  if (!acts.ok()) return acts.error();
  if (acts->empty() && !arguments.has("json")) print_out("nothing is paused\n");
  for (const SeenAct& act : *acts) print_out(arguments.has("json") ? act_json(act) : act_text(act));
  return {};
}

Status enter(Session& session, const Act& act) {
  const Bytes object =
      seal_object(ObjectType::operator_act, encode_act(act), session.operator_key());
  // Never send what agents would refuse.
  if (auto holds = verify_act(object, session.fleet().root); !holds.ok()) return holds.error();
  const auto answer = session.controller().request("act", {{"act", object}});
  return answer.ok() ? Status{} : Status(answer.error());
}

Status end_act(Session& session, const Arguments& arguments) {
  const std::string wanted = *arguments.value("end");
  const auto acts = ask_acts(session);
  if (!acts.ok()) return acts.error();
  const SeenAct* found = nullptr;
  for (const SeenAct& one : *acts) {
    // An end that agents may not believe is said again.
    const bool may_count = one.act.kind == ActKind::pause || !one.unproven.empty();
    if (!wanted.empty() && may_count && hex(one.act.id.view()).starts_with(wanted)) {
      if (found != nullptr) return usage_error(fmt::format("`{}` names several pauses", wanted));
      found = &one;
    }
  }
  if (found == nullptr) {
    return Error{.name = "unknown_act",
                 .detail = fmt::format("`{}` names no pause that counts now", wanted),
                 .next = "reeve pause --list"};
  }
  Act end = found->act;
  end.kind = ActKind::resume;
  end.issued_s = session.now_wall_ns() / 1'000'000'000;
  end.reason = arguments.value("reason").value_or("ended by an operator");
  REEVE_TRY(enter(session, end));
  print_out("ended; agents go on fixing as they are reached\n");
  return {};
}

Result<std::uint64_t> version_of(Session& session, const Arguments& arguments) {
  if (const auto text = arguments.value("version")) {
    std::uint64_t version = 0;
    for (const char digit : *text) {
      if (digit < '0' || digit > '9' || version > 1'000'000'000'000)
        return usage_error(fmt::format("`{}` is no version", *text));
      version = version * 10 + static_cast<std::uint64_t>(digit - '0');
    }
    return version;
  }
  const auto manifest = ask_manifest(session);
  if (!manifest.ok()) return manifest.error();
  if (*manifest) return (**manifest).manifest.version;
  return Error{.name = "nothing_published", .detail = "there is no policy to pause"};
}

Result<Act> act_of(Session& session, const Arguments& arguments) {
  Act act;
  act.fleet = session.fleet().root.fleet;
  act.id = random_bytes<16>();
  const std::string& word = arguments.operands()[0];
  auto selector = parse_selector(word == "all" ? "" : word);
  if (!selector.ok()) return selector.error();
  act.selector = *std::move(selector);
  const auto span_ns = parse_duration_ns(arguments.value("for").value_or("1h"));
  if (!span_ns || *span_ns < 1'000'000'000) return usage_error("--for takes a time, such as 2h");
  act.issued_s = session.now_wall_ns() / 1'000'000'000;
  act.until_s = act.issued_s + *span_ns / 1'000'000'000;
  act.reason = arguments.value("reason").value_or("");
  if (act.reason.empty()) return usage_error("--reason TEXT says why, for the ledger");
  const auto version = version_of(session, arguments);
  if (!version.ok()) return version.error();
  act.version = *version;
  // The bounds that agents keep, before anybody is asked.
  if (auto shaped = decode_act(encode_act(act)); !shaped.ok()) return shaped.error();
  return act;
}

std::string own_name(const Session& session) {
  const Operator* own = session.fleet().root.operator_with(session.operator_key().hash());
  return own == nullptr ? "" : own->name;
}

Status pause_hosts(Session& session, const Arguments& arguments) {
  const auto act = act_of(session, arguments);
  if (!act.ok()) return act.error();
  const auto nodes = ask_nodes(session);
  if (!nodes.ok()) return nodes.error();
  const auto names = matching_names(act->selector, *nodes);
  const std::string plan =
      fmt::format("Version {} is to be paused on {} ({} of {}) until {}\n", act->version,
                  selector_text(act->selector), names.size(), counted(nodes->size(), "host"),
                  moment_text(act->until_s * 1'000'000'000));
  arguments.has("json") ? print_err(plan) : print_out(plan);
  REEVE_TRY(ask_consent(arguments, "Stop fixing there?"));
  REEVE_TRY(enter(session, *act));
  const std::string id = hex(act->id.view());
  print_out(
      arguments.has("json")
          ? act_json({*act, own_name(session)})
          : fmt::format("paused: reeve pause --end {} ends it before its time\n", id.substr(0, 8)));
  return {};
}

int pause_command(const Environment& environment, const Arguments& arguments) {
  const bool has_selector = !arguments.operands().empty();
  if ((arguments.has("list") || arguments.has("end")) == has_selector)
    return print_error(usage_error("name a SELECTOR (or `all`), or --list, or --end ID"));
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  Session& session = **opened;
  if (auto taken = session.take_up_roots(); !taken.ok()) return print_error(taken.error());
  const Status done = arguments.has("list")  ? list_acts(session, arguments)
                      : arguments.has("end") ? end_act(session, arguments)
                                             : pause_hosts(session, arguments);
  return done.ok() ? exit_code::done : print_error(done.error());
}

}  // namespace

int run_pause(const Environment& environment, CommandArguments arguments) {
  return with_arguments(pause_spec(), arguments, [&](const Arguments& parsed) {
    return pause_command(environment, parsed);
  });
}

}  // namespace reeve::cli
