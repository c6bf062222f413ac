#include "agent/policy_store.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

std::string bundle_name(const Digest& digest) {
  return std::string(paths::bundle_prefix) + hex(digest.view());
}

std::string root_name(std::uint64_t version) {
  return fmt::format("{}{}", paths::manifest_root_prefix, version);
}

constexpr std::string_view floor_magic = "RVPF";
constexpr std::uint32_t floor_format = 1;

// Errors that another try may not meet: the object is judged anew when it comes again.
bool may_pass(std::string_view error) {
  return error.starts_with("disk_") || error.starts_with("bundle_");
}

}  // namespace

PolicyStore::PolicyStore(Parts parts) : parts_(std::move(parts)), floor_(read_floor()) {
  version_min_ = std::max(version_min_, floor_);
}

Result<std::optional<ActivePolicy>> PolicyStore::load() {
  // The name of a manifest that was adopted just before a kill may not be durable yet: what is
  // enforced from here on must be there after a power cut too. A disk that refuses stops nothing.
  static_cast<void>(parts_.disk.sync_directory(paths::bundle_directory));
  auto object = parts_.disk.read(paths::manifest, limits::message_bytes_max);
  if (!object.ok()) return object.error();
  if (!object->has_value()) return std::optional<ActivePolicy>{};
  auto verified = verify_cached(**object);
  if (!verified.ok()) return verified.error();
  // The same manifest may come again where one of its bundles is damaged here.
  version_min_ = std::max(floor_, verified->manifest.version);
  auto policy = build(*verified, select(verified->manifest, parts_.labels));
  if (!policy.ok()) return policy.error();
  version_min_ = std::max(floor_, verified->manifest.version + 1);
  current_ = std::move(*verified);
  // One that was adopted before there was such a file, or whose file is damaged.
  static_cast<void>(write_floor(current_->manifest.version));
  return std::optional<ActivePolicy>(std::move(*policy));
}

// Policy keys may have been replaced since: then the root it was adopted under still vouches for
// what is enforced here, and for nothing new.
Result<VerifiedManifest> PolicyStore::verify_cached(ByteView object) const {
  auto verified = verify_stored_manifest(object, parts_.root);
  if (verified.ok()) return verified;
  auto names = parts_.disk.list(paths::bundle_directory);
  if (!names.ok()) return verified;
  for (const std::string& name : *names) {
    const std::string path = fmt::format("{}/{}", paths::bundle_directory, name);
    if (!path.starts_with(paths::manifest_root_prefix)) continue;
    auto bytes = parts_.disk.read(path, limits::message_bytes_max);
    if (!bytes.ok() || !bytes->has_value()) continue;
    auto root = verify_first_root(**bytes);
    if (!root.ok()) continue;
    auto again = verify_stored_manifest(object, *root);
    if (again.ok()) return again;
  }
  return verified;
}

PolicyEvent PolicyStore::offer_root(ByteView object) {
  if (std::ranges::equal(object, parts_.root_object)) return {};
  auto next = verify_next_root(object, parts_.root);
  if (!next.ok()) return refuse(sha256(object), next.error());
  if (auto kept = replace_file(parts_.disk, paths::trusted_root, object); !kept.ok())
    return refuse(sha256(object), kept.error());
  parts_.root = std::move(*next);
  parts_.root_object.assign(object.begin(), object.end());
  refused_.clear();
  PolicyEvent event;
  event.root_adopted = true;
  return event;
}

PolicyEvent PolicyStore::offer_manifest(ByteView object) {
  const Digest digest = sha256(object);
  if (was_refused(digest)) return {};
  auto verified = verify_stored_manifest(object, parts_.root);
  if (!verified.ok()) return refuse(digest, verified.error());
  if (current_ && verified->digest == current_->digest) return {};
  if (candidate_ && verified->digest == candidate_->verified.digest) return {};
  auto candidate = judge(object);
  if (!candidate.ok()) return refuse(digest, candidate.error());
  parts_.time.seen_signed(candidate->verified.manifest.created_s);
  candidate_ = std::move(*candidate);
  return advance();
}

