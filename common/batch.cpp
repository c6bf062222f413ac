#include "common/batch.h"

#include <fmt/format.h>

#include <limits>

#include "common/codec.h"
#include "common/limits.h"

namespace reeve {

namespace {

Error malformed_batch(std::string_view problem) {
  return Error{"malformed", fmt::format("batch: {}", problem)};
}

Error batch_limit(std::string_view problem) {
  return Error{"limit_exceeded", fmt::format("batch: {}", problem)};
}

Digest records_root(std::span<const SaltedRecord> records) {
  std::vector<Digest> leaves;
  leaves.reserve(records.size());
  for (const SaltedRecord& record : records) {
    leaves.push_back(record_leaf_hash(record.salt, record.bytes));
  }
  return tree_root(leaves);
}

struct Parts {
  ByteView header_object;
  SignedObject header;
  ByteView bodies;
};

// Nothing of the header's payload is decoded here.
Result<Parts> split(ByteView bytes) {
  if (bytes.size() > limits::batch_bytes_max) {
    return batch_limit(fmt::format("more than {} bytes", limits::batch_bytes_max));
  }
  auto size = signed_object_size(bytes);
  if (!size) return size.error();
  auto header = parse_signed_object(bytes.first(*size), ObjectType::batch_header);
  if (!header) return header.error();
  if (header->payload.size() > limits::batch_header_bytes_max) {
    return batch_limit(fmt::format("a header above {} bytes", limits::batch_header_bytes_max));
  }
  if (header->signatures.size() != 1) return malformed_batch("not signed exactly once");
  return Parts{bytes.first(*size), std::move(*header), bytes.subspan(*size)};
}

// `count` is the header's, at most batch_records_max.
Result<std::vector<SaltedRecord>> read_bodies(ByteView bodies, std::uint64_t count) {
  ByteReader reader(bodies);
  std::vector<SaltedRecord> records;
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    SaltedRecord record{reader.take_fixed<Salt::size()>(), {}};
    std::size_t size = reader.u32();
    if (size > limits::record_bytes_max) return batch_limit("a record is too long");
    ByteView bytes = reader.take(size);
    record.bytes.assign(bytes.begin(), bytes.end());
    records.push_back(std::move(record));
  }
  if (!reader.ok()) return malformed_batch("is cut short");
  if (!reader.at_end()) return malformed_batch("has trailing bytes");
  return records;
}

Result<Batch> read_parts(const Parts& parts) {
  auto header = decode_batch_header(parts.header.payload);
  if (!header) return header.error();
  if (header->key != parts.header.signatures.front().key) {
    return Error{"bad_signature", "batch: its header names another key than the one that signed"};
  }
  auto records = read_bodies(parts.bodies, header->count);
  if (!records) return records.error();
  if (records_root(*records) != header->root) {
    return Error{"root_mismatch", "batch: its records do not hash to the root in its header"};
  }
  return Batch{
      {parts.header_object.begin(), parts.header_object.end()}, *header, std::move(*records)};
}

}  // namespace

Bytes encode_batch_header(const BatchHeader& header) {
  return encode(Value::Map{{"node", header.node},
                           {"epoch", header.epoch},
                           {"stream", name_of(header.stream)},
                           {"first", header.first},
                           {"count", header.count},
                           {"prev", header.previous},
                           {"root", header.root},
                           {"key", header.key}});
}

Result<BatchHeader> decode_batch_header(ByteView payload) {
  if (payload.size() > limits::batch_header_bytes_max) return batch_limit("its header is too long");
  auto value = decode(payload);
  if (!value) return value.error();
  Fields fields(*value, "batch header");
  BatchHeader header;
  header.node = fields.bytes<32>("node");
  header.epoch = fields.bytes<16>("epoch");
  auto stream = stream_named(fields.text("stream"));
  if (!stream) fields.fail("stream", "is none of its choices");
  header.stream = stream.value_or(Stream::urgent);
  header.first = fields.natural("first");
  header.count = fields.natural("count");
  header.previous = fields.bytes<32>("prev");
  header.root = fields.bytes<32>("root");
  header.key = fields.bytes<32>("key");
  if (header.count == 0) fields.fail("count", "is zero");
  if (header.first > std::numeric_limits<std::uint64_t>::max() - header.count) {
    fields.fail("first", "leaves no room for the count");
  }
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (header.count > limits::batch_records_max) {
    return batch_limit(fmt::format("more than {} records", limits::batch_records_max));
  }
  return header;
}

Batch seal_batch(BatchHeader header, std::vector<SaltedRecord> records, const SigningKey& key) {
  REEVE_ASSERT(!records.empty() && records.size() <= limits::batch_records_max);
  header.count = records.size();
  header.root = records_root(records);
  header.key = key.hash();
  Bytes object = seal_object(ObjectType::batch_header, encode_batch_header(header), key);
  return Batch{std::move(object), header, std::move(records)};
}

Bytes encode_batch(const Batch& batch) {
  Bytes out = batch.header_object;
  for (const SaltedRecord& record : batch.records) {
    REEVE_ASSERT(record.bytes.size() <= limits::record_bytes_max);
    append(out, record.salt.view());
    append_u32(out, static_cast<std::uint32_t>(record.bytes.size()));
    append(out, record.bytes);
  }
  REEVE_ASSERT(out.size() <= limits::batch_bytes_max);
  return out;
}

Result<Batch> open_batch(ByteView bytes, const PublicKey& key) {
  auto parts = split(bytes);
  if (!parts) return parts.error();
  auto signatures = count_signatures(parts->header, std::span(&key, 1));
  if (!signatures) return signatures.error();
  if (*signatures != 1) return Error{"bad_signature", "batch: signed by another key"};
  return read_parts(*parts);
}

Result<Batch> read_own_batch(ByteView bytes) {
  auto parts = split(bytes);
  if (!parts) return parts.error();
  return read_parts(*parts);
}

}  // namespace reeve
