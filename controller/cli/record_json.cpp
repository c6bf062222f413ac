#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/clock.h"
#include "controller/cli/json.h"
#include "controller/cli/record_view.h"

namespace reeve::cli {
namespace {

constexpr std::array own_members{
    "equivocation", "withheld", "redacted_by", "redacted_why", "redacted", "tree_size",
    "tree_root",    "header",   "record",      "node",         "node_id",  "type",
    "leaf",         "stored",   "sealed",      "unproven",     "proven"};

void add_moment(JsonObject& out, const std::string& name, const Moment& moment) {
  add_time(out, name, moment.wall_ns);
  out.number(name + "_mono_ns", moment.mono_ns);
}

void add_cause(JsonObject& out, const Cause& cause) {
  out.text("confidence", name_of(cause.confidence)).text("via", cause.via);
  if (cause.pid != 0) out.natural("pid", cause.pid);
  if (!cause.program.empty()) out.text("program", cause.program);
  if (!cause.command.empty()) out.text("command", cause.command);
  if (cause.uid) out.natural("uid", *cause.uid);
  if (cause.login_uid) out.natural("login_uid", *cause.login_uid);
  if (cause.session) out.natural("session", *cause.session);
  if (!cause.unit.empty()) out.text("unit", cause.unit);
  std::vector<std::string> parents;
  for (const Ancestor& parent : cause.parents)
    parents.push_back(fmt::format("{} ({})", parent.program, parent.pid));
  if (!parents.empty()) out.texts("parents", parents);
  if (cause.is_elsewhere) out.claim("elsewhere", true);
}

void add_policy(JsonObject& out, const PolicyReference& policy) {
  std::vector<std::string> signers;
  for (const KeyHash& signer : policy.signers) signers.push_back(hex(signer.view()));
  out.text("policy", policy.name)
      .natural("policy_version", policy.version)
      .text("policy_digest", hex(policy.digest.view()))
      .texts("policy_signers", signers);
}

void add_receipt(JsonObject& out, const Receipt& receipt) {
  out.text("incident", hex(receipt.incident.view()))
      .text("rule", receipt.rule)
      .text("title", receipt.title)
      .text("kind", receipt.kind)
      .text("object", receipt.object)
      .text("severity", name_of(receipt.severity))
      .text("owner", receipt.owner)
      .texts("controls", receipt.controls)
      .text("mode", name_of(receipt.mode))
      .text("desired", receipt.desired)
      .text("found", receipt.found)
      .text("left", receipt.left)
      .text("outcome", receipt.outcome)
      .text("phase", name_of(receipt.phase))
      .text("reason", receipt.reason)
      .text("detail", receipt.detail)
      .claim("interrupted", receipt.interrupted);
  add_moment(out, "detected", receipt.detected);
  add_moment(out, "fixed", receipt.fixed);
  add_moment(out, "verified", receipt.verified);
  add_cause(out, receipt.cause);
  add_policy(out, receipt.policy);
}

void add_body(JsonObject& out, const Value& body) {
  if (body.map() == nullptr) return;
  for (const auto& [key, value] : *body.map()) {
    const bool ours = std::find(own_members.begin(), own_members.end(), key) != own_members.end();
    if (!ours) out.value(key, value);
  }
}

}  // namespace

std::string record_json(const SeenRecord& seen) {
  JsonObject out;
  out.text("record", seen.name)
      .text("node", seen.node)
      .text("node_id", hex(seen.header.node.view()))
      .text("type", seen.record.type);
  const auto receipt = decode_receipt(seen.record);
  if (receipt.ok()) {
    add_receipt(out, *receipt);
  } else {
    add_body(out, seen.record.body);
  }
  add_time(out, "sealed", seen.record.sealed.wall_ns);
  add_time(out, "stored", seen.stored_wall_ns);
  out.natural("leaf", seen.leaf);
  if (seen.equivocation) out.claim("equivocation", true);
  if (seen.is_withheld) out.claim("withheld", true);
  if (!seen.proven()) out.text("unproven", seen.unproven);
  return out.claim("proven", seen.proven()).line();
}

}  // namespace reeve::cli
