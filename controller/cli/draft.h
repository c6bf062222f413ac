// A push on its way between the people who sign it (docs/formats.md, "Draft"): the manifest with
// the signatures so far, the one that it replaces, and the bundles of both, so that whoever signs
// can see on a machine without a network what changes. Nothing in it is believed for being there:
// manifests by their signatures, bundles by their digests. Values; no I/O.
#pragma once

#include <map>

#include "common/trust.h"

namespace reeve::cli {

struct Draft {
  Bytes manifest;  // signed object; any number of signatures
  Bytes in_force;  // signed object; empty where nothing was pushed before
  std::map<Digest, Bytes> bundles;
  bool operator==(const Draft&) const = default;
};

bool is_draft(ByteView bytes);
Bytes encode_draft(const Draft& draft);
// Errors: `malformed_draft`, `limit_exceeded`.
Result<Draft> decode_draft(ByteView bytes);

// What a draft says, judged by a root but for the signatures that are still missing.
struct ReadDraft {
  Manifest manifest;
  std::vector<KeyHash> signers;          // policy keys whose signatures hold
  std::optional<Manifest> in_force;      // absent where it is none, or not proven
  std::string in_force_doubt;            // the error's name where it is not proven
  std::map<Digest, Bundle> bundles;      // those of the new manifest, all of them
  std::map<Digest, Bundle> old_bundles;  // those of the one in force that are here
};
// Errors: decode_manifest()'s, `wrong_fleet`, `bad_signature`, `bundle_missing`, `bundle_mismatch`,
// decode_bundle()'s.
Result<ReadDraft> read_draft(const Draft& draft, const Root& root);

// The object with one more signature. Errors: parse_signed_object()'s, `already_signed`.
Result<Bytes> add_signature(ByteView object, ObjectType type, const SigningKey& key);
// The signatures of both on one payload. Error `draft_mismatch` where they are about different
// ones.
Result<Bytes> merge_signatures(ByteView one, ByteView other, ObjectType type);

}  // namespace reeve::cli
