#include "controller/cli/verify.h"

#include <algorithm>
#include <set>

#include "common/limits.h"
#include "controller/cli/cli_limits.h"

namespace reeve::cli {
namespace {

constexpr std::int64_t fresh_ns =
    limits::heartbeat_interval_ns * limits::heartbeats_missed_until_silent;

std::uint64_t count_of(const Heartbeat& heartbeat, RuleState state) {
  return heartbeat.rules[static_cast<std::size_t>(state)];
}

Result<Heartbeat> open_heartbeat(ByteView object, const NodeId& node, const PublicKey& key) {
  const auto parsed = parse_signed_object(object, ObjectType::heartbeat);
  if (!parsed.ok()) return parsed.error();
  REEVE_TRY(require_signatures(*parsed, std::span(&key, 1), 1));
  auto heartbeat = decode_heartbeat(parsed->payload);
  if (!heartbeat.ok()) return heartbeat.error();
  if (heartbeat->node != node) {
    return Error{.name = "node_id_mismatch", .detail = "the heartbeat is another node's"};
  }
  return heartbeat;
}

Error doubt(std::string_view name) { return Error{.name = std::string(name), .detail = {}}; }

RecordKey first_key(const NodeCertificate& certificate) {
  return {certificate.record_key, 0, std::nullopt};
}

const KnownNode* find(const KnownNodes& nodes, const NodeId& id) {
  const auto found = nodes.find(id);
  return found == nodes.end() ? nullptr : &found->second;
}

// What this machine has verified stands in a chain that is shown from the certificate on; else that
// chain leaves the true one at an older key. Empty where it holds.
std::string_view doubt_of(const KeyChain& chain, const KnownNode* known) {
  if (known == nullptr || !known->newest_key) return {};
  const RecordKey* same = chain.find(known->newest_key->hash());
  if (same != nullptr && *same == *known->newest_key) return {};
  return chain.size() > known->newest_key->number ? "key_fork" : "key_rollback";
}

// The key that may sign heartbeats now, if it is this one.
Result<RecordKey> key_for(const KeyHash& signer, const NodeCertificate& certificate,
                          const KnownNode* known, const KeyChain* chain) {
  const bool is_forked =
      (known != nullptr && known->is_forked) || (chain != nullptr && chain->is_forked());
  if (is_forked) return doubt("key_fork");
  if (chain != nullptr) {
    if (const auto name = doubt_of(*chain, known); !name.empty()) return doubt(name);
    if (!chain->successors(signer).empty()) return doubt("key_retired");
    if (const RecordKey* key = chain->find(signer)) return *key;
    return doubt("key_unknown");
  }
  const bool moved_on = known != nullptr && known->newest_key;
  if (moved_on && known->newest_key->hash() == signer) return *known->newest_key;
  if (key_hash(certificate.record_key) != signer) return doubt("key_unknown");
  if (moved_on) return doubt("key_retired");
  return first_key(certificate);
}

Status read_heartbeat(SeenNode& node, ByteView object, const KnownNode* known,
                      const KeyChain* chain) {
  const auto signer = signer_of(object, ObjectType::heartbeat);
  if (!signer.ok()) return signer.error();
  auto key = key_for(*signer, *node.certificate, known, chain);
  if (!key.ok()) return key.error();
  auto heartbeat = open_heartbeat(object, node.certificate->node, key->key);
  if (!heartbeat.ok()) return heartbeat.error();
  if (known != nullptr && known->epoch == heartbeat->epoch && heartbeat->count < known->count) {
    return doubt("heartbeat_rollback");
  }
  node.heartbeat = *std::move(heartbeat);
  node.heartbeat_digest = sha256(object);
  node.key = *key;
  return {};
}

Result<BatchHeader> read_header(ByteView object) {
  const auto parsed = parse_signed_object(object, ObjectType::batch_header);
  if (!parsed.ok()) return parsed.error();
  return decode_batch_header(parsed->payload);
}

// What an item has of a record: all of it, its hash alone, or, of one whose batch has no bodies any
// more, nothing.
struct Kept {
  Bytes record;
  std::optional<Digest> leaf;
  std::vector<Digest> path;
};

// The error name of the first thing that does not hold; empty when all of it does.
std::string doubt_of(ByteView header_object, const BatchHeader& header, std::uint64_t index,
                     const Kept& kept, const KeyChain* chain) {
  if (chain == nullptr) return "node_unknown";
  const RecordKey* key = chain->find(header.key);
  if (key == nullptr) return "key_unknown";
  const auto parsed = parse_signed_object(header_object, ObjectType::batch_header);
  if (!parsed.ok()) return parsed.error().name;
  const auto holds = require_signatures(*parsed, std::span(&key->key, 1), 1);
  if (!holds.ok()) return holds.error().name;
  const auto may = check_use(*key, chain->successors(header.key), header);
  if (!may.ok()) return may.error().name;
  if (!kept.leaf && index < header.count) return {};
  if (!kept.leaf || !inclusion_holds(*kept.leaf, index, header.count, kept.path, header.root))
    return "root_mismatch";
  return {};
}

Result<Kept> read_kept(Fields& fields, SeenRecord& seen) {
  Kept kept;
  seen.is_withheld = fields.boolean_or("withheld", false);
  if (!seen.is_withheld) {
    const Salt salt = fields.bytes<16>("salt");
    kept.record = fields.binary("record");
    kept.leaf = record_leaf_hash(salt, kept.record);
  } else {
    if (fields.has("hash")) kept.leaf = fields.bytes<32>("hash");
    if (fields.has("request")) seen.redaction = fields.binary("request");
  }
  if (!kept.leaf) return kept;
  auto path = read_path(fields, "path");
  if (!path.ok()) return path.error();
  kept.path = *std::move(path);
  return kept;
}

// A record's content, which is taken for nothing where its body is withheld.
void read_content(SeenRecord& seen, const Kept& kept) {
  if (seen.is_withheld) {
    seen.record.type = "withheld";
    return;
  }
  auto decoded = decode_record(kept.record);
  if (decoded.ok()) {
    seen.record = *std::move(decoded);
    return;
  }
  // What a node sealed need not be a record; it is shown all the same.
  seen.record.type = "unreadable";
  if (seen.unproven.empty()) seen.unproven = decoded.error().name;
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
  return judge_node(item, root, {KnownNodes{}, KeyChains{}});
}

SeenNode judge_node(const Value& item, const Root& root, const Known& known) {
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
  const NodeId& id = node.certificate->node;
  const KnownNode* before = find(known.nodes, id);
  if (before != nullptr && node.certificate->version < before->certificate_version) {
    node.unproven = "certificate_rollback";
    return node;
  }
  // A node that was heard before cannot have been silent for ever.
  if (heartbeat_object.empty()) {
    if (before != nullptr && !before->epoch.is_zero()) node.unproven = "heartbeat_rollback";
    return node;
  }
  const auto chain = known.chains.find(id);
  const auto read = read_heartbeat(node, heartbeat_object, before,
                                   chain == known.chains.end() ? nullptr : &chain->second);
  if (!read.ok()) node.unproven = read.error().name;
  return node;
}

std::vector<SeenNode> unlisted(const KnownNodes& known, const std::vector<SeenNode>& listed) {
  std::set<NodeId> there;
  for (const SeenNode& node : listed) {
    if (node.certificate) there.insert(node.certificate->node);
  }
  std::vector<SeenNode> out;
  for (const auto& [id, node] : known) {
    if (there.contains(id)) continue;
    SeenNode missing;
    missing.known_name = node.name;
    missing.unproven = "not_listed";
    out.push_back(std::move(missing));
  }
  return out;
}

bool remember(KnownNodes& known, const SeenNode& node, const KeyChain* chain,
              std::uint64_t next_leaf) {
  if (!node.certificate) return false;
  const NodeCertificate& certificate = *node.certificate;
  const auto [place, fresh] = known.try_emplace(certificate.node);
  KnownNode& now = place->second;
  if (certificate.version < now.certificate_version) return false;
  const KnownNode before = now;
  now.name = certificate.name;
  now.certificate_version = certificate.version;
  now.is_forked = now.is_forked || (chain != nullptr && chain->is_forked());
  // Two keys of one number were verified here, though no list has shown both.
  now.is_forked = now.is_forked || node.unproven == "key_fork";
  const bool goes_on = !now.newest_key || (chain != nullptr && doubt_of(*chain, &now).empty());
  if (node.key && node.key->number > 0 && now.newest_key != node.key && goes_on) {
    now.newest_key = node.key;
    now.next_leaf = next_leaf;
  }
  now.is_ended = now.is_ended || node.ended.has_value();
  const bool is_news = fresh || now != before;
  if (node.heartbeat) {
    now.epoch = node.heartbeat->epoch;
    now.count = node.heartbeat->count;
  }
  return is_news;
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

bool has_wrong_clock(const SeenNode& node, std::int64_t now_wall_ns) {
  if (!node.heartbeat) return false;
  const std::int64_t made_ns = node.heartbeat->made.wall_ns;
  if (made_ns > now_wall_ns) return !is_fresh(*node.heartbeat, now_wall_ns);
  return node.connected && made_ns < now_wall_ns - fresh_ns - limits::clock_wrong_ns;
}

NodeState state_of(const SeenNode& node, std::int64_t now_wall_ns) {
  if (!node.unproven.empty()) return NodeState::unproven;
  if (!node.heartbeat) return NodeState::silent;
  const Heartbeat& heartbeat = *node.heartbeat;
  if (has_wrong_clock(node, now_wall_ns)) return NodeState::unproven;
  if (!is_fresh(heartbeat, now_wall_ns)) return NodeState::silent;
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
  return judge_record(item, certificates, {KnownNodes{}, KeyChains{}});
}

Result<SeenRecord> judge_record(const Value& item, const Certificates& certificates,
                                const Known& known) {
  Fields fields(item, "record item");
  SeenRecord seen;
  seen.cursor = fields.natural_or("cursor", 0);
  seen.leaf = fields.natural("leaf");
  seen.index = fields.natural("index");
  seen.stored_wall_ns = fields.integer_or("stored", 0);
  seen.equivocation = fields.boolean_or("equivocation", false);
  const Bytes header_object = fields.binary("header");
  const auto kept = read_kept(fields, seen);
  if (!kept.ok()) return kept.error();
  REEVE_TRY(fields.finish(UnknownFields::keep));
  auto header = read_header(header_object);
  if (!header.ok()) return header.error();
  seen.header = *std::move(header);
  seen.header_digest = sha256(header_object);
  seen.leaf_hash = leaf_hash(header_object);
  const auto found = certificates.find(seen.header.node);
  const auto* certificate = found == certificates.end() ? nullptr : &found->second;
  seen.node = certificate ? certificate->name : hex(seen.header.node.view());
  seen.name =
      record_name(seen.node, seen.header.epoch, seen.header.stream, seen.header.first + seen.index);
  const auto followed = known.chains.find(seen.header.node);
  const bool is_followed = followed != known.chains.end();
  std::optional<KeyChain> only_first;
  if (certificate != nullptr && !is_followed) {
    only_first.emplace(seen.header.node, first_key(*certificate));
  }
  const KeyChain* chain = only_first ? &*only_first : nullptr;
  if (certificate != nullptr && is_followed) chain = &followed->second;
  seen.unproven = doubt_of(header_object, seen.header, seen.index, *kept, chain);
  const KnownNode* before = find(known.nodes, seen.header.node);
  if (chain != nullptr && seen.proven() && !doubt_of(*chain, before).empty()) {
    // A key that had successors needs them to be judged by.
    seen.unproven = is_followed ? doubt_of(*chain, before) : "key_unknown";
  }
  read_content(seen, *kept);
  return seen;
}

}  // namespace reeve::cli
