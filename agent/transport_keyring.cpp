#include "agent/transport_keyring.h"

#include "common/key_succession.h"
#include "common/limits.h"
#include "common/paths.h"
#include "common/transport_key.h"

namespace reeve {
namespace {

TransportKeyPair copy_of(const TransportKeyPair& pair) {
  return {pair.public_key, Secret(pair.secret.bytes())};
}

std::optional<TransportKeyPair> read_pair(const Disk& disk, std::string_view name) {
  const auto bytes = disk.read(name, limits::message_bytes_max);
  if (!bytes.ok() || !bytes->has_value()) return std::nullopt;
  auto key = decode_key_file(**bytes);
  if (!key.ok() || key->kind != KeyKind::x25519) return std::nullopt;
  return TransportKeyPair{key->public_key, std::move(key->secret)};
}

Bytes key_file(const TransportKeyPair& pair) {
  return encode_key_file(KeyKind::x25519, pair.public_key, pair.secret);
}

}  // namespace

TransportKeyring::TransportKeyring(Disk& disk, const Identity& identity)
    : disk_(disk), node_(identity.certificate.node), current_(copy_of(identity.transport)) {
  version_ = identity.transport_version;
  former_ = read_pair(disk_, paths::transport_key_former);
  take_up();
}

void TransportKeyring::take_up() {
  auto pair = read_pair(disk_, paths::transport_key_next);
  auto statement = disk_.read(paths::transport_statement_next, limits::message_bytes_max);
  if (!pair || !statement.ok() || !statement->has_value()) return;
  const auto read = read_transport_statement(**statement);
  if (!read.ok() || read->key != pair->public_key || read->version <= version_) return;
  next_ = Next{std::move(*pair), std::move(**statement), read->version};
}

Bytes TransportKeyring::sealed(const Next& next, const SigningKey& record_key,
                               std::int64_t now_s) const {
  return seal_object(ObjectType::transport_key,
                     encode_transport_statement({node_, next.pair.public_key, next.version, now_s}),
                     record_key);
}

Status TransportKeyring::begin(const SigningKey& record_key, std::int64_t now_s) {
  if (next_) return {};
  Next next;
  next.pair = generate_transport_keys();
  next.version = version_ + 1;
  next.statement = sealed(next, record_key, now_s);
  REEVE_TRY(replace_file(disk_, paths::transport_key_next, key_file(next.pair)));
  REEVE_TRY(replace_file(disk_, paths::transport_statement_next, next.statement));
  next_ = std::move(next);
  return {};
}

// In memory alone: what the controller acknowledges is written by complete(), and the next start
// has another record key.
void TransportKeyring::seal_anew(const SigningKey& record_key, std::int64_t now_s) {
  if (!next_) return;
  const auto signer = signer_of(next_->statement, ObjectType::transport_key);
  if (signer.ok() && *signer == record_key.hash()) return;
  next_->statement = sealed(*next_, record_key, now_s);
}

// The statement last: with it the new key is this node's, as load_identity() judges.
Status TransportKeyring::complete() {
  REEVE_ASSERT(next_.has_value());
  REEVE_TRY(replace_file(disk_, paths::transport_key_former, key_file(current_)));
  REEVE_TRY(replace_file(disk_, paths::transport_statement, next_->statement));
  REEVE_TRY(replace_file(disk_, paths::transport_key, key_file(next_->pair)));
  static_cast<void>(disk_.remove(paths::transport_statement_next));
  static_cast<void>(disk_.remove(paths::transport_key_next));
  former_ = std::move(current_);
  current_ = std::move(next_->pair);
  version_ = next_->version;
  next_.reset();
  courier_has_former_ = true;  // the one that runs
  tried_current_ = false;
  return {};
}

const TransportKeyPair& TransportKeyring::for_next_courier() {
  courier_has_former_ = former_.has_value() && tried_current_ && !courier_has_former_;
  tried_current_ = true;
  return courier_has_former_ ? *former_ : current_;
}

void TransportKeyring::session_stands() {
  if (!former_) return;
  if (!courier_has_former_) {
    former_.reset();
    static_cast<void>(disk_.remove(paths::transport_key_former));
    return;
  }
  auto statement = disk_.read(paths::transport_statement, limits::message_bytes_max);
  if (next_ || !statement.ok() || !statement->has_value()) return;
  next_ = Next{std::move(current_), std::move(**statement), version_};
  current_ = std::move(*former_);
  former_.reset();
  courier_has_former_ = false;
}

}  // namespace reeve
