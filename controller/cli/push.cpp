// reeve push: from policy source to hosts that have adopted it. Everything that can be wrong here
// is found before anything is sent; once published it stays published.
#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/adoption.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/json.h"
#include "controller/cli/node_list.h"
#include "controller/cli/push_sources.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

CommandSpec push_spec() {
  return {.name = "push",
          .usage = "FILE... [--wait TIME] [--selector LABEL=VALUE,...]",
          .details =
              "Lints, compiles, signs and publishes policies, then shows hosts adopting them.\n"
              "Each FILE is policy source or a compiled bundle; files of one policy make one\n"
              "bundle. The manifest is replaced as a whole: a policy that is not among the\n"
              "FILEs of this push is withdrawn from all hosts.\n\n"
              "With any error nothing is published. Adoption is read from heartbeats that the\n"
              "nodes signed. Ctrl-C while waiting leaves the policy published.\n"
              "Exit: 0 all connected hosts adopted it, 2 some refused it or are late, 1 it\n"
              "could not be published.",
          .options = {{"wait", "TIME", "how long to wait for hosts; else 60s"},
                      {"selector", "LABEL=VALUE,...", "only hosts with these labels"},
                      {"restored", "", "the controller came back from a backup: go on from here"},
                      json_option(),
                      fleet_option()},
          .operands_min = 1,
          .operands_max = any_number};
}

struct Push {
  Manifest manifest;
  Bytes object;  // the manifest, signed
  Digest digest;
};

Result<std::uint64_t> next_version(Session& session, const Arguments& arguments) {
  const auto shown =
      arguments.has("restored") ? ask_manifest_after_restore(session) : ask_manifest(session);
  if (!shown.ok()) return shown.error();
  const auto known = newest_manifest(session.fleet());
  if (!known.ok()) return known.error();
  return std::max(*shown ? (**shown).manifest.version : 0,
                  *known ? (**known).manifest.version : 0) +
         1;
}

