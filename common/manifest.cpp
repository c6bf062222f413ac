// Manifest payload, a map: "format" 1, "fleet" (16 bytes), "version", "created", "expires" (seconds
// since 1970), "source" (the source's revision), "bundles": a list of {"policy", "digest" (32
// bytes), "size", "rules", "select": [{label: [value]}], "stages": [{"share", "after"}]}. Unknown
// fields are refused.
#include <algorithm>
#include <limits>

#include "common/limits.h"
#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view what = "manifest";
Value value_of(const ManifestBundle& bundle) {
  Value::Array stages;
  for (const Stage& stage : bundle.stages) {
    stages.emplace_back(Value::Map{{"share", stage.share}, {"after", stage.not_before_s}});
  }
  return Value::Map{{"policy", bundle.policy},
                    {"digest", bundle.digest},
                    {"size", bundle.size},
                    {"rules", bundle.rules},
                    {"select", selector_value(bundle.selector)},
                    {"stages", std::move(stages)}};
}

Result<std::vector<Stage>> read_stages(const Value::Array& items) {
  if (items.size() > limits::stages_max) return over_limit(what, "a bundle has too many stages");
  std::vector<Stage> stages;
  for (const Value& item : items) {
    Fields fields(item, "stage");
    auto share = fields.natural("share");
    auto not_before_s = fields.integer("after");
    REEVE_TRY(fields.finish(UnknownFields::refuse));
    if (share > share_whole) return malformed(what, "a stage's share is above 10000");
    if (not_before_s < 0) return malformed(what, "a stage's time is negative");
    stages.push_back({static_cast<std::uint32_t>(share), not_before_s});
  }
  return stages;
}

Result<ManifestBundle> read_bundle(const Value& value) {
  Fields fields(value, "manifest's bundle");
  ManifestBundle bundle;
  bundle.policy = fields.text("policy");
  bundle.digest = fields.bytes<32>("digest");
  bundle.size = fields.natural("size");
  bundle.rules = fields.natural("rules");
  const auto& alternatives = fields.array("select");
  const auto& steps = fields.array("stages");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (!is_valid_id(bundle.policy)) return malformed(what, "a policy's name is not valid");
  if (bundle.size == 0) return malformed(what, "a bundle is empty");
  if (bundle.size > limits::bundle_bytes_max) return over_limit(what, "a bundle is too large");
  if (bundle.rules > limits::bundle_rules_max)
    return over_limit(what, "a bundle has too many rules");
  auto selector = read_selector(what, alternatives);
  if (!selector) return selector.error();
  bundle.selector = std::move(*selector);
  auto stages = read_stages(steps);
  if (!stages) return stages.error();
  bundle.stages = std::move(*stages);
  return bundle;
}

Status require_shape(const Manifest& manifest) {
  if (manifest.version == 0) return malformed(what, "version 0 does not exist");
  // The next version must be a number too, or what follows the last one would be the first.
  if (manifest.version > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return over_limit(what, "its version leaves no room for another");
  }
  if (manifest.created_s < 0) return malformed(what, "the time of its making is negative");
  if (manifest.expires_s <= 0) return malformed(what, "the expiry is not positive");
  if (manifest.expires_s <= manifest.created_s)
    return malformed(what, "it expires before it is made");
  if (manifest.expires_s > limits::signed_time_s_max)
    return malformed(what, "the expiry is too late");
  if (manifest.source_revision.size() > limits::name_bytes_max) {
    return over_limit(what, "the source's revision is too long");
  }
  std::vector<Digest> digests;
  for (const auto& bundle : manifest.bundles) digests.push_back(bundle.digest);
  if (!all_different(digests)) return malformed(what, "one bundle is named twice");
  return {};
}

// Time alone opens a small share at most: whoever wants more of the fleet looks at how that went,
// and signs again.
Status require_promoted(const Manifest& manifest) {
  for (const ManifestBundle& bundle : manifest.bundles) {
    for (const Stage& stage : bundle.stages) {
      if (stage.share <= share_by_time_max || stage.not_before_s <= manifest.created_s) continue;
      return Error{"promotion_needed",
                   "manifest: policy " + bundle.policy +
                       " would reach more than a tenth of the nodes by time alone",
                   "publish it for 10 % at most, then reeve push --promote"};
    }
  }
  return {};
}

