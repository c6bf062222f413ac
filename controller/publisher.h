// The publisher: hands signed root metadata, the current manifest and its bundles to nodes, and
// refuses to take over what the root's policy role did not sign. Agents verify all of it again; an
// honest controller just does not spread what they would refuse.
#pragma once

#include <map>

#include "common/record.h"
#include "common/trust.h"
#include "common/wire.h"
#include "controller/store/store.h"
#include "controller/uploads.h"

namespace reeve {

class Publisher {
 public:
  // `root_objects` end in the current root and are one version apart. Borrows the store.
  Publisher(const Store& store, const Root& root, std::vector<Bytes> root_objects);
  // Reads the manifest that was published last. One that the root's keys did not sign, because they
  // have changed since, is not handed out any more; its version stays taken. Errors: the store's,
  // `store_damaged`.
  Status load(const Root& root);

  // What a node that reports these versions lacks, as whole messages, in the order to send them. No
  // root after `root_max`, nor what is judged by one: something is to come before.
  std::vector<Bytes> messages_for(const Heartbeat& heartbeat, std::uint64_t root_max) const;
  // The roots from the one whose payload has this digest to the current one; none where that root
  // is not here.
  std::vector<const Bytes*> roots_from(const Digest& payload) const;
  // The current manifest as a message; empty when nothing is published.
  Bytes manifest_message() const;
  // What was published last, also under keys that the root has dropped since; empty for none.
  const Bytes& manifest_object() const { return manifest_object_; }

  const Bytes& root_object() const { return root_objects_.back(); }
  // At most limits::roots_per_reply, ascending.
  std::vector<Bytes> roots_after(std::uint64_t version) const;
  // The next of the chain, verified and durable; load() judges the manifest by it.
  void add_root(Bytes object) { root_objects_.push_back(std::move(object)); }

  // The chunk that a fetch asks for, as a message; an empty one, which says that there is none, for
  // a bundle outside the current manifest. Absent for a malformed fetch or an offset beyond the
  // bundle's end. An Error is the store's.
  Result<std::optional<Bytes>> chunk_message(ByteView fetch);
  // Any published bundle, of this manifest or an earlier one.
  Result<std::optional<Bytes>> bundle(const Digest& digest) const { return store_.bundle(digest); }

  // A manifest that may be published: newer than the current one, signed by the policy role, every
  // bundle stored or uploaded with the right size and rule count. Errors: verify_manifest()'s,
  // `bundle_missing`, `bundle_mismatch`, decode_bundle()'s, the store's.
  Result<VerifiedManifest> check(ByteView manifest, const Root& root, const Uploads& uploads,
                                 std::int64_t now_s) const;
  // Writes a checked manifest and its bundles into an open transaction.
  static Status write(Store& store, const VerifiedManifest& manifest, ByteView object,
                      const Uploads& uploads);
  // Once that is durable.
  void adopt(VerifiedManifest manifest, Bytes object);

 private:
  Status check_bundle(const ManifestBundle& bundle, const Uploads& uploads) const;
  bool is_current(const Digest& digest) const;
  Result<const Bytes*> cached(const Digest& digest);

  const Store& store_;
  std::vector<Bytes> root_objects_;
  std::uint64_t first_root_version_;
  std::optional<Manifest> manifest_;
  Bytes manifest_object_;
  std::uint64_t version_taken_ = 0;
  std::map<Digest, Bytes> cache_;
  std::size_t cached_bytes_ = 0;
};

}  // namespace reeve
