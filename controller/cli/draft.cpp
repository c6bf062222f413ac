// "RVDR", u8 version, then the manifest, the one in force, and u32 how many bundles, each; every
// part a u32 length and its bytes.
#include "controller/cli/draft.h"

#include <algorithm>

#include "common/limits.h"

namespace reeve::cli {
namespace {

constexpr std::string_view draft_magic = "RVDR";
constexpr std::uint8_t draft_version = 1;

Error malformed_draft(std::string_view problem) {
  return Error{"malformed_draft", "draft: " + std::string(problem),
               "prepare it again with --prepare"};
}

Error too_many_signatures() {
  return Error{"limit_exceeded", "there is no room for another signature",
               "prepare it again: somebody has filled this one up"};
}

void append_part(Bytes& out, ByteView part) {
  append_u32(out, static_cast<std::uint32_t>(part.size()));
  append(out, part);
}

Bytes take_part(ByteReader& reader) {
  const ByteView part = reader.take(reader.u32());
  return Bytes(part.begin(), part.end());
}

Result<Bundle> bundle_of(const ManifestBundle& named, const Draft& draft) {
  const auto found = draft.bundles.find(named.digest);
  if (found == draft.bundles.end()) {
    return Error{"bundle_missing", "draft: the bundle of policy " + named.policy + " is not in it"};
  }
  auto bundle = decode_bundle(found->second);
  if (!bundle.ok()) return bundle;
  if (found->second.size() == named.size && bundle->rules.size() == named.rules &&
      bundle->policy == named.policy) {
    return bundle;
  }
  return Error{"bundle_mismatch",
               "draft: the bundle of policy " + named.policy + " is not what the manifest says"};
}

// What cannot be proven of the manifest in force changes nothing of what is signed: it is told.
void read_in_force(ReadDraft& read, const Draft& draft, const Root& root) {
  if (draft.in_force.empty()) return;
  auto verified = verify_stored_manifest(draft.in_force, root);
  if (!verified.ok()) {
    read.in_force_doubt = verified.error().name;
    return;
  }
  for (const ManifestBundle& named : verified->manifest.bundles) {
    auto bundle = bundle_of(named, draft);
    if (bundle.ok()) read.old_bundles.emplace(named.digest, std::move(*bundle));
  }
  read.in_force = std::move(verified->manifest);
}

}  // namespace

bool is_draft(ByteView bytes) { return text_of(bytes).starts_with(draft_magic); }

Bytes encode_draft(const Draft& draft) {
  Bytes out = bytes_of(draft_magic);
  out.push_back(draft_version);
  append_part(out, draft.manifest);
  append_part(out, draft.in_force);
  append_u32(out, static_cast<std::uint32_t>(draft.bundles.size()));
  for (const auto& [digest, bytes] : draft.bundles) append_part(out, bytes);
  return out;
}

Result<Draft> decode_draft(ByteView bytes) {
  ByteReader reader(bytes);
  if (text_of(reader.take(draft_magic.size())) != draft_magic) {
    return malformed_draft("does not begin with RVDR");
  }
  if (reader.u8() != draft_version) return malformed_draft("is of another version");
  Draft draft;
  draft.manifest = take_part(reader);
  draft.in_force = take_part(reader);
  const std::uint32_t count = reader.u32();
  if (!reader.ok()) return malformed_draft("is cut short");
  if (count > 2 * limits::manifest_bundles_max) {
    return Error{"limit_exceeded", "draft: has more bundles than two manifests"};
  }
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    Bytes bundle = take_part(reader);
    const Digest digest = sha256(bundle);
    draft.bundles.emplace(digest, std::move(bundle));
  }
  if (!reader.ok() || !reader.at_end()) return malformed_draft("has the wrong length");
  return draft;
}

Result<ReadDraft> read_draft(const Draft& draft, const Root& root) {
  auto object = parse_signed_object(draft.manifest, ObjectType::manifest);
  if (!object.ok()) return object.error();
  if (auto held = count_signatures(*object, root.policy.keys); !held.ok()) return held.error();
  auto manifest = decode_manifest(object->payload);
  if (!manifest.ok()) return manifest.error();
  if (manifest->fleet != root.fleet) {
    return Error{"wrong_fleet", "draft: the manifest is for another fleet",
                 "name the fleet that it was prepared for with --fleet"};
  }
  ReadDraft read;
  for (const Signature& signature : object->signatures) {
    const bool is_ours = std::ranges::any_of(
        root.policy.keys, [&](const PublicKey& key) { return key_hash(key) == signature.key; });
    if (is_ours) read.signers.push_back(signature.key);
  }
  for (const ManifestBundle& named : manifest->bundles) {
    auto bundle = bundle_of(named, draft);
    if (!bundle.ok()) return bundle.error();
    read.bundles.emplace(named.digest, std::move(*bundle));
  }
  read.manifest = std::move(*manifest);
  read_in_force(read, draft, root);
  return read;
}

Result<Bytes> add_signature(ByteView object, ObjectType type, const SigningKey& key) {
  auto parsed = parse_signed_object(object, type);
  if (!parsed.ok()) return parsed.error();
  const bool is_there = std::ranges::any_of(
      parsed->signatures, [&](const Signature& one) { return one.key == key.hash(); });
  if (is_there) return Error{"already_signed", "this key has signed it already"};
  if (parsed->signatures.size() >= limits::signatures_max) return too_many_signatures();
  parsed->signatures.push_back(sign_payload(type, parsed->payload, key));
  return encode_signed_object(*parsed);
}

Result<Bytes> merge_signatures(ByteView one, ByteView other, ObjectType type) {
  auto first = parse_signed_object(one, type);
  if (!first.ok()) return first.error();
  auto second = parse_signed_object(other, type);
  if (!second.ok()) return second.error();
  if (first->payload != second->payload) {
    return Error{"draft_mismatch", "the files are about different things to sign",
                 "give only copies of one draft"};
  }
  for (Signature& signature : second->signatures) {
    const bool is_there = std::ranges::any_of(
        first->signatures, [&](const Signature& known) { return known.key == signature.key; });
    if (is_there) continue;
    if (first->signatures.size() >= limits::signatures_max) return too_many_signatures();
    first->signatures.push_back(signature);
  }
  return encode_signed_object(*first);
}

}  // namespace reeve::cli
