#include "controller/publisher.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "controller/controller_limits.h"

namespace reeve {
namespace {

Error bundle_error(std::string_view name, const ManifestBundle& bundle, std::string_view problem) {
  return Error{std::string(name),
               fmt::format("bundle {} of policy {}: {}", hex(bundle.digest.view()).substr(0, 16),
                           bundle.policy, problem)};
}

std::optional<Bytes> chunk_of(const Chunk& chunk) {
  return encode_message(MessageType::chunk, encode_chunk(chunk));
}

}  // namespace

Publisher::Publisher(const Store& store, const Root& root, std::vector<Bytes> root_objects)
    : store_(store),
      root_objects_(std::move(root_objects)),
      first_root_version_(root.version + 1 - root_objects_.size()) {
  REEVE_ASSERT(!root_objects_.empty() && root_objects_.size() <= root.version);
}

Status Publisher::load(const Root& root) {
  auto object = store_.latest_manifest();
  if (!object.ok()) return object.error();
  manifest_.reset();
  manifest_object_.clear();
  if (!*object) return {};
  const auto parsed = parse_signed_object(**object, ObjectType::manifest);
  if (!parsed.ok()) return Error{"store_damaged", parsed.error().detail};
  const auto manifest = decode_manifest(parsed->payload);
  if (!manifest.ok()) return Error{"store_damaged", manifest.error().detail};
  version_taken_ = manifest->version;
  // Under keys that the root dropped it goes to no node any more; operators see what was published.
  if (verify_stored_manifest(**object, root).ok()) manifest_ = *manifest;
  manifest_object_ = std::move(**object);
  return {};
}

std::vector<Bytes> Publisher::messages_for(const Heartbeat& heartbeat,
                                           std::uint64_t root_max) const {
  std::vector<Bytes> messages;
  const auto newest = first_root_version_ + root_objects_.size() - 1;
  const auto current = std::min(newest, root_max);
  auto next = heartbeat.root_version;
  while (next >= first_root_version_ - 1 && next < current &&
         messages.size() < limits::roots_per_heartbeat) {
    messages.push_back(
        encode_message(MessageType::root, root_objects_[++next - first_root_version_]));
  }
  if (manifest_ && current == newest && heartbeat.manifest_version < manifest_->version) {
    messages.push_back(manifest_message());
  }
  return messages;
}

std::vector<const Bytes*> Publisher::roots_from(const Digest& payload) const {
  std::vector<const Bytes*> roots;
  for (const auto& object : root_objects_) {
    const auto opened = parse_signed_object(object, ObjectType::root);
    const bool is_first = opened.ok() && sha256(opened->payload) == payload;
    if (is_first || !roots.empty()) roots.push_back(&object);
  }
  return roots;
}

std::vector<Bytes> Publisher::roots_after(std::uint64_t version) const {
  std::vector<Bytes> out;
  const auto current = first_root_version_ + root_objects_.size() - 1;
  for (auto next = std::max(version, first_root_version_ - 1);
       next < current && out.size() < limits::roots_per_reply; ++next) {
    out.push_back(root_objects_[next + 1 - first_root_version_]);
  }
  return out;
}

Bytes Publisher::manifest_message() const {
  return manifest_ ? encode_message(MessageType::manifest, manifest_object_) : Bytes{};
}

bool Publisher::is_current(const Digest& digest) const {
  if (!manifest_) return false;
  const auto& bundles = manifest_->bundles;
  return std::any_of(bundles.begin(), bundles.end(),
                     [&](const auto& bundle) { return bundle.digest == digest; });
}

Result<const Bytes*> Publisher::cached(const Digest& digest) {
  if (const auto known = cache_.find(digest); known != cache_.end()) return &known->second;
  auto stored = store_.bundle(digest);
  if (!stored.ok()) return stored.error();
  if (!*stored) return static_cast<const Bytes*>(nullptr);
  if (cached_bytes_ + (*stored)->size() > limits::bundle_cache_bytes_max) {
    cache_.clear();
    cached_bytes_ = 0;
  }
  cached_bytes_ += (*stored)->size();
  return &(cache_[digest] = std::move(**stored));
}

Result<std::optional<Bytes>> Publisher::chunk_message(ByteView fetch) {
  const auto request = decode_fetch(fetch);
  if (!request.ok()) return std::optional<Bytes>{};
  if (!is_current(request->digest)) return chunk_of(Chunk{request->digest, 0, 0, {}});
  const auto bundle = cached(request->digest);
  if (!bundle.ok()) return bundle.error();
  if (*bundle == nullptr || request->offset >= (*bundle)->size()) return std::optional<Bytes>{};
  const auto rest = ByteView(**bundle).subspan(request->offset);
  const auto part = rest.first(std::min(rest.size(), limits::chunk_bytes_max));
  const Chunk chunk{request->digest, request->offset, static_cast<std::uint32_t>((*bundle)->size()),
                    Bytes(part.begin(), part.end())};
  return chunk_of(chunk);
}

Status Publisher::check_bundle(const ManifestBundle& bundle, const Uploads& uploads) const {
  const auto* uploaded = uploads.find(bundle.digest);
  std::optional<Bytes> stored;
  if (uploaded == nullptr) {
    auto found = store_.bundle(bundle.digest);
    if (!found.ok()) return found.error();
    if (!*found) return bundle_error("bundle_missing", bundle, "it was not uploaded");
    stored = std::move(*found);
  }
  const auto& bytes = uploaded != nullptr ? *uploaded : *stored;
  if (bytes.size() != bundle.size) {
    return bundle_error("bundle_mismatch", bundle, "its size is not the manifest's");
  }
  const auto decoded = decode_bundle(bytes);
  if (!decoded.ok()) return bundle_error(decoded.error().name, bundle, decoded.error().detail);
  if (decoded->rules.size() != bundle.rules) {
    return bundle_error("bundle_mismatch", bundle, "its rule count is not the manifest's");
  }
  return {};
}

Result<VerifiedManifest> Publisher::check(ByteView manifest, const Root& root,
                                          const Uploads& uploads, std::int64_t now_s) const {
  auto verified = verify_manifest(manifest, root, version_taken_ + 1, now_s);
  if (!verified.ok()) return verified.error();
  // Agents take the time of a manifest's making for a time that has come, and never go back.
  if (verified->manifest.created_s > now_s + limits::manifest_ahead_s) {
    return Error{"manifest_from_future", "manifest: made later than now by this controller's clock",
                 "compare the clocks of both machines and sign again"};
  }
  for (const auto& bundle : verified->manifest.bundles) REEVE_TRY(check_bundle(bundle, uploads));
  return verified;
}

Status Publisher::write(Store& store, const VerifiedManifest& manifest, ByteView object,
                        const Uploads& uploads) {
  REEVE_TRY(store.put_manifest(manifest.manifest.version, object));
  for (const auto& bundle : manifest.manifest.bundles) {
    const auto* uploaded = uploads.find(bundle.digest);
    if (uploaded != nullptr) REEVE_TRY(store.put_bundle(bundle.digest, *uploaded));
  }
  return {};
}

void Publisher::adopt(VerifiedManifest manifest, Bytes object) {
  version_taken_ = manifest.manifest.version;
  manifest_ = std::move(manifest.manifest);
  manifest_object_ = std::move(object);
  cache_.clear();
  cached_bytes_ = 0;
}

}  // namespace reeve
