// What the controller acknowledges and what it proves with that: the leaf is in the tree of the
// newest checkpoint, and that tree has grown out of the one that the node holds.
#include <fmt/format.h>

#include "controller/controller.h"

namespace reeve {
namespace {

// The last checkpoint that the node is known to have, or to be about to get.
std::uint64_t held_by(const Node& node) {
  return node.shown_checkpoint.value_or(node.held_checkpoint);
}

// Of several that leave after one commit only a node's first one has the checkpoint.
Result<Acknowledgement> proven(Acknowledgement bare, const Ledger& ledger, const Node& node) {
  const std::uint64_t size = ledger.committed().size;
  bare.tree_size = size;
  if (!bare.header.is_zero()) {
    auto inclusion = inclusion_path(ledger.hashes(), bare.leaf_index, size);
    if (!inclusion.ok()) return inclusion.error();
    bare.inclusion = *std::move(inclusion);
  }
  // What a ledger that came back from a backup has not got it cannot prove anything from.
  const std::uint64_t held = held_by(node);
  bare.consistent_from = held <= size ? held : 0;
  if (node.shown_checkpoint == size) return bare;
  bare.checkpoint = bytes_of(ledger.checkpoint());
  if (bare.consistent_from == 0) return bare;
  auto consistency = consistency_path(ledger.hashes(), bare.consistent_from, size);
  if (!consistency.ok()) return consistency.error();
  bare.consistency = *std::move(consistency);
  return bare;
}

}  // namespace

// What cannot be proven now is not acknowledged: the node sends it again.
void Controller::send_acknowledgements(ServerLink& link, const Turn& turn) {
  const auto credit = credits_.share(clock_.boottime_ns());
  for (const auto& waiting : turn.acknowledgements) {
    const auto* node = registry_.find(waiting.acknowledgement.node);
    REEVE_ASSERT(node != nullptr);
    auto acknowledgement = proven(waiting.acknowledgement, *ledger_, *node);
    if (!acknowledgement.ok()) {
      count(acknowledgement.error().name);
      continue;
    }
    acknowledgement->credit_bytes = credit;
    if (acknowledgement->header.is_zero()) send_witness_set(link, node->id(), waiting.peer);
    const auto message =
        encode_message(MessageType::acknowledgement, encode_acknowledgement(*acknowledgement));
    const bool is_sent = link.send(waiting.peer, message);
    if (is_sent) registry_.shown_checkpoint(node->id(), acknowledgement->tree_size);
    count(is_sent ? "acknowledged" : "link_full");
  }
}

// Answered with the newest checkpoint, whether there is something to acknowledge or not: so an
// agent sees at each beginning of a link whether the ledger still is the one that it knows.
void Controller::take_checkpoint_held(const Node& node, const TransportKey& peer, ByteView payload,
                                      Turn& turn) {
  ByteReader reader(payload);
  const std::uint64_t size = reader.u64();
  if (!reader.ok() || !reader.at_end()) return count("malformed");
  count("checkpoint_held");
  registry_.holds_checkpoint(node.id(), size);
  cosigning_.begin_link(node.id());
  Acknowledgement of_nothing;
  of_nothing.node = node.id();
  turn.acknowledgements.push_back({peer, std::move(of_nothing)});
  if (size <= ledger_->committed().size) return;
  count("ledger_behind");
  const std::int64_t now = clock_.boottime_ns();
  if (behind_told_ns_ && now - *behind_told_ns_ < limits::behind_note_ns) return;
  behind_told_ns_ = now;
  note(
      fmt::format("node {}: it has accepted a checkpoint of {} leaves and this ledger has {}: "
                  "was the store put back from a copy?",
                  node.certificate.name, size, ledger_->committed().size));
}

}  // namespace reeve
