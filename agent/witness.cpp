// On disk, identity/cosigner.key: a key file and the statement of a record key about it.
// trust/cosigned: magic, u32 version, key hash 32, u16 length and origin, u64 size, root 32, u64
// SipHash-2-4 of all before it under 16 zero bytes.
#include "agent/witness.h"

#include <string.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::string_view magic = "RVCS";
constexpr std::uint32_t version = 1;
constexpr std::size_t key_bytes = 71;  // docs/formats.md, "Key file"
constexpr std::size_t file_bytes_max = 1'024;

void clear(Bytes& secret) { ::explicit_bzero(secret.data(), secret.size()); }

Bytes encode_memory(const Checkpoint& checkpoint, const KeyHash& key) {
  Bytes bytes = bytes_of(magic);
  append_u32(bytes, version);
  append(bytes, key.view());
  append_u16(bytes, static_cast<std::uint16_t>(checkpoint.origin.size()));
  append(bytes, view_of(checkpoint.origin));
  append_u64(bytes, checkpoint.tree.size);
  append(bytes, checkpoint.tree.root.view());
  append_u64(bytes, checksum(bytes, {}));
  return bytes;
}

// What this key has cosigned; absent where that cannot be read, or is of another key.
std::optional<Checkpoint> decode_memory(ByteView bytes, const KeyHash& key) {
  if (bytes.size() < 8) return std::nullopt;
  const ByteView covered = bytes.first(bytes.size() - 8);
  ByteReader reader(bytes);
  if (text_of(reader.take(magic.size())) != magic || reader.u32() != version) return std::nullopt;
  const KeyHash whose = reader.take_fixed<KeyHash::size()>();
  Checkpoint checkpoint;
  checkpoint.origin = std::string(text_of(reader.take(reader.u16())));
  checkpoint.tree.size = reader.u64();
  checkpoint.tree.root = reader.take_fixed<Digest::size()>();
  const bool is_whole =
      reader.u64() == checksum(covered, {}) && reader.ok() && reader.at_end() && whose == key;
  return is_whole ? std::optional(checkpoint) : std::nullopt;
}

// Whether `later` may be cosigned by a key that has cosigned `before`, when both were accepted by
// one watch. A ledger with another origin is another ledger.
bool follows(const Checkpoint& later, const Checkpoint& before) {
  if (later.origin != before.origin || later.tree.size > before.tree.size) return true;
  return later.tree == before.tree;
}

}  // namespace

Witness::Witness(Disk& disk, const NodeId& node, std::string origin, const LedgerWatch& watch)
    : disk_(disk), node_(node), origin_(std::move(origin)) {
  load(watch);
}

// Without the key nothing is lost but its name: another one is made when it is needed.
void Witness::load(const LedgerWatch& watch) {
  auto file = disk_.read(paths::cosigner_key, file_bytes_max);
  if (!file.ok() || !*file || (*file)->size() <= key_bytes) return;
  const auto key = decode_key_file(ByteView(**file).first(key_bytes));
  const Bytes statement((*file)->begin() + key_bytes, (*file)->end());
  clear(**file);
  if (!key.ok() || key->kind != KeyKind::ed25519) return;
  const auto said = read_cosigner_key(statement);
  if (!said.ok() || said->node != node_ || said->key != key->public_key) return;
  const auto memory = disk_.read(paths::cosigned, file_bytes_max);
  if (!memory.ok() || !*memory) return;
  const auto cosigned = decode_memory(**memory, key_hash(key->public_key));
  // The watch never goes back behind what was cosigned, so one that has lost it might believe
  // another history now.
  if (!cosigned || !follows(watch.accepted_checkpoint(), *cosigned)) return;
  cosigned_ = *cosigned;
  key_ = Key{SigningKey::from_seed(key->secret.bytes()), statement};
}

bool Witness::hear_set(ByteView object, const Root& root) {
  auto set = verify_witness_set(object, root);
  if (!set.ok() || set->set.version <= set_version()) return false;
  set_ = *std::move(set);
  return true;
}

void Witness::ask(const LedgerWatch& watch) {
  if (!is_member() || watch.accepted().size == 0) return;
  asked_ = watch.accepted_checkpoint();
  signed_.reset();
}

// In this order: the memory of a key that has signed nothing, then the key. Cut in between, an
// older key has a memory that is not its own, and is not used again.
Status Witness::begin_key(const SigningKey& record_key, std::int64_t now_s) {
  SigningKey key = SigningKey::generate();
  REEVE_TRY(remember({}, key.hash()));
  Bytes statement = seal_cosigner_key({node_, key.public_key(), now_s}, record_key);
  Bytes secret = encode_key_file(KeyKind::ed25519, key.public_key(), key.seed());
  Bytes file;
  file.reserve(secret.size() + statement.size());  // so that no copy of the secret is left
  append(file, secret);
  append(file, statement);
  clear(secret);
  const auto former = disk_.wipe(paths::cosigner_key);
  auto written = former.ok() ? replace_file(disk_, paths::cosigner_key, file) : former;
  clear(file);
  if (!written.ok()) return written;
  cosigned_ = {};
  key_ = Key{std::move(key), std::move(statement)};
  return {};
}

Status Witness::remember(const Checkpoint& checkpoint, const KeyHash& key) {
  return replace_file(disk_, paths::cosigned, encode_memory(checkpoint, key));
}

// In this order: what the watch goes on from, what this key has signed, the signature.
Status Witness::cosign_asked(LedgerWatch& watch, const SigningKey& record_key, const Now& now) {
  const Checkpoint checkpoint = *asked_;
  watch.keep_now(now.mono_ns);
  if (!watch.is_kept()) return Error{"not_durable", "the accepted checkpoint is not written down"};
  if (!key_) REEVE_TRY(begin_key(record_key, now.trusted_s));
  asked_.reset();
  // A recovery since then has let go of the ledger that was shown.
  if (checkpoint.origin != watch.origin() || !follows(checkpoint, cosigned_)) return {};
  if (checkpoint != cosigned_) {
    if (auto written = remember(checkpoint, key_->key.hash()); !written.ok()) {
      asked_ = checkpoint;
      return written;
    }
    cosigned_ = checkpoint;
  }
  const NoteSignature line = cosign(checkpoint_text(checkpoint), cosigner_name(origin_, node_),
                                    key_->key, std::max<std::int64_t>(now.trusted_s, 0));
  signed_ = encode_message(
      MessageType::cosignature,
      encode_cosignature(cosignature_of(line, checkpoint.tree.size, key_->statement)));
  return {};
}

bool Witness::send(LedgerWatch& watch, const SigningKey& record_key, CourierPort& courier,
                   const Now& now) {
  if (now.mono_ns < due_) return true;
  if (asked_ && !cosign_asked(watch, record_key, now).ok()) {
    due_ = now.mono_ns + limits::cosign_retry_ns;
    return true;
  }
  if (!signed_) return true;
  const bool is_sent = courier.send(*signed_);
  if (is_sent) signed_.reset();
  due_ = now.mono_ns + (is_sent ? limits::cosign_interval_ns : limits::send_retry_ns);
  return is_sent;
}

std::optional<std::int64_t> Witness::next_due() const {
  return asked_ || signed_ ? std::optional(due_) : std::nullopt;
}

}  // namespace reeve
