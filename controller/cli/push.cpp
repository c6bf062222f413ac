// reeve push: from policy source to hosts that have adopted it. Everything that can be wrong here
// is found before anything is sent; once published it stays published. Where one key is not enough,
// it is prepared, signed by others and submitted.
#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"
#include "controller/cli/affected.h"
#include "controller/cli/bundle_fetch.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/diff_view.h"
#include "controller/cli/files.h"
#include "controller/cli/node_list.h"
#include "controller/cli/push_order.h"
#include "controller/cli/push_watch.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec push_spec() {
  return {.name = "push",
          .usage = "FILE[@LABEL=VALUE,...]... | --promote SHARE | --submit DRAFT...",
          .details =
              "Lints, compiles, signs and publishes policies, then shows hosts adopting them.\n"
              "Each FILE is policy source or a compiled bundle; files of one policy make one\n"
              "bundle. FILE@role=web is for hosts with that label; a FILE without is for those\n"
              "of --selector, else for every host. The manifest is replaced as a whole: a\n"
              "policy that is not among the FILEs of this push is withdrawn from all hosts.\n\n"
              "--stage 1%,10%@+1h reaches one host in a hundred now and one in ten in an hour;\n"
              "time alone opens no more. --promote 50% publishes the same bundles for half of\n"
              "the hosts, --promote 100% for all.\n\n"
              "Where the root asks for more than one policy key: --prepare DRAFT writes all\n"
              "that is to be signed, each signer runs `reeve sign DRAFT`, and --submit DRAFT\n"
              "publishes it; several DRAFTs are copies of one, each signed by others.\n\n"
              "With any error nothing is published. Adoption is read from heartbeats that the\n"
              "nodes signed. Ctrl-C while waiting leaves the policy published.\n"
              "Exit: 0 all connected hosts adopted it, 2 some refused it or are late, 1 it\n"
              "could not be published.",
          .options = {{"wait", "TIME", "how long to wait for hosts; else 60s"},
                      {"selector", "LABEL=VALUE,...", "only hosts with these labels"},
                      {"stage", "SHARE[@TIME],...", "only a share of the hosts, 10% at most later"},
                      {"promote", "SHARE", "what is staged, for this share from now on"},
                      {"prepare", "DRAFT", "write what is to be signed, publish nothing"},
                      {"submit", "", "publish DRAFTs that others have signed"},
                      {"restored", "", "the controller came back from a backup: go on from here"},
                      json_option(),
                      fleet_option()},
          .operands_min = 0,
          .operands_max = any_number};
}

