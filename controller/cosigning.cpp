// In the store, a map: "note" (text) and "keys", a list of maps "node" and "key" (the statement).
#include "controller/cosigning.h"

#include <algorithm>

#include "common/limits.h"
#include "controller/controller_limits.h"

namespace reeve {

Status Cosigning::load(const Store& store, const Root& root) {
  auto object = store.witnesses();
  if (!object.ok()) return object.error();
  if (!object->empty()) {
    const auto opened = parse_signed_object(*object, ObjectType::witness_set);
    const auto said = opened.ok() ? decode_witness_set(opened->payload) : opened.error();
    if (said.ok()) version_ = said->version;
    object_ = *std::move(object);
    judge_again(root);
  }
  const auto stored = store.cosigned();
  if (!stored.ok()) return stored.error();
  if (!stored->empty() && !take_up(*stored)) forget();
  return {};
}

void Cosigning::forget() {
  cosigned_ = {};
  note_.clear();
  cosigners_.clear();
}

bool Cosigning::has_grown() const {
  return ledger_.committed().size > asked_.tree.size ||
         (asked_.tree.size > 0 && asked_.origin != ledger_.origin());
}

// Our own writing, but of which ledger? One that was put back from a copy has not got that tree.
bool Cosigning::take_up(ByteView stored) {
  const auto value = decode(stored);
  if (!value.ok()) return false;
  Fields fields(*value, "cosigned checkpoint");
  note_ = fields.text("note");
  for (const Value& item : fields.array("keys")) {
    Fields one(item, "cosigner");
    const auto node = one.bytes<32>("node");
    cosigners_[node] = one.binary("key");
    if (!one.finish(UnknownFields::keep).ok()) return false;
  }
  const auto note = decode_note(note_);
  if (!fields.finish(UnknownFields::keep).ok() || !note.ok()) return false;
  const auto checkpoint = decode_checkpoint_text(note->text);
  if (!checkpoint.ok() || checkpoint->origin != ledger_.origin()) return false;
  if (checkpoint->tree.size > ledger_.committed().size) return false;
  const auto root = tree_root(ledger_.hashes(), checkpoint->tree.size);
  cosigned_ = *checkpoint;
  return root.ok() && *root == checkpoint->tree.root;
}

Result<VerifiedWitnessSet> Cosigning::check_set(ByteView object, const Root& root) const {
  auto set = verify_witness_set(object, root);
  if (!set.ok() || set->set.version > version_) return set;
  return Error{"witnesses_rollback", "witness set: not above the version that is in force",
               "look at the newest with reeve ledger witnesses"};
}

void Cosigning::adopt_set(VerifiedWitnessSet set, Bytes object) {
  if (set_) former_.insert(set_->set.nodes.begin(), set_->set.nodes.end());
  version_ = set.set.version;
  set_ = std::move(set);
  object_ = std::move(object);
  told_.clear();
  // Who is in it now is asked at once.
  asked_ = {};
  lines_.clear();
  ask_at_ = 0;
}

void Cosigning::judge_again(const Root& root) {
  auto set = verify_witness_set(object_, root);
  set_ = set.ok() ? std::optional(*std::move(set)) : std::nullopt;
}

std::optional<Bytes> Cosigning::message_for(const NodeId& node) {
  if (object_.empty() || (!is_member(node) && !former_.contains(node))) return std::nullopt;
  if (!told_.insert(node).second) return std::nullopt;
  return encode_message(MessageType::witnesses, object_);
}

std::optional<std::int64_t> Cosigning::next_due() const {
  if (!set_) return std::nullopt;
  const bool is_asking = lines_.size() < set_->set.nodes.size() && asks_ < limits::cosign_asks_max;
  if (has_grown()) return ask_at_;
  return is_asking ? std::optional(ask_at_ + limits::cosign_ask_again_ns) : std::nullopt;
}

std::vector<NodeId> Cosigning::take_asked() {
  const auto due = next_due();
  const std::int64_t now = clock_.boottime_ns();
  if (!due || now < *due) return {};
  if (has_grown()) {
    const auto note = decode_note(ledger_.checkpoint());
    REEVE_ASSERT(note.ok());
    round_ = *note;
    asked_ = {ledger_.origin(), ledger_.committed()};
    if (cosigned_.origin != asked_.origin) forget();  // the ledger was recovered
    lines_.clear();
    asks_ = 0;
  }
  ++asks_;
  ask_at_ = now + limits::cosign_round_ns;
  std::vector<NodeId> silent;
  for (const NodeId& node : set_->set.nodes)
    if (!lines_.contains(node)) silent.push_back(node);
  return silent;
}

std::string_view Cosigning::unwanted(const NodeId& node, std::uint64_t size) const {
  if (!is_member(node)) return "not_a_witness";
  if (asked_.tree.size == 0 || size != asked_.tree.size) return "cosignature_late";
  return lines_.contains(node) ? "cosignature_repeat" : "";
}

std::string_view Cosigning::take(const NodeId& node, const Cosignature& cosignature,
                                 const PublicKey& key) {
  if (const auto why = unwanted(node, cosignature.size); !why.empty()) return why;
  const NoteKey who{cosigner_name(fleet_, node), key};
  const NoteSignature line = line_of(cosignature, who);
  const auto at = cosigned_at({round_.text, {line}}, who);
  if (!at.ok()) return "bad_signature";
  lines_[node] = {line, cosignature.key};
  if (lines_.size() >= set_->set.need) complete();
  return "cosigned";
}

void Cosigning::complete() {
  Note note = round_;
  cosigners_.clear();
  for (const auto& [node, line] : lines_) {
    note.signatures.push_back(line.line);
    cosigners_[node] = line.key;
  }
  cosigned_ = asked_;
  note_ = encode_note(note);
  has_news_ = true;
}

Status Cosigning::write(Store& store) const {
  Value::Array keys;
  for (const auto& [node, key] : cosigners_)
    keys.emplace_back(Value::Map{{"node", node}, {"key", key}});
  return store.put_cosigned(encode(Value::Map{{"note", note_}, {"keys", std::move(keys)}}));
}

}  // namespace reeve
