#include "controller/audit/ledger_walk.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/act.h"
#include "common/token.h"
#include "common/witness.h"
#include "controller/ledger.h"

namespace reeve {
namespace {

Error not_signed(const Error& beneath) {
  return Error{"leaf_not_signed", fmt::format("{}: {}", beneath.name, beneath.detail)};
}

template <class T>
Status signed_status(const Result<T>& verified) {
  return verified.ok() ? Status{} : not_signed(verified.error());
}

}  // namespace

Status LedgerWalk::take(const Leaf& leaf, const BatchRow* batch) {
  if (leaf.stored_wall_ns < stored_wall_ns_)
    return Error{"leaf_order", "it was stored before the leaf before it"};
  const Digest hash = leaf_hash(leaf.object);
  if (leaf.hash != hash) return Error{"leaf_hash", "its stored hash is not that of its bytes"};
  if (auto parsed = parse_signed_object(leaf.object, leaf.type); !parsed.ok()) {
    return Error{"leaf_malformed",
                 fmt::format("{}: {}", parsed.error().name, parsed.error().detail)};
  }
  const bool is_batch = leaf.type == ObjectType::batch_header;
  if (is_batch && batch == nullptr)
    return Error{"batch_missing", "the store has no batch of this header"};
  if (!is_batch && batch != nullptr)
    return Error{"stray_batch", "the store has a batch here, and the leaf is no header"};
  REEVE_TRY(is_batch ? batches_.take_batch(leaf, *batch) : judge(leaf));
  stored_wall_ns_ = leaf.stored_wall_ns;
  tree_.append(hash);
  return {};
}

Status LedgerWalk::judge(const Leaf& leaf) {
  if (leaf.type == ObjectType::root) return take_root(leaf.object);
  if (!root_) return Error{"leaf_not_signed", "no root came before it"};
  return judge_under_root(leaf);
}

Status LedgerWalk::judge_under_root(const Leaf& leaf) {
  switch (leaf.type) {
    case ObjectType::manifest:
      return take_manifest(leaf.object);
    case ObjectType::node_certificate:
    case ObjectType::node_enrollment:
      return take_certificate(leaf.object);
    case ObjectType::enrollment_token:
      return signed_status(verify_token(leaf.object, *root_));
    case ObjectType::operator_act:
      return signed_status(verify_act(leaf.object, *root_));
    case ObjectType::operator_request:
      return check_request(leaf.object);
    case ObjectType::key_succession:
      return batches_.take_succession(leaf.object);
    case ObjectType::tick:
      return check_tick(leaf.object);
    case ObjectType::witness_set:
      return take_witnesses(leaf.object);
    case ObjectType::ledger_recovery:
      return take_recovery(leaf);
    case ObjectType::root:
    case ObjectType::batch_header:
    case ObjectType::heartbeat:
    case ObjectType::transport_key:
    case ObjectType::cosigner_key:
      break;
  }
  return Error{"leaf_malformed", "an object of this type is no leaf"};
}

Status LedgerWalk::take_root(ByteView object) {
  auto root = root_ ? verify_next_root(object, *root_) : verify_first_root(object);
  if (!root.ok()) return not_signed(root.error());
  for (const Root& trusted : trusted_) {
    if (trusted.version != root->version) continue;
    if (trusted != *root)
      return Error{"root_mismatch", "this root is another one than the one that is trusted here",
                   "see that ledger and fleet directory belong together"};
    is_anchored_ = true;
  }
  if (!root_) origin_ = root->origin;
  root_ = *std::move(root);
  return {};
}

// Whether the tree that it trusts is the one that these leaves made is for who has their hashes.
Status LedgerWalk::take_recovery(const Leaf& leaf) {
  const auto verified = verify_recovery(leaf.object, *root_);
  if (!verified.ok()) return not_signed(verified.error());
  const LedgerRecovery& recovery = verified->recovery;
  if (recovery.old_origin != origin_ || recovery.trusted.size > tree_.size())
    return Error{"recovery_differs", "it goes on from another ledger than these leaves make"};
  origin_ = recovery.new_origin;
  recoveries_.push_back({leaf.index, recovery.trusted});
  return {};
}

Status LedgerWalk::take_manifest(ByteView object) {
  const auto manifest = verify_stored_manifest(object, *root_);
  if (!manifest.ok()) return not_signed(manifest.error());
  if (manifest->manifest.version <= manifest_version_)
    return Error{"leaf_not_signed", "manifest_rollback: not above the version before it"};
  manifest_version_ = manifest->manifest.version;
  return {};
}

Status LedgerWalk::take_certificate(ByteView object) {
  const auto certificate = verify_certificate(object, *root_);
  return certificate.ok() ? batches_.take_certificate(*certificate)
                          : Status(not_signed(certificate.error()));
}

Status LedgerWalk::take_witnesses(ByteView object) {
  const auto witnesses = verify_witness_set(object, *root_);
  if (!witnesses.ok()) return not_signed(witnesses.error());
  if (witnesses->set.version <= witnesses_version_)
    return Error{"leaf_not_signed", "witnesses_rollback: not above the version before it"};
  witnesses_version_ = witnesses->set.version;
  return {};
}

Status LedgerWalk::check_request(ByteView object) const {
  std::vector<PublicKey> keys;
  for (const Operator& who : root_->operators) keys.push_back(who.key);
  const auto opened = parse_signed_object(object, ObjectType::operator_request);
  const auto signers = count_signatures(*opened, keys);
  if (!signers.ok()) return not_signed(signers.error());
  if (*signers == 1 && opened->signatures.size() == 1) return {};
  return Error{"leaf_not_signed", "not_an_operator: not signed by one operator of the root"};
}

Status LedgerWalk::check_tick(ByteView object) const {
  const auto opened = parse_signed_object(object, ObjectType::tick);
  if (auto holds = require_signatures(*opened, root_->ledger.keys, 1); !holds.ok())
    return not_signed(holds.error());
  const auto tick = decode_tick(opened->payload);
  if (!tick.ok()) return not_signed(tick.error());
  if (tick->origin == origin_ && tick->size == tree_.size() && tick->root == tree_.root())
    return {};
  return Error{"tick_differs", "it speaks of another tree than the leaves before it make"};
}

}  // namespace reeve
