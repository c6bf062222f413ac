// The signed policy on this host: what is in force, what is being fetched, and why something was
// refused (docs/architecture.md section 4). A policy is adopted when all of it is here, verified
// and bound; until then, and after every refusal, the one before it stays. Owned by the Agent;
// borrows disk and time.
#pragma once

#include <deque>

#include "agent/active_policy.h"
#include "agent/trusted_time.h"
#include "common/trust.h"
#include "common/wire.h"

namespace reeve {

// What came of something that was received; all empty: nothing that anybody need know.
struct PolicyEvent {
  std::optional<ActivePolicy> adopted;
  std::optional<Error> refused;  // the first time that this object was refused for this reason
  Digest object;                 // SHA-256 of what was refused
  bool root_adopted = false;
  bool certificate_adopted = false;
};

class PolicyStore {
 public:
  struct Parts {
    Disk& disk;
    TrustedTime& time;
    NodeId node;
    Labels labels;
    Root root;
    Bytes root_object;
  };
  explicit PolicyStore(Parts parts);

  // What is cached, absent where nothing is. Errors: why it cannot be enforced.
  Result<std::optional<ActivePolicy>> load();

  PolicyEvent offer_root(ByteView object);
  PolicyEvent offer_manifest(ByteView object);
  PolicyEvent offer_chunk(const Chunk& chunk);
  // A later certificate of this node, verified by the caller: what its labels select of the
  // manifest in force is fetched first. Then it is written down, and the new selection is in force
  // at once.
  PolicyEvent relabel(ByteView certificate, const Labels& labels);
  // A manifest that waits for its stage may be due.
  PolicyEvent reconsider();

  // What to ask the controller for next.
  std::optional<FetchRequest> wanted() const;
  bool is_waiting() const { return candidate_.has_value(); }
  bool is_stale() const;

  const Root& root() const { return parts_.root; }
  std::uint64_t version() const { return current_ ? current_->manifest.version : 0; }
  Digest digest() const { return current_ ? current_->digest : Digest{}; }
  // The name of the last refusal since a policy was adopted; else empty.
  const std::string& last_refusal() const { return last_refusal_; }

 private:
  struct Relabelling {
    Bytes certificate;
    Labels labels;
  };
  struct Candidate {
    VerifiedManifest verified;
    Bytes object;
    std::vector<ManifestBundle> selected;
    std::size_t next = 0;  // of `selected`: before it, all are on the disk
    Bytes partial;         // of selected[next]
    // The manifest in force, selected anew under a certificate that is not adopted yet.
    std::optional<Relabelling> relabelling{};
  };
  std::vector<ManifestBundle> select(const Manifest& manifest, const Labels& labels) const;
  Result<VerifiedManifest> verify_candidate(const Candidate& candidate) const;
  Status write_certificate(const Relabelling& relabelling);
  Result<Candidate> judge(ByteView object) const;
  bool stages_open(const Candidate& candidate) const;
  bool is_cached(const ManifestBundle& bundle) const;
  Result<ActivePolicy> build(const VerifiedManifest& verified,
                             const std::vector<ManifestBundle>& selected) const;
  PolicyEvent advance();
  Status write_down(const Candidate& candidate);
  void remove_leftovers(const std::vector<ManifestBundle>& kept);
  Status write_floor(std::uint64_t version);
  std::uint64_t read_floor() const;
  Result<VerifiedManifest> verify_cached(ByteView object) const;
  bool was_refused(const Digest& object) const;
  PolicyEvent refuse(const Digest& object, const Error& error);
  PolicyEvent drop_candidate(const Error& error);

  Parts parts_;
  std::optional<VerifiedManifest> current_;
  std::uint64_t version_min_ = 1;  // of what may be adopted
  std::uint64_t floor_ = 0;        // as the disk has it
  std::optional<Candidate> candidate_;
  std::deque<std::pair<Digest, std::string>> refused_;
  std::string last_refusal_;
};

}  // namespace reeve
