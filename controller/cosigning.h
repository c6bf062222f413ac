// The ledger's witnesses: the set that an operator signed, and the cosignatures that come of one
// checkpoint at a time. A round begins when the ledger has grown, at most once in
// limits::cosign_round_ns: all witnesses are asked for one checkpoint, since as many as the set
// needs must sign the same. What enough of them have cosigned is kept until a later one is. Borrows
// ledger and clock; believes no cosignature that it has not verified.
#pragma once

#include <map>
#include <set>

#include "common/witness.h"
#include "controller/ledger.h"

namespace reeve {

class Cosigning {
 public:
  // `fleet` is the root's origin: witnesses are named by it, whatever the ledger's has become.
  Cosigning(const Ledger& ledger, const Clock& clock, std::string fleet)
      : ledger_(ledger), clock_(clock), fleet_(std::move(fleet)) {}

  // A set that the root does not vouch for, and cosignatures of another tree, are left out. Errors:
  // the store's.
  Status load(const Store& store, const Root& root);

  // Null where there is none that the root vouches for.
  const WitnessSet* set() const { return set_ ? &set_->set : nullptr; }
  bool is_member(const NodeId& node) const { return set_ && set_->set.has(node); }
  const Bytes& set_object() const { return object_; }
  // A set that may take the place of the present one. Errors: verify_witness_set()'s,
  // `witnesses_rollback`.
  Result<VerifiedWitnessSet> check_set(ByteView object, const Root& root) const;
  // Once that is durable.
  void adopt_set(VerifiedWitnessSet set, Bytes object);
  void judge_again(const Root& root);  // by a root that has come since
  // The set as a message, where this node is or was in it and has not been sent it on this link.
  std::optional<Bytes> message_for(const NodeId& node);
  void begin_link(const NodeId& node) { told_.erase(node); }

  // When a round begins, or those who have not answered are asked again (boot time).
  std::optional<std::int64_t> next_due() const;
  // Whom to show the newest checkpoint now; begins the round where it is time.
  std::vector<NodeId> take_asked();

  // Why a cosignature of this tree by this node counts for nothing, whatever it says, so that
  // nobody verifies it; empty where one is wanted: `not_a_witness`, `cosignature_late` (of another
  // checkpoint than the round's), `cosignature_repeat`.
  std::string_view unwanted(const NodeId& node, std::uint64_t size) const;
  // "cosigned", unwanted()'s, or `bad_signature`. The key is certified by its node.
  std::string_view take(const NodeId& node, const Cosignature& cosignature, const PublicKey& key);
  bool has_news() const { return has_news_; }  // of note(); until written()
  Status write(Store& store) const;
  void written() { has_news_ = false; }

  // The newest checkpoint that as many have cosigned as were needed, with their lines; of size 0
  // and empty before the first.
  const Checkpoint& cosigned() const { return cosigned_; }
  const std::string& note() const { return note_; }
  // By whom, with their keys' statements.
  const std::map<NodeId, Bytes>& cosigners() const { return cosigners_; }

 private:
  struct Line {
    NoteSignature line;
    Bytes key;  // the statement
  };
  bool take_up(ByteView stored);
  void forget();
  bool has_grown() const;
  void complete();

  const Ledger& ledger_;
  const Clock& clock_;
  std::string fleet_;
  std::optional<VerifiedWitnessSet> set_;
  Bytes object_;                  // of the newest set, vouched for or not
  std::uint64_t version_ = 0;     // of the same
  std::set<NodeId> former_;       // of the sets before, in this run: they hear that they are out
  std::set<NodeId> told_;         // of object_, on their present link
  Note round_;                    // the checkpoint that is asked for, with the ledger's line
  Checkpoint asked_;              // the same; of size 0 before the first round
  std::map<NodeId, Line> lines_;  // of this round
  std::int64_t ask_at_ = 0;       // not before: the next round, or asking again
  int asks_ = 0;                  // in this round
  Checkpoint cosigned_;
  std::string note_;
  std::map<NodeId, Bytes> cosigners_;
  bool has_news_ = false;
};

}  // namespace reeve
