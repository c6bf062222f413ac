// How the controller asks witnesses for their cosignatures, and takes them.
#include "controller/controller.h"

namespace reeve {

// Like the answer to a node that says what it holds: the newest checkpoint, proven from there. The
// witness set first, so that it knows why it is asked.
void Controller::ask_witnesses(ServerLink& link) {
  const auto asked = cosigning_.take_asked();
  if (asked.empty()) return;
  Turn turn;
  for (const NodeId& id : asked) {
    const auto* node = registry_.find(id);
    if (node == nullptr || !node->is_connected(clock_)) continue;
    Acknowledgement of_nothing;
    of_nothing.node = id;
    turn.acknowledgements.push_back({node->session_key(), std::move(of_nothing)});
  }
  count("cosigning_round");
  send_acknowledgements(link, turn);
}

void Controller::tell_witnesses(ServerLink& nodes) {
  for (const auto& [id, node] : registry_.nodes()) {
    if (node.is_connected(clock_)) send_witness_set(nodes, id, node.session_key());
  }
}

void Controller::send_witness_set(ServerLink& link, const NodeId& id, const TransportKey& peer) {
  const auto set = cosigning_.message_for(id);
  if (!set || link.send(peer, *set)) return;
  cosigning_.begin_link(id);  // it is sent again with the next question
  count("link_full");
}

// Whatever is wrong with it counts for nothing; only the store's errors are ours.
Status Controller::take_cosignature(const Node& node, ByteView payload, Turn& turn) {
  const auto cosignature = decode_cosignature(payload);
  if (!cosignature.ok()) {
    count(cosignature.error().name);
    return {};
  }
  if (const auto why = cosigning_.unwanted(node.id(), cosignature->size); !why.empty()) {
    count(std::string(why));
    return {};
  }
  const auto signer = signer_of(cosignature->key, ObjectType::cosigner_key);
  const auto record_key =
      signer.ok() ? NodeKeys(store_).find(node, *signer) : std::optional<RecordKey>{};
  if (!record_key.ok()) return record_key.error();
  if (!*record_key) {
    count("key_unknown");
    return {};
  }
  const auto key = verify_cosigner_key(cosignature->key, node.id(), (**record_key).key);
  if (!key.ok()) {
    count(key.error().name);
    return {};
  }
  count(std::string(cosigning_.take(node.id(), *cosignature, key->key)));
  return cosigning_.has_news() && !store_rests() ? begin(turn) : Status{};
}

}  // namespace reeve
