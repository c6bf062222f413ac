#include "controller/cli/verify.h"

#include <algorithm>

#include "common/limits.h"

namespace reeve::cli {
namespace {

constexpr std::int64_t fresh_ns =
    limits::heartbeat_interval_ns * limits::heartbeats_missed_until_silent;

std::uint64_t count_of(const Heartbeat& heartbeat, RuleState state) {
  return heartbeat.rules[static_cast<std::size_t>(state)];
}

Result<Heartbeat> open_heartbeat(ByteView object, const NodeCertificate& certificate) {
  const auto parsed = parse_signed_object(object, ObjectType::heartbeat);
  if (!parsed.ok()) return parsed.error();
  REEVE_TRY(require_signatures(*parsed, std::span(&certificate.record_key, 1), 1));
  auto heartbeat = decode_heartbeat(parsed->payload);
  if (!heartbeat.ok()) return heartbeat.error();
  if (heartbeat->node != certificate.node) {
    return Error{.name = "node_id_mismatch", .detail = "the heartbeat is another node's"};
  }
  return heartbeat;
}

Result<BatchHeader> read_header(ByteView object) {
  const auto parsed = parse_signed_object(object, ObjectType::batch_header);
  if (!parsed.ok()) return parsed.error();
  return decode_batch_header(parsed->payload);
}

// The error name of the first thing that does not hold; empty when all of it does.
std::string doubt_of(ByteView header_object, const BatchHeader& header, std::uint64_t index,
                     const Digest& leaf, std::span<const Digest> path,
                     const NodeCertificate* certificate) {
  if (certificate == nullptr) return "node_unknown";
  if (header.key != key_hash(certificate->record_key)) return "key_unknown";
  const auto parsed = parse_signed_object(header_object, ObjectType::batch_header);
  if (!parsed.ok()) return parsed.error().name;
  const auto holds = require_signatures(*parsed, std::span(&certificate->record_key, 1), 1);
  if (!holds.ok()) return holds.error().name;
  if (!inclusion_holds(leaf, index, header.count, path, header.root)) return "root_mismatch";
  return {};
}

}  // namespace

Result<std::vector<Digest>> read_path(Fields& fields, std::string_view key) {
  std::vector<Digest> path;
  for (const Value& step : fields.array(key)) {
    const Bytes* bytes = step.binary();
    const auto digest = bytes == nullptr ? std::nullopt : fixed<32>(*bytes);
    if (!digest) return Error{.name = "malformed", .detail = "a proof's step is no digest"};
    path.push_back(*digest);
  }
  return path;
}

SeenNode judge_node(const Value& item, const Root& root) {
  SeenNode node;
  Fields fields(item, "status item");
  const Bytes certificate_object = fields.binary("certificate");
  const Bytes heartbeat_object = fields.has("heartbeat") ? fields.binary("heartbeat") : Bytes{};
  node.seen_wall_ns = fields.integer_or("seen", 0);
  node.connected = fields.boolean_or("connected", false);
  node.flags = fields.texts_or_none("flags");
  if (const auto read = fields.finish(UnknownFields::keep); !read.ok()) {
    node.unproven = read.error().name;
    return node;
  }
  auto certificate = verify_certificate(certificate_object, root);
  if (!certificate.ok()) {
    node.unproven = certificate.error().name;
    return node;
  }
  node.certificate = *std::move(certificate);
  if (heartbeat_object.empty()) return node;
  auto heartbeat = open_heartbeat(heartbeat_object, *node.certificate);
  if (!heartbeat.ok()) {
    node.unproven = heartbeat.error().name;
    return node;
  }
  node.heartbeat = *std::move(heartbeat);
  node.heartbeat_digest = sha256(heartbeat_object);
  return node;
}

std::string_view name_of(NodeState state) {
  switch (state) {
    case NodeState::compliant:
      return "compliant";
    case NodeState::deviating:
      return "deviating";
    case NodeState::stale:
      return "stale";
    case NodeState::silent:
      return "silent";
    case NodeState::unproven:
      return "unproven";
    case NodeState::refused:
      return "refused";
    case NodeState::paused:
      return "paused";
  }
  return "unproven";
}

RuleSums sum_rules(const Heartbeat& heartbeat) {
  RuleSums sums;
  for (const std::uint32_t count : heartbeat.rules) sums.all += count;
  sums.unknown = count_of(heartbeat, RuleState::unknown) + count_of(heartbeat, RuleState::paused) +
                 count_of(heartbeat, RuleState::unsupported);
  sums.paused = count_of(heartbeat, RuleState::paused);
  sums.deviating = sums.all - sums.unknown - count_of(heartbeat, RuleState::holds) -
                   count_of(heartbeat, RuleState::waived) -
                   count_of(heartbeat, RuleState::not_applicable);
  return sums;
}

bool is_fresh(const Heartbeat& heartbeat, std::int64_t now_wall_ns) {
  const std::int64_t made_ns = heartbeat.made.wall_ns;
  return made_ns >= now_wall_ns - fresh_ns && made_ns <= now_wall_ns + fresh_ns;
}

NodeState state_of(const SeenNode& node, std::int64_t now_wall_ns) {
  if (!node.unproven.empty()) return NodeState::unproven;
  if (!node.heartbeat) return NodeState::silent;
  const Heartbeat& heartbeat = *node.heartbeat;
  if (!is_fresh(heartbeat, now_wall_ns)) {
    return heartbeat.made.wall_ns > now_wall_ns ? NodeState::unproven : NodeState::silent;
  }
  if (!heartbeat.refused.empty()) return NodeState::refused;
  if (heartbeat.stale) return NodeState::stale;
  const RuleSums sums = sum_rules(heartbeat);
  if (sums.deviating > 0) return NodeState::deviating;
  if (sums.paused > 0 && sums.paused == sums.unknown) return NodeState::paused;
  return sums.unknown > 0 ? NodeState::unproven : NodeState::compliant;
}

Certificates certificates_of(const std::vector<SeenNode>& nodes) {
  Certificates out;
  for (const SeenNode& node : nodes) {
    if (!node.certificate) continue;
    const auto [place, fresh] = out.try_emplace(node.certificate->node, *node.certificate);
    // Of several certificates of one node the newest counts.
    if (!fresh && place->second.version < node.certificate->version) {
      place->second = *node.certificate;
    }
  }
  return out;
}

Result<SeenRecord> judge_record(const Value& item, const Certificates& certificates) {
  Fields fields(item, "record item");
  SeenRecord seen;
  seen.cursor = fields.natural_or("cursor", 0);
  seen.leaf = fields.natural("leaf");
  seen.index = fields.natural("index");
  seen.stored_wall_ns = fields.integer_or("stored", 0);
  seen.equivocation = fields.boolean_or("equivocation", false);
  const Bytes header_object = fields.binary("header");
  const Salt salt = fields.bytes<16>("salt");
  const Bytes record = fields.binary("record");
  const auto path = read_path(fields, "path");
  if (!path.ok()) return path.error();
  REEVE_TRY(fields.finish(UnknownFields::keep));
  auto header = read_header(header_object);
  if (!header.ok()) return header.error();
  auto decoded = decode_record(record);
  seen.header = *std::move(header);
  seen.header_digest = sha256(header_object);
  seen.leaf_hash = leaf_hash(header_object);
  if (decoded.ok()) seen.record = *std::move(decoded);
  const auto found = certificates.find(seen.header.node);
  const auto* certificate = found == certificates.end() ? nullptr : &found->second;
  seen.node = certificate ? certificate->name : hex(seen.header.node.view());
  seen.name =
      record_name(seen.node, seen.header.epoch, seen.header.stream, seen.header.first + seen.index);
  seen.unproven = doubt_of(header_object, seen.header, seen.index, record_leaf_hash(salt, record),
                           *path, certificate);
  // What a node sealed need not be a record; it is shown all the same.
  if (!decoded.ok()) {
    seen.record.type = "unreadable";
    if (seen.unproven.empty()) seen.unproven = decoded.error().name;
  }
  return seen;
}

}  // namespace reeve::cli
