// What the agent makes of acknowledgements: which of them count, and what may go for them.
#include <fmt/format.h>

#include "agent/agent.h"
#include "common/text.h"

namespace reeve {

// The controller's word alone is nothing: what it acknowledges is proven to be in a tree that has
// grown out of every tree that this agent accepted, or it goes on being sent.
void Agent::hear_acknowledgement(ByteView payload) {
  const auto acknowledgement = decode_acknowledgement(payload);
  if (!acknowledgement.ok()) return;
  ledger_.hear(*acknowledgement, store_.root(), parts_.clock.monotonic_ns());
  if (const auto rewrite = ledger_.take_rewrite()) record_rewrite(*rewrite);
  // An acknowledgement of nothing shows a checkpoint and no more: a witness is asked to cosign it.
  const bool is_shown = acknowledgement->tree_size == ledger_.accepted().size;
  if (acknowledgement->header.is_zero() && is_shown) witness_.ask(ledger_);
  if (witness_.is_member() && ledger_.could_not_judge(*acknowledgement))
    ledger_.tell_what_is_held();
  auto leaf = keys_->leaf_of(*acknowledgement);
  if (!leaf) leaf = outbox_.leaf_of(*acknowledgement);
  if (!leaf || !ledger_.proves(*acknowledgement, *leaf)) return;
  if (keys_->acknowledge(*acknowledgement)) return;
  if (outbox_.acknowledge(*acknowledgement)) acknowledged_wall_ns_ = parts_.clock.wall_ns();
}

void Agent::hear_witnesses(ByteView object) {
  if (!witness_.hear_set(object, store_.root())) return;
  parts_.notes.note(fmt::format("witness set version {}: this node {} the ledger's checkpoints",
                                witness_.set_version(),
                                witness_.is_member() ? "cosigns" : "does not cosign"));
}

bool Agent::send_cosignature() {
  return witness_.send(ledger_, keys_->key(), parts_.courier,
                       {parts_.clock.monotonic_ns(), time_.now_s()});
}

// Both notes: whoever has the ledger can judge which of them it does not come from.
void Agent::record_rewrite(const LedgerWatch::Rewrite& rewrite) {
  heartbeat_due_ = 0;
  const bool is_split = rewrite.other.size == rewrite.accepted.size;
  parts_.notes.note(fmt::format(
      "{}: a checkpoint of {} leaves is signed and has not grown out of that of {} leaves which "
      "was "
      "accepted before",
      is_split ? "split_view" : "ledger_rewritten", rewrite.other.size, rewrite.accepted.size));
  Value::Map fields{{"size", rewrite.accepted.size},     {"root", rewrite.accepted.root},
                    {"accepted", rewrite.accepted_note}, {"other_size", rewrite.other.size},
                    {"other_root", rewrite.other.root},  {"other", rewrite.other_note}};
  // Of one size with another root: by themselves the two notes prove that there are two ledgers.
  if (is_split) fields.emplace_back("split_view", true);
  if (rewrite.more > 0) fields.emplace_back("more", rewrite.more);
  recorder_.add("ledger_rewritten", std::nullopt, std::move(fields));
}

// Signed by the root's threshold, or it changes nothing: no online key can make this agent forget
// what it has seen.
void Agent::hear_recovery(ByteView object) {
  const auto recovery = verify_recovery(object, store_.root());
  auto is_next =
      recovery.ok() ? ledger_.is_next(*recovery, store_.root()) : Result<bool>(recovery.error());
  if (is_next.ok()) refused_recovery_ = {};
  if (is_next.ok() && !*is_next) return;
  // Durable in this order: where it were known that the ledger was recovered and not what is to be
  // sent for that, a crash would leave records missing. What is sent twice is a repeat.
  if (is_next.ok()) {
    if (auto refilling = outbox_.refill(); !refilling.ok()) is_next = refilling.error();
  }
  if (!is_next.ok()) return refuse_recovery(is_next.error(), sha256(object));
  for (Stream stream : {Stream::urgent, Stream::routine}) recorder_.set_releasable(stream, {});
  record_recovery(*recovery);
  recorder_.commit();
  ledger_.recover(recovery->recovery);
  ledger_.keep_now(parts_.clock.monotonic_ns());
  heartbeat_due_ = 0;
}

// The controller shows it with every heartbeat: told of once.
void Agent::refuse_recovery(const Error& refused, const Digest& object) {
  if (std::exchange(refused_recovery_, {object, refused.name}) == std::pair(object, refused.name))
    return;
  record_refusal(refused, object);
}

// What this agent holds against the ledger. What it has caught the controller at goes before all:
// anybody on the line can make up a recovery that is refused.
std::string Agent::ledger_trouble() const {
  if (!ledger_.trouble().empty() || refused_recovery_.second.empty())
    return std::string(ledger_.trouble());
  return "recovery_refused";
}

void Agent::record_recovery(const VerifiedRecovery& verified) {
  const LedgerRecovery& recovery = verified.recovery;
  const TreeView& accepted = ledger_.accepted();
  parts_.notes.note(fmt::format(
      "the ledger was recovered as {} at {} leaves, of which {} were accepted before: {}",
      recovery.new_origin, recovery.trusted.size, accepted.size, printable(recovery.reason)));
  Value::Array signers(verified.signers.begin(), verified.signers.end());
  recorder_.add("ledger_recovered", std::nullopt,
                {{"old", recovery.old_origin},
                 {"new", recovery.new_origin},
                 {"size", recovery.trusted.size},
                 {"root", recovery.trusted.root},
                 {"made", recovery.made_s},
                 {"reason", recovery.reason},
                 {"signers", std::move(signers)},
                 {"accepted_size", accepted.size},
                 {"accepted_root", accepted.root},
                 {"accepted", ledger_.accepted_note()}});
}

// In this order: what goes from the journal is proven under a checkpoint that is durable here, and
// a start finds no position before what has gone.
void Agent::keep_accounts() {
  outbox_.keep_positions();
  ledger_.keep(parts_.clock.monotonic_ns());
  if (!ledger_.is_kept()) return;
  const std::int64_t now_s = time_.now_s();
  for (Stream stream : {Stream::urgent, Stream::routine})
    recorder_.set_releasable(stream, outbox_.release(stream, now_s));
  recorder_.trim();
}

}  // namespace reeve