Result<PolicyStore::Candidate> PolicyStore::judge(ByteView object) const {
  auto verified = verify_manifest(object, parts_.root, version_min_, parts_.time.now_s());
  if (!verified.ok()) return verified.error();
  if (candidate_ && verified->manifest.version <= candidate_->verified.manifest.version)
    return Error{"manifest_rollback", "a newer manifest is being fetched"};
  Candidate candidate;
  candidate.selected = select(verified->manifest, parts_.labels);
  std::uint64_t bytes = 0, rules = 0;
  for (const ManifestBundle& bundle : candidate.selected) {
    bytes += std::min<std::uint64_t>(bundle.size, limits::bundle_bytes_max + 1);
    rules += std::min<std::uint64_t>(bundle.rules, limits::bundle_rules_max + 1);
  }
  if (bytes > limits::bundle_bytes_max || rules > limits::bundle_rules_max)
    return Error{"limit_exceeded",
                 fmt::format("this node's bundles have {} rules in {} bytes", rules, bytes)};
  candidate.verified = std::move(*verified);
  candidate.object.assign(object.begin(), object.end());
  return candidate;
}

std::vector<ManifestBundle> PolicyStore::select(const Manifest& manifest,
                                                const Labels& labels) const {
  std::vector<ManifestBundle> out;
  for (const ManifestBundle& bundle : manifest.bundles)
    if (selects(bundle.selector, labels)) out.push_back(bundle);
  return out;
}

PolicyEvent PolicyStore::reconsider() { return candidate_ ? advance() : PolicyEvent{}; }

// As far as the candidate can go with what is here.
PolicyEvent PolicyStore::advance() {
  Candidate& candidate = *candidate_;
  if (!stages_open(candidate)) return {};
  while (candidate.next < candidate.selected.size()) {
    if (!is_cached(candidate.selected[candidate.next])) return {};
    ++candidate.next;
  }
  // Keys may have been taken away, and it may have expired, while its stage or its bundles were
  // waited for.
  auto verified = verify_candidate(candidate);
  if (!verified.ok()) return drop_candidate(verified.error());
  candidate.verified = std::move(*verified);
  auto policy = build(candidate.verified, candidate.selected);
  if (!policy.ok()) return drop_candidate(policy.error());
  PolicyEvent event;
  event.certificate_adopted = candidate.relabelling.has_value();
  auto kept =
      candidate.relabelling ? write_certificate(*candidate.relabelling) : write_down(candidate);
  if (!kept.ok()) return drop_candidate(kept.error());
  current_ = candidate.verified;
  version_min_ = current_->manifest.version + 1;
  remove_leftovers(candidate.selected);
  candidate_.reset();
  last_refusal_.clear();
  event.adopted = std::move(*policy);
  return event;
}

Result<VerifiedManifest> PolicyStore::verify_candidate(const Candidate& candidate) const {
  if (candidate.relabelling) return verify_cached(candidate.object);
  return verify_manifest(candidate.object, parts_.root, version_min_, parts_.time.now_s());
}

// Only this node's share of the manifest changes, and only once all of the new share is here.
PolicyEvent PolicyStore::relabel(ByteView certificate, const Labels& labels) {
  Relabelling relabelling{Bytes(certificate.begin(), certificate.end()), labels};
  if (candidate_ && candidate_->relabelling &&
      candidate_->relabelling->certificate == relabelling.certificate)
    return {};
  // A policy that is due goes first, under the labels that it was offered for; the certificate is
  // offered again. Else a share that waits for its stage would keep every later version out.
  if (current_ && candidate_ && !candidate_->relabelling && stages_open(*candidate_)) return {};
  if (!current_) {
    if (auto kept = write_certificate(relabelling); !kept.ok())
      return refuse(sha256(certificate), kept.error());
    candidate_.reset();  // selected for other labels; it is offered again
    PolicyEvent event;
    event.certificate_adopted = true;
    return event;
  }
  auto object = parts_.disk.read(paths::manifest, limits::message_bytes_max);
  if (!object.ok()) return refuse(sha256(certificate), object.error());
  if (!object->has_value())
    return refuse(sha256(certificate), {"disk_failed", "the manifest in force is not on the disk"});
  Candidate candidate;
  candidate.verified = *current_;
  candidate.object = std::move(**object);
  candidate.selected = select(current_->manifest, labels);
  candidate.relabelling = std::move(relabelling);
  candidate_ = std::move(candidate);
  return advance();
}