std::vector<KeyHash> signers_of(const SignedObject& object, const Role& role) {
  std::vector<KeyHash> signers;
  for (const Signature& signature : object.signatures) {
    bool known = std::ranges::any_of(
        role.keys, [&](const PublicKey& key) { return key_hash(key) == signature.key; });
    if (known) signers.push_back(signature.key);
  }
  return signers;
}

}  // namespace

std::uint32_t stage_position(const Digest& manifest, const NodeId& node) {
  Digest hash = sha256({manifest.view(), node.view()});
  return static_cast<std::uint32_t>(ByteReader(hash.view()).u64() % share_whole);
}

bool stage_open(const ManifestBundle& bundle, const Digest& manifest, const NodeId& node,
                std::int64_t now_s) {
  if (bundle.stages.empty()) return true;
  auto position = stage_position(manifest, node);
  return std::ranges::any_of(bundle.stages, [&](const Stage& stage) {
    return now_s >= stage.not_before_s && position < stage.share;
  });
}

Bytes encode_manifest(const Manifest& manifest) {
  Value::Array bundles;
  for (const auto& bundle : manifest.bundles) bundles.push_back(value_of(bundle));
  return encode(Value::Map{{"format", format},
                           {"fleet", manifest.fleet},
                           {"version", manifest.version},
                           {"created", manifest.created_s},
                           {"expires", manifest.expires_s},
                           {"source", manifest.source_revision},
                           {"bundles", std::move(bundles)}});
}

Result<Manifest> decode_manifest(ByteView payload) {
  auto value = decode_payload(payload, what);
  if (!value) return value.error();
  Fields fields(*value, what);
  fields.natural("format");
  Manifest manifest;
  manifest.fleet = fields.bytes<16>("fleet");
  manifest.version = fields.natural("version");
  manifest.created_s = fields.integer("created");
  manifest.expires_s = fields.integer("expires");
  manifest.source_revision = fields.text("source");
  const auto& bundles = fields.array("bundles");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (bundles.size() > limits::manifest_bundles_max) return over_limit(what, "too many bundles");
  for (const Value& item : bundles) {
    auto bundle = read_bundle(item);
    if (!bundle) return bundle.error();
    manifest.bundles.push_back(std::move(*bundle));
  }
  REEVE_TRY(require_shape(manifest));
  REEVE_TRY(require_promoted(manifest));
  return manifest;
}

Result<VerifiedManifest> verify_stored_manifest(ByteView object, const Root& root) {
  auto opened = open_object(object, ObjectType::manifest);
  if (!opened) return opened.error();
  REEVE_TRY(require_signatures(*opened, root.policy.keys, root.policy.threshold));
  auto manifest = decode_manifest(opened->payload);
  if (!manifest) return manifest.error();
  REEVE_TRY(require_fleet(what, manifest->fleet, root));
  return VerifiedManifest{std::move(*manifest), sha256(opened->payload),
                          signers_of(*opened, root.policy)};
}

Result<VerifiedManifest> verify_manifest(ByteView object, const Root& root,
                                         std::uint64_t version_min, std::int64_t now_s) {
  auto verified = verify_stored_manifest(object, root);
  if (!verified) return verified;
  const Manifest& manifest = verified->manifest;
  if (manifest.version < version_min) {
    return Error{"manifest_rollback", "manifest: version " + std::to_string(manifest.version) +
                                          " is older than " + std::to_string(version_min)};
  }
  if (manifest.expires_s <= now_s) {
    return Error{"manifest_expired",
                 "manifest: version " + std::to_string(manifest.version) + " has expired",
                 "publish again with reeve push"};
  }
  if (root.expires_s <= now_s) {
    return Error{"root_expired", "root: version " + std::to_string(root.version) + " has expired",
                 "publish a new root with reeve root rotate"};
  }
  return verified;
}

}  // namespace reeve
