#include "common/key_succession.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/codec.h"
#include "common/limits.h"

namespace reeve {

namespace {

constexpr std::string_view what = "key succession";

Error broken_chain(std::string_view problem) {
  return Error{"broken_chain", fmt::format("{}: {}", what, problem)};
}

Value encode_end(const KeySuccession::End& end) {
  return Value::Map{{"records", end.records}, {"header", end.header}};
}

Result<KeySuccession::End> decode_end(const Value& value) {
  Fields fields(value, "key succession's end of a stream");
  KeySuccession::End end;
  end.records = fields.natural("records");
  end.header = fields.bytes<32>("header");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return end;
}

}  // namespace

Bytes encode_succession(const KeySuccession& succession) {
  return encode(Value::Map{{"node", succession.node},
                           {"number", succession.number},
                           {"old", succession.old_key},
                           {"key", succession.key},
                           {"wall", succession.wall_ns},
                           {"epoch", succession.epoch},
                           {"ended", succession.ended},
                           {"urgent", encode_end(succession.ends[0])},
                           {"routine", encode_end(succession.ends[1])}});
}

Result<KeySuccession> decode_succession(ByteView payload) {
  if (payload.size() > limits::succession_bytes_max) {
    return Error{"limit_exceeded", fmt::format("{}: is too long", what)};
  }
  auto value = decode(payload);
  if (!value) return value.error();
  Fields fields(*value, what);
  KeySuccession out;
  out.node = fields.bytes<32>("node");
  out.number = fields.natural("number");
  out.old_key = fields.bytes<32>("old");
  out.key = fields.bytes<32>("key");
  out.wall_ns = fields.integer("wall");
  out.epoch = fields.bytes<16>("epoch");
  out.ended = fields.bytes<16>("ended");
  auto urgent = decode_end(fields.value("urgent"));
  auto routine = decode_end(fields.value("routine"));
  if (out.number == 0) fields.fail("number", "is that of the first key");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (!urgent.ok()) return urgent.error();
  if (!routine.ok()) return routine.error();
  out.ends = {*urgent, *routine};
  return out;
}

Bytes seal_succession(KeySuccession succession, const SigningKey& old_key) {
  succession.old_key = old_key.hash();
  return seal_object(ObjectType::key_succession, encode_succession(succession), old_key);
}

RecordKey successor_of(const KeySuccession& succession) {
  return RecordKey{succession.key, succession.number, succession.epoch};
}

Result<KeyHash> signer_of(ByteView object, ObjectType type) {
  if (object.size() > limits::trust_object_bytes_max) {
    return Error{"limit_exceeded", "signed object: is larger than a message can carry"};
  }
  const auto opened = parse_signed_object(object, type);
  if (!opened.ok()) return opened.error();
  if (opened->signatures.size() != 1) {
    return Error{"malformed", "signed object: is not signed exactly once"};
  }
  return opened->signatures.front().key;
}

Result<KeySuccession> verify_succession(ByteView object, const NodeId& node, const RecordKey& old) {
  const auto signer = signer_of(object, ObjectType::key_succession);
  if (!signer.ok()) return signer.error();
  if (*signer != old.hash()) return Error{"bad_signature", fmt::format("{}: by another key", what)};
  const auto opened = parse_signed_object(object, ObjectType::key_succession);
  REEVE_TRY(require_signatures(*opened, std::span(&old.key, 1), 1));
  auto link = decode_succession(opened->payload);
  if (!link.ok()) return link.error();
  if (link->node != node) return Error{"wrong_node", fmt::format("{}: of another node", what)};
  if (link->old_key != *signer) return broken_chain("names another old key than signed it");
  if (old.number == UINT64_MAX || link->number != old.number + 1) {
    return broken_chain("its number does not follow");
  }
  if (old.epoch && link->ended != *old.epoch) {
    return broken_chain("ends another epoch than the old key's");
  }
  return link;
}

Status check_use(const RecordKey& key, std::span<const KeySuccession> successors,
                 const BatchHeader& header) {
  if (key.epoch && header.epoch != *key.epoch) {
    return Error{"wrong_epoch", "the key does not sign in this epoch"};
  }
  const auto stream = static_cast<std::size_t>(header.stream);
  const bool covered =
      std::any_of(successors.begin(), successors.end(), [&](const KeySuccession& next) {
        return next.ended == header.epoch &&
               header.first + header.count <= next.ends[stream].records;
      });
  if (successors.empty() || covered) return {};
  return Error{"key_retired", "the key had a successor before this was signed"};
}

KeyChain::KeyChain(const NodeId& node, const RecordKey& anchor) : node_(node) {
  keys_.emplace(anchor.hash(), Link{anchor, {}});
}

Result<KeyChain::Added> KeyChain::add(ByteView object) {
  const auto signer = signer_of(object, ObjectType::key_succession);
  if (!signer.ok()) return signer.error();
  const auto found = keys_.find(*signer);
  if (found == keys_.end()) {
    return Error{"key_unknown", fmt::format("{}: its signer is not in the node's chain", what)};
  }
  auto link = verify_succession(object, node_, found->second.key);
  if (!link.ok()) return link.error();
  auto& successors = found->second.successors;
  if (std::find(successors.begin(), successors.end(), *link) != successors.end()) {
    return Added::known;
  }
  const RecordKey next = successor_of(*link);
  const auto hash = next.hash();
  if (keys_.contains(hash)) return broken_chain("its new key stands in the chain already");
  if (keys_.size() >= limits::chain_keys_max) {
    return Error{"limit_exceeded", fmt::format("{}: the chain is too long", what)};
  }
  successors.push_back(*std::move(link));
  is_forked_ = is_forked_ || successors.size() > 1;
  keys_.emplace(hash, Link{next, {}});
  return Added::added;
}

const RecordKey* KeyChain::find(const KeyHash& hash) const {
  const auto found = keys_.find(hash);
  return found == keys_.end() ? nullptr : &found->second.key;
}

std::span<const KeySuccession> KeyChain::successors(const KeyHash& hash) const {
  const auto found = keys_.find(hash);
  if (found == keys_.end()) return {};
  return found->second.successors;
}

}  // namespace reeve