// The certificate first: the root beside it is for the case that the newest one does not vouch for
// it any more.
Status PolicyStore::write_certificate(const Relabelling& relabelling) {
  REEVE_TRY(replace_file(parts_.disk, paths::certificate, relabelling.certificate));
  REEVE_TRY(replace_file(parts_.disk, paths::certificate_root, parts_.root_object));
  parts_.labels = relabelling.labels;
  return {};
}

// A node is in when each bundle that would change for it is open to it.
bool PolicyStore::stages_open(const Candidate& candidate) const {
  const std::int64_t now = parts_.time.now_s();
  const auto in_force =
      current_ ? select(current_->manifest, parts_.labels) : std::vector<ManifestBundle>{};
  return std::ranges::all_of(candidate.selected, [&](const ManifestBundle& bundle) {
    const bool is_same = std::ranges::any_of(
        in_force, [&](const ManifestBundle& old) { return old.digest == bundle.digest; });
    return is_same || stage_open(bundle, candidate.verified.digest, parts_.node, now);
  });
}

bool PolicyStore::is_cached(const ManifestBundle& bundle) const {
  auto bytes = parts_.disk.read(bundle_name(bundle.digest), limits::bundle_bytes_max);
  return bytes.ok() && bytes->has_value() && sha256(**bytes) == bundle.digest;
}

Result<ActivePolicy> PolicyStore::build(const VerifiedManifest& verified,
                                        const std::vector<ManifestBundle>& selected) const {
  ActivePolicy policy;
  policy.version = verified.manifest.version;
  policy.manifest = verified.digest;
  policy.expires_s = verified.manifest.expires_s;
  policy.source_revision = verified.manifest.source_revision;
  for (const ManifestBundle& bundle : selected) {
    auto bytes = parts_.disk.read(bundle_name(bundle.digest), limits::bundle_bytes_max);
    if (!bytes.ok()) return bytes.error();
    if (!bytes->has_value()) return Error{"bundle_missing", "bundle of policy " + bundle.policy};
    if ((*bytes)->size() != bundle.size)
      return Error{"bundle_size_mismatch", "bundle of policy " + bundle.policy};
    if (sha256(**bytes) != bundle.digest)
      return Error{"bundle_digest_mismatch", "bundle of policy " + bundle.policy};
    PolicyReference reference{{}, policy.version, bundle.digest, verified.signers};
    REEVE_TRY(append_bundle(policy, **bytes, std::move(reference)));
  }
  return policy;
}

// Bundles are on the disk already. Until the manifest is replaced, the old policy is in force. The
// floor goes first: should the manifest become unreadable later, nothing older takes its place.
Status PolicyStore::write_down(const Candidate& candidate) {
  REEVE_TRY(write_floor(candidate.verified.manifest.version));
  REEVE_TRY(replace_file(parts_.disk, root_name(candidate.verified.manifest.version),
                         parts_.root_object));
  return replace_file(parts_.disk, paths::manifest, candidate.object);
}

Status PolicyStore::write_floor(std::uint64_t version) {
  if (version <= floor_) return {};
  Bytes bytes = bytes_of(floor_magic);
  append_u32(bytes, floor_format);
  append_u64(bytes, version);
  append_u64(bytes, checksum(bytes, {}));
  REEVE_TRY(replace_file(parts_.disk, paths::policy_floor, bytes));
  floor_ = version;
  return {};
}

