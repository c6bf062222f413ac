// reeve policy log: who signed which policy, when, and from which revision of its source. Each line
// is judged on this machine, by the chain of roots that leads to the one that is pinned here.
#include <fmt/format.h>

#include <algorithm>

#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/json.h"
#include "controller/cli/session.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

CommandSpec log_spec() {
  return {.name = "policy log",
          .usage = "[--limit N] [--json]",
          .details =
              "Shows the policies that were published, newest first: version, when it was made,\n"
              "by which keys it was signed, from which revision, and what it held. Signatures\n"
              "are checked on this machine, under the root of their time: `reeve root show`\n"
              "names the keys of today. What cannot be proven shows as unproven. Exit: 0, or 2\n"
              "where something is unproven.",
          .options = {{"limit", "N", "how many; else 20"}, json_option(), fleet_option()}};
}

struct Entry {
  std::optional<VerifiedManifest> verified;
  std::uint64_t root_version = 0;
  std::string unproven;  // an error's name
};

Result<Bytes> object_of(const Value& item, std::string_view name) {
  const Value* object = item.find(name);
  if (object != nullptr && object->binary() != nullptr) return *object->binary();
  return Error{.name = "malformed", .detail = "the controller's answer holds no signed object"};
}

// Every root that the controller has, each verified by the one before it. The chain must hold the
// root that is pinned here: only the holders of its keys' predecessors can have made one that does.
Result<std::vector<Root>> chain_of(Session& session) {
  std::vector<Root> chain;
  bool is_ours = false;
  for (;;) {
    const std::uint64_t after = chain.empty() ? 0 : chain.back().version;
    const auto items = session.controller().request("roots", {{"after", after}});
    if (!items.ok()) return items.error();
    if (items->empty()) break;
    for (const Value& item : *items) {
      const auto object = object_of(item, "root");
      if (!object.ok()) return object.error();
      auto root =
          chain.empty() ? verify_first_root(*object) : verify_next_root(*object, chain.back());
      if (!root.ok()) return root.error();
      is_ours = is_ours || *root == session.fleet().root;
      chain.push_back(*std::move(root));
    }
  }
  if (is_ours) return chain;
  return Error{.name = "root_mismatch",
               .detail = "the controller's roots do not lead to the one of this fleet directory",
               .next = "see that public/controller names the right controller"};
}

Entry judge(ByteView object, const std::vector<Root>& chain) {
  Entry entry;
  for (auto root = chain.rbegin(); root != chain.rend(); ++root) {
    auto verified = verify_stored_manifest(object, *root);
    if (verified.ok()) {
      entry.verified = *std::move(verified);
      entry.root_version = root->version;
      entry.unproven.clear();
      return entry;
    }
    if (entry.unproven.empty()) entry.unproven = verified.error().name;
  }
  return entry;
}

std::string keys_text(const std::vector<KeyHash>& keys) {
  std::string out;
  for (const KeyHash& key : keys) out += (out.empty() ? "" : " ") + hex(key.view()).substr(0, 8);
  return out;
}

std::string policies_text(const Manifest& manifest) {
  std::string out;
  for (const ManifestBundle& bundle : manifest.bundles)
    out += fmt::format("{}{} ({})", out.empty() ? "" : ", ", bundle.policy, bundle.rules);
  return printable(out);
}

std::string text_of_entry(const Entry& entry) {
  if (!entry.verified) return coloured("unproven: " + entry.unproven, Colour::red) + "\n";
  const Manifest& manifest = entry.verified->manifest;
  const std::string& source = manifest.source_revision;
  return fmt::format("{:>7} {} {:<18} {:<12} {}\n", manifest.version,
                     moment_text(manifest.created_s * 1'000'000'000).substr(0, 19),
                     keys_text(entry.verified->signers),
                     source.empty() ? "-" : printable(source.substr(0, 12)),
                     policies_text(manifest));
}

std::string json_of_entry(const Entry& entry) {
  if (!entry.verified) return JsonObject().text("unproven", entry.unproven).line();
  const Manifest& manifest = entry.verified->manifest;
  std::vector<std::string> signers;
  for (const KeyHash& key : entry.verified->signers) signers.push_back(hex(key.view()));
  std::vector<std::string> policies;
  for (const ManifestBundle& bundle : manifest.bundles) policies.push_back(bundle.policy);
  JsonObject out;
  out.natural("version", manifest.version).text("manifest", hex(entry.verified->digest.view()));
  add_time(out, "created", manifest.created_s * 1'000'000'000);
  add_time(out, "expires", manifest.expires_s * 1'000'000'000);
  return out.texts("signers", signers)
      .natural("root", entry.root_version)
      .text("source_revision", manifest.source_revision)
      .texts("policies", policies)
      .line();
}

std::size_t limit_of(const Arguments& arguments) {
  const std::string text = arguments.value("limit").value_or("20");
  std::size_t limit = 0;
  for (const char digit : text)
    limit = digit >= '0' && digit <= '9' && limit < 1'000'000
                ? limit * 10 + static_cast<std::size_t>(digit - '0')
                : 0;
  return limit;
}

Result<std::vector<Entry>> ask_entries(Session& session, std::size_t limit) {
  const auto chain = chain_of(session);
  if (!chain.ok()) return chain.error();
  std::vector<Entry> entries;
  std::uint64_t before = 0;
  while (entries.size() < limit) {
    const auto items = session.controller().request("manifests", {{"before", before}});
    if (!items.ok()) return items.error();
    const std::size_t known = entries.size();
    for (const Value& item : *items) {
      const auto object = object_of(item, "manifest");
      if (!object.ok()) return object.error();
      entries.push_back(judge(*object, *chain));
      if (entries.back().verified) before = entries.back().verified->manifest.version;
    }
    // Without a proven version there is nothing to ask on from.
    if (entries.size() == known || before <= 1) break;
  }
  if (entries.size() > limit) entries.resize(limit);
  return entries;
}

int show_log(const Environment& environment, const Arguments& arguments) {
  const std::size_t limit = limit_of(arguments);
  if (limit == 0)
    return print_error({.name = "usage",
                        .detail = "--limit takes a whole number above 0",
                        .next = "reeve policy log --help"});
  const auto opened = Session::open(environment, arguments);
  if (!opened.ok()) return print_error(opened.error());
  if (auto taken = (*opened)->take_up_roots(); !taken.ok()) return print_error(taken.error());
  const auto entries = ask_entries(**opened, limit);
  if (!entries.ok()) return print_error(entries.error());
  const bool json = arguments.has("json");
  if (!json) print_out("VERSION MADE (UTC)          SIGNED BY          SOURCE       POLICIES\n");
  bool is_proven = true;
  for (const Entry& entry : *entries) {
    print_out(json ? json_of_entry(entry) : text_of_entry(entry));
    is_proven = is_proven && entry.verified.has_value();
  }
  return is_proven ? exit_code::done : exit_code::deviations;
}

}  // namespace

int run_policy_log(const Environment& environment, CommandArguments arguments) {
  return with_arguments(log_spec(), arguments,
                        [&](const Arguments& parsed) { return show_log(environment, parsed); });
}

}  // namespace reeve::cli
