#include "controller/cli/proof_view.h"

#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"
#include "controller/cli/commands.h"
#include "controller/cli/files.h"
#include "controller/cli/fleet.h"
#include "controller/cli/place_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"
#include "controller/cli/witness_view.h"
#include "controller/operator_protocol.h"

namespace reeve::cli {
namespace {

std::string short_key(const KeyHash& key) { return hex(key.view()).substr(0, 16); }

std::string text_in(const Record& record, std::string_view key) {
  const Value* value = record.body.find(key);
  const auto text = value != nullptr ? value->any_name() : std::nullopt;
  return text ? printable(*text) : std::string();
}

std::string record_text(const ProvenRecord& proven) {
  std::string out = fmt::format("{}, sealed at {}", printable(proven.record.type),
                                moment_text(proven.record.sealed.wall_ns));
  for (const std::string_view key : {"rule", "object", "outcome"}) {
    const std::string text = text_in(proven.record, key);
    if (!text.empty()) out += fmt::format(", {} {}", key, text);
  }
  return out;
}

std::string batch_text(const ProvenRecord& proven) {
  return fmt::format("record {} of {} in a batch that {} signed with key {} of its chain, {}{}",
                     proven.index + 1, proven.header.count, printable(proven.certificate.name),
                     proven.key.number, short_key(proven.header.key),
                     proven.is_key_ended ? "; its successor says that this is its own" : "");
}

std::string node_text(const ProvenRecord& proven) {
  const NodeCertificate& certificate = proven.certificate;
  return fmt::format("{}, id {}, certificate version {} {} operator {} (root version {})",
                     printable(certificate.name), hex(certificate.node.view()).substr(0, 16),
                     certificate.version,
                     proven.is_under_token ? "by itself under a token signed by" : "signed by",
                     printable(proven.enroller), proven.root.version);
}

std::string ledger_text(const ProvenRecord& proven) {
  return fmt::format("leaf {} of {} in the ledger {}, by its checkpoint that ledger key {} signed",
                     proven.leaf, proven.checkpoint.tree.size, printable(proven.checkpoint.origin),
                     short_key(proven.ledger_key));
}

std::string policy_text(const ProvenRecord& proven) {
  if (!proven.policy) return "the record names none that was signed";
  const ProvenPolicy& policy = *proven.policy;
  std::string signers;
  for (const KeyHash& key : policy.signers)
    signers += (signers.empty() ? "" : ", ") + short_key(key);
  return fmt::format("{}{}version {}, signed by policy {} {} (root version {})",
                     printable(policy.name), policy.name.empty() ? "" : ", ", policy.version,
                     policy.signers.size() == 1 ? "key" : "keys", signers, policy.root_version);
}

std::string witnesses_text(const ProvenRecord& proven) {
  if (!proven.witnesses) return "by nobody";
  return fmt::format("{}, by witness set version {} that operator {} signed",
                     cosigned_text(*proven.witnesses), proven.witnesses->set.set.version,
                     printable(proven.witnesses->set.who));
}

std::string root_text(const ProvenRecord& proven) {
  if (proven.first_root == proven.root.version)
    return fmt::format("version {}, trusted here", proven.root.version);
  return fmt::format("versions {} to {}, each signed by the one before, the first trusted here",
                     proven.first_root, proven.root.version);
}

}  // namespace

std::string proven_name(const ProvenRecord& proven) {
  return record_name(proven.certificate.name, proven.header.epoch, proven.header.stream,
                     proven.header.first + proven.index);
}

std::string proof_page(const ProvenRecord& proven) {
  return fmt::format("{}: the proof holds\n", printable(proven_name(proven))) +
         field_lines("record", record_text(proven)) + field_lines("batch", batch_text(proven)) +
         field_lines("node", node_text(proven)) + field_lines("ledger", ledger_text(proven)) +
         field_lines("policy", policy_text(proven)) +
         field_lines("cosigned", witnesses_text(proven)) +
         field_lines("time",
                     time_text(proven.times, proven.witnesses, proven.record.sealed.wall_ns)) +
         field_lines("root", root_text(proven));
}

JsonObject proof_json(const ProvenRecord& proven) {
  JsonObject out;
  out.claim("holds", true).text("record", proven_name(proven)).text("type", proven.record.type);
  add_time(out, "sealed", proven.record.sealed.wall_ns);
  out.text("node", proven.certificate.name)
      .text("node_id", hex(proven.certificate.node.view()))
      .natural("certificate", proven.certificate.version)
      .text("enroller", proven.enroller)
      .claim("under_token", bool{proven.is_under_token})
      .text("key", hex(proven.header.key.view()))
      .natural("key_number", proven.key.number)
      .text("header", hex(proven.header_digest.view()))
      .text("origin", proven.checkpoint.origin)
      .natural("leaf", proven.leaf)
      .natural("tree_size", proven.checkpoint.tree.size)
      .text("tree_root", hex(proven.checkpoint.tree.root.view()))
      .text("ledger_key", hex(proven.ledger_key.view()))
      .natural("cosigners", proven.witnesses ? proven.witnesses->cosigners.size() : 0)
      .natural("root_version", proven.root.version);
  add_times(out, proven.times, proven.witnesses);
  if (proven.witnesses) {
    const WitnessSet& set = proven.witnesses->set.set;
    std::vector<std::string> names;
    for (const auto& cosigner : proven.witnesses->cosigners) names.push_back(cosigner.name);
    out.natural("witnesses", set.nodes.size())
        .natural("need", set.need)
        .natural("witness_set", set.version)
        .texts("cosigned_by", names);
  }
  if (proven.policy) {
    std::vector<std::string> signers;
    for (const KeyHash& key : proven.policy->signers) signers.push_back(hex(key.view()));
    out.text("policy", proven.policy->name)
        .natural("policy_version", proven.policy->version)
        .text("manifest", hex(proven.policy->digest.view()))
        .texts("policy_signers", signers);
  }
  return out.value("body", proven.record.body);
}

int print_refuted(const Error& error, const Arguments& arguments) {
  if (arguments.has("json")) {
    print_out(JsonObject()
                  .claim("holds", false)
                  .text("error", error.name)
                  .text("detail", error.detail)
                  .line());
  }
  print_error(error);
  return exit_code::deviations;
}

OptionSpec root_option() {
  return {"root", "FILE",
          "a signed root to trust, instead of the fleet directory's; again for more"};
}

Result<std::vector<Root>> roots_to_trust(const Arguments& arguments) {
  std::vector<Root> roots;
  for (const std::string& path : arguments.values("root")) {
    const auto object = read_file(path, limits::trust_object_bytes_max);
    if (!object.ok()) return object.error();
    auto root = verify_first_root(*object);
    if (!root.ok()) {
      return Error{
          .name = "root_unusable",
          .detail = fmt::format("{}: {}: {}", path, root.error().name, root.error().detail),
          .next = "take public/root of the fleet directory"};
    }
    roots.push_back(*std::move(root));
  }
  if (!roots.empty()) return roots;
  auto fleet = open_fleet_offline(arguments);
  if (!fleet.ok()) return fleet.error();
  roots = former_roots(*fleet);
  roots.push_back(fleet->root);
  return roots;
}

}  // namespace reeve::cli
