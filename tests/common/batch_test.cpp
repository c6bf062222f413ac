#include "common/batch.h"

#include <doctest/doctest.h>

#include "common/codec.h"
#include "common/limits.h"
#include "tests/common/samples.h"

using namespace reeve;

namespace {

std::string refusal(ByteView bytes) {
  auto batch = open_batch(bytes, samples::record_key().public_key());
  return batch.ok() ? "" : batch.error().name;
}

// A batch whose header says what the test wants, over whatever bodies.
Bytes signed_with(const Bytes& payload, ByteView bodies) {
  Bytes out = seal_object(ObjectType::batch_header, payload, samples::record_key());
  append(out, bodies);
  return out;
}

ByteView bodies_of(ByteView batch) { return batch.subspan(*signed_object_size(batch)); }

Value::Map header_map() { return *decode(encode_batch_header(samples::batch().header))->map(); }

Bytes header_with(std::string_view key, Value value) {
  Value::Map map = header_map();
  for (auto& [name, entry] : map) {
    if (name == key) entry = value;
  }
  return encode(Value(std::move(map)));
}

}  // namespace

TEST_CASE("a sealed batch is opened with its records, header and identity") {
  Batch sealed = samples::batch();
  auto opened = open_batch(encode_batch(sealed), samples::record_key().public_key());
  REQUIRE(opened.ok());
  CHECK(opened->header == sealed.header);
  CHECK(opened->records == sealed.records);
  CHECK(opened->header_object == sealed.header_object);
  CHECK(opened->header_digest() == sealed.header_digest());
  CHECK(opened->header.count == 3);
  CHECK(opened->header.key == samples::record_key().hash());
}

TEST_CASE("any one record of a batch can be proven without its neighbours") {
  Batch batch = samples::batch();
  std::vector<Digest> leaves;
  for (const auto& record : batch.records) {
    leaves.push_back(record_leaf_hash(record.salt, record.bytes));
  }
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    auto path = inclusion_path(leaves, i);
    CHECK(inclusion_holds(leaves[i], i, leaves.size(), path, batch.header.root));
  }
}

TEST_CASE("a batch under another key, or with another key in its header, is refused") {
  Bytes bytes = encode_batch(samples::batch());
  auto other = SigningKey::from_seed(samples::filled<32>(77));
  CHECK(!open_batch(bytes, other.public_key()).ok());
  Bytes foreign =
      seal_object(ObjectType::batch_header, encode_batch_header(samples::batch().header), other);
  append(foreign, bodies_of(bytes));
  auto opened = open_batch(foreign, other.public_key());
  REQUIRE(!opened.ok());
  CHECK(opened.error().name == "bad_signature");
}

TEST_CASE("a batch with two signatures is refused") {
  SigningKey key = samples::record_key();
  SigningKey other = SigningKey::from_seed(samples::filled<32>(77));
  std::array<const SigningKey*, 2> keys{&key, &other};
  Bytes twice =
      seal_object(ObjectType::batch_header, encode_batch_header(samples::batch().header), keys);
  append(twice, bodies_of(encode_batch(samples::batch())));
  CHECK(refusal(twice) == "malformed");
}

TEST_CASE("every single flipped bit of a batch is refused") {
  Bytes bytes = encode_batch(samples::batch());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CAPTURE(bit);
    CHECK(refusal(flipped) != "");
  }
}

TEST_CASE("another salt, another record and records in another order do not match the root") {
  Batch batch = samples::batch();
  Batch other = batch;
  other.records[0].salt.data[0] ^= 1;
  CHECK(refusal(encode_batch(other)) == "root_mismatch");
  other = batch;
  other.records[1].bytes.push_back(0);
  CHECK(refusal(encode_batch(other)) == "root_mismatch");
  other = batch;
  std::swap(other.records[0], other.records[1]);
  CHECK(refusal(encode_batch(other)) == "root_mismatch");
}

TEST_CASE("a missing record and a record too many are malformed") {
  Batch batch = samples::batch();
  batch.records.push_back({});
  CHECK(refusal(encode_batch(batch)) == "malformed");
  batch.records.resize(2);
  CHECK(refusal(encode_batch(batch)) == "malformed");
}

TEST_CASE("a header of another type, without a known stream or with a count of none is refused") {
  Bytes bytes = encode_batch(samples::batch());
  ByteView bodies = bodies_of(bytes);
  Bytes wrong = seal_object(ObjectType::heartbeat, header_with("", Value()), samples::record_key());
  append(wrong, bodies);
  CHECK(refusal(wrong) == "wrong_type");
  CHECK(refusal(signed_with(header_with("", Value()), bodies)) == "");
  CHECK(refusal(signed_with(header_with("stream", "slow"), bodies)) == "malformed");
  CHECK(refusal(signed_with(header_with("count", 0), bodies)) == "malformed");
  CHECK(refusal(signed_with(header_with("count", 1'001), bodies)) == "limit_exceeded");
  CHECK(refusal(signed_with(header_with("first", ~std::uint64_t{0}), bodies)) == "malformed");
  CHECK(refusal(signed_with(header_with("node", Bytes(31)), bodies)) == "malformed");
  CHECK(refusal(signed_with(bytes_of("no map"), bodies)) == "malformed");
}

TEST_CASE("the signature is judged before anything of the header is decoded") {
  Bytes payload = bytes_of("no map");
  auto other = SigningKey::from_seed(samples::filled<32>(77));
  Bytes bytes = seal_object(ObjectType::batch_header, payload, other);
  CHECK(refusal(bytes) == "bad_signature");
}

TEST_CASE("unknown fields of a header are kept in its bytes and ignored") {
  Value::Map map = header_map();
  map.emplace_back("tomorrow", 1);
  Bytes bodies = encode_batch(samples::batch());
  CHECK(refusal(signed_with(encode(Value(std::move(map))), bodies_of(bodies))) == "");
}

TEST_CASE(
    "headers beyond 1 KiB, records beyond their bound and batches beyond theirs are refused") {
  Value::Map map = header_map();
  map.emplace_back("pad", std::string(1'024, 'a'));
  Bytes bytes = encode_batch(samples::batch());
  CHECK(refusal(signed_with(encode(Value(map)), bodies_of(bytes))) == "limit_exceeded");
  CHECK(decode_batch_header(encode(Value(map))).error().name == "limit_exceeded");
  Bytes body(Salt::size());
  append_u32(body, static_cast<std::uint32_t>(limits::record_bytes_max + 1));
  body.resize(body.size() + limits::record_bytes_max + 1);
  CHECK(refusal(signed_with(header_with("count", 1), body)) == "limit_exceeded");
  bytes.resize(limits::batch_bytes_max + 1);
  CHECK(refusal(bytes) == "limit_exceeded");
}

TEST_CASE("the largest header of this version stays far below 1 KiB") {
  BatchHeader header = samples::batch_header();
  header.first = ~std::uint64_t{0} - limits::batch_records_max;
  header.count = limits::batch_records_max;
  CHECK(encode_batch_header(header).size() < 512);
  CHECK(decode_batch_header(encode_batch_header(header)).ok());
}

TEST_CASE("a batch of our own journal is read without a key, and its root is still checked") {
  Bytes bytes = encode_batch(samples::batch());
  auto own = read_own_batch(bytes);
  REQUIRE(own.ok());
  CHECK(own->records == samples::batch().records);
  Batch other = samples::batch();
  other.records[0].salt.data[0] ^= 1;
  auto damaged = read_own_batch(encode_batch(other));
  REQUIRE(!damaged.ok());
  CHECK(damaged.error().name == "root_mismatch");
}