Result<Push> sign_manifest(Manifest manifest, const Session& session) {
  const auto key = signing_key(session.fleet(), paths::fleet_policy_key);
  if (!key.ok()) return key.error();
  Push push;
  push.object = seal_object(ObjectType::manifest, encode_manifest(manifest), *key);
  // The same judgement that agents will pass, before anybody has seen it.
  const auto verified = verify_manifest(push.object, session.fleet().root, manifest.version,
                                        session.now_wall_ns() / 1'000'000'000);
  if (!verified.ok()) return verified.error();
  push.manifest = std::move(manifest);
  push.digest = verified->digest;
  return push;
}

Manifest manifest_of(const std::vector<BuiltBundle>& bundles, const Selector& selector,
                     const std::string& revision, std::int64_t now_s) {
  Manifest manifest;
  manifest.created_s = now_s;
  manifest.expires_s = now_s + limits::manifest_lifetime_s;
  manifest.source_revision = revision;
  for (const BuiltBundle& bundle : bundles) {
    manifest.bundles.push_back({.policy = bundle.policy,
                                .digest = bundle.digest,
                                .size = bundle.bytes.size(),
                                .rules = bundle.rules,
                                .selector = selector,
                                .stages = {}});
  }
  return manifest;
}

Status upload(Session& session, const BuiltBundle& bundle) {
  const ByteView bytes = bundle.bytes;
  for (std::size_t offset = 0; offset < bytes.size(); offset += limits::chunk_bytes_max) {
    const ByteView chunk =
        bytes.subspan(offset, std::min(limits::chunk_bytes_max, bytes.size() - offset));
    const auto answer = session.controller().request(
        "upload",
        {{"digest", bundle.digest}, {"offset", offset}, {"total", bytes.size()}, {"bytes", chunk}});
    if (!answer.ok()) return answer.error();
  }
  return {};
}

Status publish(Session& session, const Push& push) {
  const std::uint64_t version = push.manifest.version;
  const auto answer = session.controller().request("publish", {{"manifest", push.object}});
  if (!answer.ok()) {
    Error error = answer.error();
    if (error.name == "interrupted" || error.name == "controller_unreachable") {
      error.next = fmt::format("reeve status tells whether version {} was published", version);
    }
    return error;
  }
  auto kept = keep_newest_manifest(session.fleet(), push.object);
  if (kept.ok()) return kept;
  Error error = kept.error();
  error.next = fmt::format("version {} is published all the same", version);
  return error;
}

// The wait for adoption, and what is shown of it.
class Watch {
 public:
  Watch(Session& session, Adoption adoption, std::int64_t wait_ns, const Arguments& arguments)
      : session_(session),
        adoption_(std::move(adoption)),
        wait_ns_(wait_ns),
        live_(out_is_terminal() && !arguments.has("json")) {}

  // Ends when all is decided, time is up, or the user or the controller ended it (an Error).
  Status run();
  const Adoption& adoption() const { return adoption_; }

 private:
  bool is_over(std::int64_t now_ns) const;
  void show() const {
    if (live_) print_out("\r\x1b[K" + adoption_.progress(out_columns() - 1));
  }

  Session& session_;
  Adoption adoption_;
  std::int64_t wait_ns_;
  bool live_;
  std::int64_t began_ns_ = 0;
  std::int64_t changed_ns_ = 0;
};

bool Watch::is_over(std::int64_t now_ns) const {
  if (now_ns - began_ns_ >= wait_ns_) return true;
  if (adoption_.newcomers() > 0 && now_ns - began_ns_ < limits::push_newcomers_ns) return false;
  if (adoption_.all_adopted()) return true;
  return adoption_.all_decided() && now_ns - changed_ns_ >= limits::push_settle_ns;
}

Status Watch::run() {
  began_ns_ = changed_ns_ = session_.monotonic_ns();
  for (;;) {
    const auto nodes = ask_expected_nodes(session_);
    if (!nodes.ok()) return nodes.error();
    if (adoption_.look(*nodes, session_.now_wall_ns())) changed_ns_ = session_.monotonic_ns();
    show();
    if (is_over(session_.monotonic_ns())) break;
    if (!session_.controller().pause(limits::operator_poll_ns)) {
      return Error{.name = "interrupted", .detail = "stopped while waiting for hosts"};
    }
  }
  if (live_) print_out("\r\x1b[K");
  return {};
}

void tell_published(const Push& push, const Arguments& arguments) {
  if (arguments.has("json")) return;
  print_out(fmt::format("published version {}", push.manifest.version));
  std::string_view before = ": ";
  for (const ManifestBundle& bundle : push.manifest.bundles) {
    print_out(fmt::format("{}{} ({})", before, bundle.policy, counted(bundle.rules, "rule")));
    before = ", ";
  }
  print_out("\n");
}

void tell_outcome(const Push& push, const Adoption& adoption, const Arguments& arguments) {
  if (arguments.has("json")) {
    JsonObject head;
    head.natural("version", push.manifest.version).text("manifest", hex(push.digest.view()));
    head.text("source_revision", push.manifest.source_revision);
    const std::string object = head.object();
    print_out(object.substr(0, object.size() - 1) + "," + adoption.json_members() + "}\n");
    return;
  }
  if (adoption.expected() == 0) {
    print_out("no host is connected; hosts adopt it when they are back\n");
    return;
  }
  print_out(adoption.progress(out_columns()) + "\n" + adoption.laggards());
}

int watch_adoption(Session& session, const Push& push, const std::vector<SeenNode>& before,
                   std::int64_t wait_ns, const Arguments& arguments) {
  Watch watch(session, Adoption(push.manifest.version, push.digest, before), wait_ns, arguments);
  const auto ended = watch.run();
  if (!ended.ok()) {
    if (out_is_terminal()) print_out("\n");
    Error error = ended.error();
    error.next = fmt::format("version {} stays published; reeve status shows who has adopted it",
                             push.manifest.version);
    print_error(error);
  }
  tell_outcome(push, watch.adoption(), arguments);
  return ended.ok() && watch.adoption().all_adopted() ? exit_code::done : exit_code::deviations;
}

// What a push needs to know before it speaks to anybody.
struct Order {
  std::vector<BuiltBundle> bundles;
  Selector selector;
  std::int64_t wait_ns = 60'000'000'000;
};

Result<Order> order_of(const Arguments& arguments) {
  Order order;
  if (const auto wait = arguments.value("wait")) {
    const auto duration = parse_duration_ns(*wait);
    if (!duration) {
      return Error{.name = "usage",
                   .detail = fmt::format("`{}` is no time to wait", *wait),
                   .next = "write --wait 60s"};
    }
    order.wait_ns = *duration;
  }
  auto selector = parse_selector(arguments.value("selector").value_or(""));
  if (!selector.ok()) return selector.error();
  order.selector = *std::move(selector);
  auto bundles = build_bundles(arguments.operands());
  if (!bundles) {
    return Error{.name = "policy_refused",
                 .detail = "nothing was pushed",
                 .next = "mend what is named above; reeve lint FILE... tells it again"};
  }
  order.bundles = *std::move(bundles);
  return order;
}

Result<Push> publish_order(Session& session, const Order& order, const Arguments& arguments) {
  const auto version = next_version(session, arguments);
  if (!version.ok()) return version.error();
  Manifest manifest =
      manifest_of(order.bundles, order.selector, source_revision(arguments.operands()[0]),
                  session.now_wall_ns() / 1'000'000'000);
  manifest.version = *version;
  auto push = sign_manifest(std::move(manifest), session);
  if (!push.ok()) return push.error();
  for (const BuiltBundle& bundle : order.bundles) REEVE_TRY(upload(session, bundle));
  REEVE_TRY(publish(session, *push));
  return push;
}

int push_policy(const Environment& environment, const Arguments& arguments) {
  const auto order = order_of(arguments);
  if (!order.ok()) return print_error(order.error());
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  Session& session = **opened;
  const auto before = ask_expected_nodes(session);
  if (!before.ok()) return print_error(before.error());
  const auto push = publish_order(session, *order, arguments);
  if (!push.ok()) return print_error(push.error());
  tell_published(*push, arguments);
  return watch_adoption(session, *push, *before, order->wait_ns, arguments);
}

}  // namespace

int run_push(const Environment& environment, CommandArguments arguments) {
  return with_arguments(push_spec(), arguments,
                        [&](const Arguments& parsed) { return push_policy(environment, parsed); });
}

}  // namespace reeve::cli