std::int64_t now_s(const Session& session) { return session.now_wall_ns() / 1'000'000'000; }

// The manifest in force; `object` is empty where there is none.
struct InForce {
  Bytes object;
  std::optional<VerifiedManifest> verified;
};

Result<InForce> ask_in_force(Session& session, const Arguments& arguments) {
  auto shown =
      arguments.has("restored") ? ask_manifest_after_restore(session) : ask_manifest(session);
  if (!shown.ok()) return shown.error();
  InForce in_force;
  in_force.verified = *std::move(shown);
  if (!in_force.verified) return in_force;
  const auto items = session.controller().request("manifest", {});
  if (!items.ok()) return items.error();
  const Value* object = items->empty() ? nullptr : items->front().find("manifest");
  if (object != nullptr && object->binary() != nullptr) in_force.object = *object->binary();
  return in_force;
}

bool holds_now(const Session& session, const InForce& in_force) {
  const auto now = verify_stored_manifest(in_force.object, session.fleet().root);
  return now.ok() && now->digest == in_force.verified->digest;
}

// Signing a manifest anew vouches for all that is in it.
Status require_promotable(const Session& session, const InForce& in_force) {
  if (!in_force.verified)
    return Error{.name = "nothing_to_promote", .detail = "nothing was ever pushed"};
  if (holds_now(session, in_force)) return {};
  const auto remembered = newest_manifest(session.fleet());
  if (!remembered.ok()) return remembered.error();
  if (*remembered && (**remembered).digest == in_force.verified->digest) return {};
  return Error{.name = "policy_key_dropped",
               .detail =
                   "what is shown was signed by a key that the root has dropped, and this "
                   "machine has not seen it before",
               .next = "push the sources: reeve push FILE..."};
}

// What comes next goes on from here. Whoever has a key that the root has dropped could have made
// the version that is shown; beyond what this machine knows it counts as far as hosts have adopted
// it, or one push with a true key would take agents past every version that could follow.
Result<std::uint64_t> version_in_force(Session& session, const InForce& in_force) {
  const auto remembered = newest_manifest(session.fleet());
  if (!remembered.ok()) return remembered.error();
  const std::uint64_t known = *remembered ? (**remembered).manifest.version : 0;
  const std::uint64_t shown = in_force.verified ? in_force.verified->manifest.version : 0;
  if (shown <= known || holds_now(session, in_force)) return std::max(shown, known);
  const auto nodes = ask_nodes(session);
  if (!nodes.ok()) return nodes.error();
  std::uint64_t adopted = known;
  for (const SeenNode& node : *nodes) {
    if (node.heartbeat) adopted = std::max(adopted, node.heartbeat->manifest_version);
  }
  return std::min(shown, adopted);
}

// The same judgement that agents will pass, before anybody has seen it.
Result<Pushed> judged(const Session& session, Bytes object, std::uint64_t version_min) {
  auto verified = verify_manifest(object, session.fleet().root, version_min, now_s(session));
  if (verified.ok())
    return Pushed{std::move(verified->manifest), std::move(object), verified->digest};
  Error error = verified.error();
  if (error.name == "too_few_signatures") {
    error.detail =
        fmt::format("the root asks for {} policy keys", session.fleet().root.policy.threshold);
    error.next = "--prepare DRAFT, then reeve sign DRAFT by each, then reeve push --submit DRAFT";
  }
  return error;
}

Result<Pushed> sign(const Session& session, const Manifest& manifest) {
  const auto key = signing_key(session.fleet(), paths::fleet_policy_key);
  if (!key.ok()) return key.error();
  return judged(session, seal_object(ObjectType::manifest, encode_manifest(manifest), *key),
                manifest.version);
}

Status upload(Session& session, const Digest& digest, ByteView bytes) {
  for (std::size_t offset = 0; offset < bytes.size(); offset += limits::chunk_bytes_max) {
    const ByteView chunk =
        bytes.subspan(offset, std::min(limits::chunk_bytes_max, bytes.size() - offset));
    const auto answer = session.controller().request(
        "upload",
        {{"digest", digest}, {"offset", offset}, {"total", bytes.size()}, {"bytes", chunk}});
    if (!answer.ok()) return answer.error();
  }
  return {};
}

Status publish(Session& session, const Pushed& push) {
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

// What is to be published, and the bundles that the controller may not have yet.
struct Load {
  Manifest manifest;
  std::map<Digest, Bytes> bundles;
};

Result<Load> load_of(Session& session, const InForce& in_force, std::optional<Order> order,
                     const Arguments& arguments) {
  const auto version = version_in_force(session, in_force);
  if (!version.ok()) return version.error();
  Load load;
  if (order) {
    load.manifest = manifest_of(*order, now_s(session));
    for (TargetedBundle& one : order->bundles)
      load.bundles.emplace(one.bundle.digest, std::move(one.bundle.bytes));
  } else {
    REEVE_TRY(require_promotable(session, in_force));
    const auto stages = parse_stages(*arguments.value("promote"), now_s(session));
    if (!stages.ok()) return stages.error();
    auto next = promoted(in_force.verified->manifest, *stages, now_s(session));
    if (!next.ok()) return next.error();
    load.manifest = *std::move(next);
  }
  load.manifest.version = *version + 1;
  load.manifest.fleet = session.fleet().root.fleet;
  return load;
}

// All that somebody needs to see, so that signing needs no network.
Result<Draft> draft_of(Session& session, Load load, const InForce& in_force) {
  Draft draft;
  draft.manifest = encode_signed_object({ObjectType::manifest, {}, encode_manifest(load.manifest)});
  draft.in_force = in_force.object;
  draft.bundles = std::move(load.bundles);
  std::vector<ManifestBundle> wanted = load.manifest.bundles;
  if (in_force.verified) {
    const auto& old = in_force.verified->manifest.bundles;
    wanted.insert(wanted.end(), old.begin(), old.end());
  }
  for (const ManifestBundle& named : wanted) {
    if (draft.bundles.contains(named.digest)) continue;
    auto bytes = fetch_bundle(session, named.digest);
    if (!bytes.ok()) return bytes.error();
    draft.bundles.emplace(named.digest, *std::move(bytes));
  }
  return draft;
}

Status prepare(Session& session, Load load, const InForce& in_force, const std::string& file) {
  const auto draft = draft_of(session, std::move(load), in_force);
  if (!draft.ok()) return draft.error();
  const auto read = read_draft(*draft, session.fleet().root);
  if (!read.ok()) return read.error();
  const auto nodes = ask_nodes(session);
  if (!nodes.ok()) return nodes.error();
  REEVE_TRY(write_file(file, encode_draft(*draft)));
  print_out(draft_text(*read, session.fleet().root) + "\nHosts that it speaks to:\n" +
            affected_text(read->manifest, *nodes, out_columns()) +
            fmt::format("\nprepared: reeve sign {}\n", printable(file)));
  return {};
}

Result<Draft> merged_drafts(const Arguments& arguments) {
  std::optional<Draft> all;
  for (const std::string& path : arguments.operands()) {
    const auto bytes = read_file(path, limits::draft_bytes_max);
    if (!bytes.ok()) return bytes.error();
    auto draft = decode_draft(*bytes);
    if (!draft.ok()) return draft.error();
    if (!all) {
      all = *std::move(draft);
      continue;
    }
    auto both = merge_signatures(all->manifest, draft->manifest, ObjectType::manifest);
    if (!both.ok()) return both.error();
    all->manifest = *std::move(both);
  }
  if (all) return *std::move(all);
  return Error{.name = "usage", .detail = "no DRAFT was named", .next = "reeve push --help"};
}

int publish_and_watch(Session& session, const Pushed& push, const std::map<Digest, Bytes>& bundles,
                      const Arguments& arguments) {
  const auto wait_ns = wait_of(arguments);
  if (!wait_ns.ok()) return print_error(wait_ns.error());
  const auto before = ask_expected_nodes(session);
  if (!before.ok()) return print_error(before.error());
  for (const auto& [digest, bytes] : bundles) {
    if (auto done = upload(session, digest, bytes); !done.ok()) return print_error(done.error());
  }
  if (auto done = publish(session, push); !done.ok()) return print_error(done.error());
  tell_published(push, arguments);
  return watch_adoption(session, push, *before, *wait_ns, arguments);
}

int submit_drafts(const Environment& environment, const Arguments& arguments) {
  auto draft = merged_drafts(arguments);
  if (!draft.ok()) return print_error(draft.error());
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  Session& session = **opened;
  if (auto taken = session.take_up_roots(); !taken.ok()) return print_error(taken.error());
  const auto push = judged(session, std::move(draft->manifest), 1);
  if (!push.ok()) return print_error(push.error());
  std::erase_if(draft->bundles, [&](const auto& entry) {
    return std::ranges::find(push->manifest.bundles, entry.first, &ManifestBundle::digest) ==
           push->manifest.bundles.end();
  });
  return publish_and_watch(session, *push, draft->bundles, arguments);
}

int push_policy(const Environment& environment, const Arguments& arguments) {
  if (arguments.has("submit")) return submit_drafts(environment, arguments);
  if (auto wait = wait_of(arguments); !wait.ok()) return print_error(wait.error());
  std::optional<Order> order;
  if (!arguments.has("promote")) {
    auto made = order_of(arguments, environment.clock.wall_ns() / 1'000'000'000);
    if (!made.ok()) return print_error(made.error());
    order = *std::move(made);
  }
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  Session& session = **opened;
  if (auto taken = session.take_up_roots(); !taken.ok()) return print_error(taken.error());
  const auto in_force = ask_in_force(session, arguments);
  if (!in_force.ok()) return print_error(in_force.error());
  auto load = load_of(session, *in_force, std::move(order), arguments);
  if (!load.ok()) return print_error(load.error());
  if (const auto file = arguments.value("prepare")) {
    const Status done = prepare(session, *std::move(load), *in_force, *file);
    return done.ok() ? exit_code::done : print_error(done.error());
  }
  const auto push = sign(session, load->manifest);
  if (!push.ok()) return print_error(push.error());
  return publish_and_watch(session, *push, load->bundles, arguments);
}

// One of three things is asked for.
Status require_one_way(const Arguments& arguments) {
  const bool has_files = !arguments.operands().empty();
  if (arguments.has("promote") ? !has_files && !arguments.has("submit") : has_files) return {};
  return Error{.name = "usage",
               .detail = "name FILEs, or --promote SHARE, or --submit and DRAFTs",
               .next = "reeve push --help"};
}

}  // namespace

int run_push(const Environment& environment, CommandArguments arguments) {
  return with_arguments(push_spec(), arguments, [&](const Arguments& parsed) {
    const auto one = require_one_way(parsed);
    return one.ok() ? push_policy(environment, parsed) : print_error(one.error());
  });
}

}  // namespace reeve::cli
