// On disk: identity/record.key is the first key, identity/record-NNNNNNNN.key a later one with the
// statement that certifies it; identity/successions has the statements before that.
#include "agent/record_keys.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <charconv>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

std::string file_of(std::uint64_t number) {
  if (number == 0) return std::string(paths::record_key);
  return fmt::format("{}{:08}{}", paths::record_key_prefix, number, paths::record_key_suffix);
}

std::string path_of(const std::string& listed) {
  return fmt::format("{}/{}", paths::identity_directory, listed);
}

// Of a name as Disk::list() gives it; absent for other files, unfinished ones too.
std::optional<std::uint64_t> number_of(const std::string& listed) {
  const std::string path = path_of(listed);
  if (path == paths::record_key) return 0;
  if (!path.starts_with(paths::record_key_prefix) || !path.ends_with(paths::record_key_suffix))
    return std::nullopt;
  const auto digits = std::string_view(path).substr(
      paths::record_key_prefix.size(),
      path.size() - paths::record_key_prefix.size() - paths::record_key_suffix.size());
  std::uint64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc() || file_of(number) != path) return std::nullopt;
  return number;
}

Error malformed_key(std::uint64_t number, std::string_view problem) {
  return Error{"malformed_key", fmt::format("{}: {}", file_of(number), problem),
               "enroll the node anew: nothing else can certify another key"};
}

void clear(Bytes& secret) { ::explicit_bzero(secret.data(), secret.size()); }

// Our own file, whose statement was verified by being made.
Result<KeySuccession> read_statement(ByteView object) {
  const auto opened = parse_signed_object(object, ObjectType::key_succession);
  if (!opened.ok()) return opened.error();
  return decode_succession(opened->payload);
}

}  // namespace

Result<std::unique_ptr<RecordKeys>> RecordKeys::load(Disk& disk,
                                                     const NodeCertificate& certificate) {
  const auto names = disk.list(paths::identity_directory);
  if (!names.ok()) return names.error();
  std::optional<std::uint64_t> newest;
  for (const std::string& name : *names) newest = std::max(newest, number_of(name));
  if (!newest)
    return Error{"state_incomplete", "the record key is missing",
                 "make a state directory with `reeve node enroll NAME --out DIR`"};
  auto file = disk.read(file_of(*newest), limits::record_key_file_bytes_max);
  if (!file.ok()) return file.error();
  if (!file->has_value()) return malformed_key(*newest, "is gone");
  auto keys =
      std::make_unique<RecordKeys>(disk, certificate.node, SigningKey::from_seed(FixedBytes<32>{}));
  const auto taken = keys->take_up(*newest, **file, certificate);
  clear(**file);
  if (!taken.ok()) return taken.error();
  keys->wipe_all_but(*newest, *names);
  return keys;
}

Status RecordKeys::take_up(std::uint64_t number, ByteView file,
                           const NodeCertificate& certificate) {
  constexpr std::size_t key_bytes = 71;  // docs/formats.md, "Key file"
  auto key = decode_key_file(file.first(std::min(file.size(), key_bytes)));
  if (!key.ok()) return key.error();
  if (key->kind != KeyKind::ed25519) return malformed_key(number, "holds another kind of key");
  key_ = SigningKey::from_seed(key->secret.bytes());
  number_ = number;
  first_key_ = certificate.record_key;
  if (number == 0) {
    if (file.size() != key_bytes) return malformed_key(number, "is too long");
    if (key_.public_key() != certificate.record_key)
      return Error{"key_mismatch", "the certificate is for another record key than record.key"};
    return {};
  }
  ByteReader reader(file.subspan(key_bytes));
  acknowledged_at_start_ = reader.u64();
  const ByteView object = reader.rest();
  auto link = read_statement(object);
  if (!reader.ok() || !link.ok() || link->key != key_.public_key() || link->number != number ||
      link->node != node_)
    return malformed_key(number, "its statement is not about this key");
  epoch_ = link->epoch;
  static_cast<void>(take_up_statements());  // finish() tries again
  add_statement(*std::move(link), Bytes(object.begin(), object.end()));
  return {};
}

// Those that make no sense are lost: the node's keys are then unknown to a controller that had not
// heard of them, and it says so. A disk that does not answer loses none.
Status RecordKeys::take_up_statements() {
  const auto file = disk_.read(paths::successions, limits::successions_bytes_max);
  if (!file.ok()) return file.error();
  are_statements_read_ = true;
  const std::deque<Statement> newer = std::exchange(statements_, {});
  ByteView rest = file->has_value() ? ByteView(**file) : ByteView();
  while (!rest.empty()) {
    const auto size = signed_object_size(rest);
    if (!size.ok()) break;
    auto link = read_statement(rest.first(*size));
    if (!link.ok()) break;
    if (link->number < number_ &&
        (statements_.empty() || link->number > statements_.back().link.number))
      add_statement(*std::move(link),
                    Bytes(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(*size)));
    rest = rest.subspan(*size);
  }
  statements_.insert(statements_.end(), newer.begin(), newer.end());
  return {};
}

