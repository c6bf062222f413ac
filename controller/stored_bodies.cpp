#include "controller/stored_bodies.h"

#include "common/limits.h"

namespace reeve {
namespace {

Result<StoredRecord> read_one(ByteReader& reader) {
  const Salt salt = reader.take_fixed<Salt::size()>();
  const std::uint32_t size = reader.u32();
  if (size == 0) {
    StoredRecord redacted{std::nullopt, reader.take_fixed<Digest::size()>()};
    if (reader.ok() && salt == Salt{}) return redacted;
    return Error{"malformed", "bodies: a redacted record is cut short"};
  }
  const ByteView bytes = reader.take(size);
  if (!reader.ok() || size > limits::record_bytes_max)
    return Error{"malformed", "bodies: a record is cut short or too long"};
  return StoredRecord{SaltedRecord{salt, Bytes(bytes.begin(), bytes.end())},
                      record_leaf_hash(salt, bytes)};
}

}  // namespace

Result<std::vector<StoredRecord>> read_bodies(const BatchHeader& header, ByteView bodies) {
  std::vector<StoredRecord> records;
  if (bodies.empty()) return records;
  ByteReader reader(bodies);
  std::vector<Digest> hashes;
  for (std::uint64_t i = 0; i < header.count; ++i) {
    auto record = read_one(reader);
    if (!record.ok()) return record.error();
    hashes.push_back(record->hash);
    records.push_back(*std::move(record));
  }
  if (!reader.at_end()) return Error{"malformed", "bodies: more than the header says"};
  if (tree_root(hashes) == header.root) return records;
  return Error{"root_mismatch", "bodies: not those of the header"};
}

bool accounts_for_missing(ByteView record) {
  const auto decoded = decode_record(record);
  return decoded.ok() && decoded->type == "gap";
}

Bytes encode_bodies(const std::vector<StoredRecord>& records) {
  Bytes out;
  for (const StoredRecord& record : records) {
    append(out, record.body ? record.body->salt.view() : Salt{}.view());
    append_u32(out, record.body ? static_cast<std::uint32_t>(record.body->bytes.size()) : 0);
    append(out, record.body ? ByteView(record.body->bytes) : record.hash.view());
  }
  return out;
}

}  // namespace reeve
