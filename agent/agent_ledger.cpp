// What the agent makes of acknowledgements: which of them count, and what may go for them.
#include <fmt/format.h>

#include "agent/agent.h"

namespace reeve {

// The controller's word alone is nothing: what it acknowledges is proven to be in a tree that has
// grown out of every tree that this agent accepted, or it goes on being sent.
void Agent::hear_acknowledgement(ByteView payload) {
  const auto acknowledgement = decode_acknowledgement(payload);
  if (!acknowledgement.ok()) return;
  ledger_.hear(*acknowledgement, store_.root().ledger.keys, parts_.clock.monotonic_ns());
  if (const auto rewrite = ledger_.take_rewrite()) record_rewrite(*rewrite);
  auto leaf = keys_->leaf_of(*acknowledgement);
  if (!leaf) leaf = outbox_.leaf_of(*acknowledgement);
  if (!leaf || !ledger_.proves(*acknowledgement, *leaf)) return;
  if (!keys_->acknowledge(*acknowledgement)) outbox_.acknowledge(*acknowledgement);
}

// Both notes: whoever has the ledger can judge which of them it does not come from.
void Agent::record_rewrite(const LedgerWatch::Rewrite& rewrite) {
  heartbeat_due_ = 0;
  parts_.notes.note(fmt::format(
      "ledger_rewritten: a checkpoint of {} leaves is signed and has not grown out of that of {} "
      "leaves which was accepted before",
      rewrite.other.size, rewrite.accepted.size));
  Value::Map fields{{"size", rewrite.accepted.size},     {"root", rewrite.accepted.root},
                    {"accepted", rewrite.accepted_note}, {"other_size", rewrite.other.size},
                    {"other_root", rewrite.other.root},  {"other", rewrite.other_note}};
  if (rewrite.more > 0) fields.emplace_back("more", rewrite.more);
  recorder_.add("ledger_rewritten", std::nullopt, std::move(fields));
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