void RecordKeys::add_statement(KeySuccession link, Bytes object) {
  const Digest digest = sha256(object);
  const bool is_old = link.number <= acknowledged_at_start_;
  statements_.push_back({std::move(link), std::move(object), digest, std::nullopt, is_old});
}

// A rotation that was cut short leaves the old key beside the new one, or an unfinished new one.
// The new one's name may not be durable yet: without it there would be no key at all.
void RecordKeys::wipe_all_but(std::uint64_t number, const std::vector<std::string>& names) {
  if (auto synced = disk_.sync_directory(paths::identity_directory); !synced.ok()) {
    wipe_refusal_ = synced.error();
    return;
  }
  for (const std::string& name : names) {
    const auto other = number_of(name);
    const bool unfinished = name.starts_with("record") && name.ends_with(paths::temporary_suffix);
    if (unfinished || (other && *other != number)) wipe(path_of(name));
  }
}

void RecordKeys::wipe(std::string_view name) {
  auto wiped = disk_.wipe(name);
  if (wiped.ok()) wiped = disk_.sync_directory(paths::identity_directory);
  if (!wiped.ok()) wipe_refusal_ = wiped.error();
}

void RecordKeys::begin(const Ended& ended, const Epoch& epoch, std::int64_t wall_ns) {
  REEVE_ASSERT(is_settled());
  REEVE_ASSERT(!epoch_ || *epoch_ == ended.epoch);
  SigningKey key = SigningKey::generate();
  KeySuccession link;
  link.node = node_;
  link.number = number_ + 1;
  link.old_key = key_.hash();
  link.key = key.public_key();
  link.wall_ns = wall_ns;
  link.epoch = epoch;
  link.ended = ended.epoch;
  link.ends = ended.ends;
  Bytes object = seal_succession(link, key_);
  next_ = Next{std::move(key), std::move(link), std::move(object)};
}

Status RecordKeys::finish() {
  if (!next_) return {};
  // The file that holds this key's own statement goes with the key.
  if (number_ > 0 && !are_statements_read_) REEVE_TRY(take_up_statements());
  if (number_ > 0) REEVE_TRY(write_statements());
  REEVE_TRY(write_key(number_ + 1, *next_));
  const std::string old_file = file_of(number_);
  key_ = std::move(next_->key);
  ++number_;
  epoch_ = next_->link.epoch;
  add_statement(std::move(next_->link), std::move(next_->object));
  next_.reset();
  wipe(old_file);
  return {};
}

// A few that were acknowledged stay, for a controller that comes back from a backup.
Status RecordKeys::write_statements() {
  constexpr std::size_t kept = limits::successions_kept;
  while (statements_.size() > kept && statements_[kept].is_acknowledged &&
         statements_.front().is_acknowledged)
    statements_.pop_front();
  if (statements_.size() > limits::successions_unacknowledged_max + kept)
    return Error{"key_backlog", "too many keys that the controller has not heard of"};
  Bytes bytes;
  for (const Statement& statement : statements_) append(bytes, statement.object);
  return replace_file(disk_, paths::successions, bytes);
}

Status RecordKeys::write_key(std::uint64_t number, const Next& next) {
  Bytes key = encode_key_file(KeyKind::ed25519, next.key.public_key(), next.key.seed());
  Bytes bytes;
  bytes.reserve(key.size() + 8 + next.object.size());  // so that no copy of the secret is left
  append(bytes, key);
  append_u64(bytes, acknowledged());
  append(bytes, next.object);
  // Left unfinished it is written again, or wiped by the next start.
  const auto write = [&]() -> Status {
    const std::string name = file_of(number);
    const std::string unfinished = name + std::string(paths::temporary_suffix);
    auto file = disk_.open(unfinished);
    if (!file.ok()) return file.error();
    if ((*file)->size() > 0) REEVE_TRY((*file)->truncate(0));
    REEVE_TRY((*file)->append(bytes));
    REEVE_TRY((*file)->sync());
    REEVE_TRY(disk_.rename(unfinished, name));
    return disk_.sync_directory(paths::identity_directory);
  };
  auto written = write();
  clear(key);
  clear(bytes);
  return written;
}

}  // namespace reeve
