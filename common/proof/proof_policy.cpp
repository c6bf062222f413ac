// Which policy a record names, and whether its manifest is that one.
#include <fmt/format.h>

#include <algorithm>

#include "common/proof/proof_steps.h"

namespace reeve::proof_steps {

namespace {

struct Named {
  std::string policy;
  std::uint64_t version = 0;
  std::optional<Digest> manifest;
  std::optional<Digest> bundle;
  std::vector<KeyHash> signers;
};

Error unreadable(const Error& beneath) { return refused("record_unreadable", beneath); }

Result<Named> read_receipt(const Record& record) {
  auto receipt = decode_receipt(record);
  if (!receipt.ok()) return unreadable(receipt.error());
  PolicyReference& policy = receipt->policy;
  return Named{policy.name, policy.version, std::nullopt, policy.digest, policy.signers};
}

// `state` and `policy_adopted`.
Result<Named> read_adopted(const Record& record) {
  Fields fields(record.body, record.type);
  Named named;
  named.version = fields.natural("version");
  named.manifest = fields.bytes<32>("manifest");
  for (const Value& item : fields.array_or_none("signers")) {
    const auto key = item.binary() != nullptr ? fixed<32>(*item.binary()) : std::nullopt;
    if (!key) fields.fail("signers", "holds what is no key's hash");
    named.signers.push_back(key.value_or(KeyHash{}));
  }
  if (auto read = fields.finish(UnknownFields::keep); !read.ok()) return unreadable(read.error());
  return named;
}

// Version 0 is that of a bundle, or of an agent, without a manifest.
Result<std::optional<Named>> named_by(const Record& record) {
  const bool is_receipt = record.type == "receipt";
  if (!is_receipt && record.type != "state" && record.type != "policy_adopted")
    return std::optional<Named>{};
  auto named = is_receipt ? read_receipt(record) : read_adopted(record);
  if (!named.ok()) return named.error();
  if (named->version == 0) return std::optional<Named>{};
  return std::optional(*std::move(named));
}

bool has_all(const std::vector<KeyHash>& keys, const std::vector<KeyHash>& wanted) {
  return std::ranges::all_of(
      wanted, [&](const KeyHash& key) { return std::ranges::find(keys, key) != keys.end(); });
}

struct Judged {
  VerifiedManifest manifest;
  std::uint64_t root_version = 0;
};

// Policy stays in force when its keys are replaced, so any trusted root may be that of its time:
// the newest under which all of those have signed whom the record names.
Result<Judged> judge(ByteView object, const Named& named, std::span<const Root> roots) {
  Error first{"too_few_signatures", "manifest: not by all keys that the record names"};
  for (std::size_t i = roots.size(); i > 0; --i) {
    auto manifest = verify_stored_manifest(object, roots[i - 1]);
    if (!manifest.ok()) {
      if (i == roots.size()) first = manifest.error();
      continue;
    }
    if (has_all(manifest->signers, named.signers))
      return Judged{*std::move(manifest), roots[i - 1].version};
  }
  if (first.name == "too_few_signatures")
    first.next = "if its keys were replaced since, name the root of that time by --root as well";
  return refused("policy_not_signed", first);
}

Error mismatch(std::string_view problem) {
  return Error{"policy_mismatch", fmt::format("the record names another policy: {}", problem)};
}

}  // namespace

Result<std::optional<ProvenPolicy>> prove_policy(const Record& record, ByteView object,
                                                 std::span<const Root> roots) {
  const auto named = named_by(record);
  if (!named.ok()) return named.error();
  if (!*named && object.empty()) return std::optional<ProvenPolicy>{};
  if (!*named) return mismatch("none, and here is a manifest");
  if (object.empty())
    return Error{"policy_missing", "the record names a policy, and its manifest is not here"};
  auto judged = judge(object, **named, roots);
  if (!judged.ok()) return judged.error();
  const Manifest& manifest = judged->manifest.manifest;
  if (manifest.version != (**named).version) return mismatch("of another version");
  if ((**named).manifest && *(**named).manifest != judged->manifest.digest)
    return mismatch("of another digest");
  if (const auto& bundle = (**named).bundle) {
    const bool is_there = std::ranges::any_of(
        manifest.bundles, [&](const ManifestBundle& one) { return one.digest == *bundle; });
    if (!is_there) return mismatch("its bundle is not in this manifest");
  }
  return std::optional(ProvenPolicy{(**named).policy, manifest.version, judged->manifest.digest,
                                    std::move(judged->manifest.signers), judged->root_version});
}

}  // namespace reeve::proof_steps