// 0 where there is none or it cannot be read: the cached manifest is then the only floor.
std::uint64_t PolicyStore::read_floor() const {
  constexpr std::size_t size = 24;
  auto bytes = parts_.disk.read(paths::policy_floor, size);
  if (!bytes.ok() || !bytes->has_value() || (*bytes)->size() != size) return 0;
  ByteReader reader(**bytes);
  const bool is_ours = text_of(reader.take(4)) == floor_magic && reader.u32() == floor_format;
  const std::uint64_t version = reader.u64();
  const auto covered = ByteView(**bytes).first(size - 8);
  return is_ours && reader.u64() == checksum(covered, {}) ? version : 0;
}

// All but what is in force. What cannot be removed now is removed after the next adoption.
void PolicyStore::remove_leftovers(const std::vector<ManifestBundle>& kept) {
  auto names = parts_.disk.list(paths::bundle_directory);
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    const std::string path = fmt::format("{}/{}", paths::bundle_directory, name);
    const bool is_ours = path == paths::manifest || path == root_name(current_->manifest.version) ||
                         std::ranges::any_of(kept, [&](const ManifestBundle& bundle) {
                           return path == bundle_name(bundle.digest);
                         });
    if (!is_ours) static_cast<void>(parts_.disk.remove(path));
  }
}

std::optional<FetchRequest> PolicyStore::wanted() const {
  if (!candidate_ || candidate_->next >= candidate_->selected.size()) return std::nullopt;
  if (!stages_open(*candidate_)) return std::nullopt;
  return FetchRequest{candidate_->selected[candidate_->next].digest,
                      static_cast<std::uint32_t>(candidate_->partial.size())};
}

PolicyEvent PolicyStore::offer_chunk(const Chunk& chunk) {
  const auto request = wanted();
  if (!request || chunk.digest != request->digest || chunk.offset != request->offset) return {};
  if (chunk.bytes.empty()) return {};  // not there: asked for again later
  const ManifestBundle& bundle = candidate_->selected[candidate_->next];
  Bytes& partial = candidate_->partial;
  if (chunk.total != bundle.size || partial.size() + chunk.bytes.size() > bundle.size)
    return drop_candidate({"bundle_size_mismatch", "bundle of policy " + bundle.policy});
  append(partial, chunk.bytes);
  if (partial.size() < bundle.size) return {};
  if (sha256(partial) != bundle.digest)
    return drop_candidate({"bundle_digest_mismatch", "bundle of policy " + bundle.policy});
  if (auto kept = replace_file(parts_.disk, bundle_name(bundle.digest), partial); !kept.ok())
    return drop_candidate(kept.error());
  partial = Bytes{};
  ++candidate_->next;
  return advance();
}

bool PolicyStore::is_stale() const {
  return current_ && parts_.time.now_s() >= current_->manifest.expires_s;
}

bool PolicyStore::was_refused(const Digest& object) const {
  return std::ranges::any_of(refused_, [&](const auto& refused) {
    return refused.first == object && !may_pass(refused.second);
  });
}

// Bundles that can never be adopted are not left to fill the disk.
PolicyEvent PolicyStore::drop_candidate(const Error& error) {
  const Digest object = sha256(candidate_->object);
  candidate_.reset();
  if (current_ && !may_pass(error.name))
    remove_leftovers(select(current_->manifest, parts_.labels));
  return refuse(object, error);
}

PolicyEvent PolicyStore::refuse(const Digest& object, const Error& error) {
  last_refusal_ = error.name;
  const std::pair<Digest, std::string> entry{object, error.name};
  if (std::ranges::find(refused_, entry) != refused_.end()) return {};
  refused_.push_back(entry);
  if (refused_.size() > limits::refused_objects_max) refused_.pop_front();
  PolicyEvent event;
  event.refused = error;
  event.object = object;
  return event;
}

}  // namespace reeve
