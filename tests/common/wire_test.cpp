#include "common/wire.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

FetchRequest fetch() { return {sha256(view_of("bundle")), 120'000}; }
Chunk chunk() { return {sha256(view_of("bundle")), 4, 20, bytes_of("some bytes")}; }

Acknowledgement acknowledgement() {
  Acknowledgement out;
  out.node = sha256(view_of("node"));
  out.epoch.data.fill(7);
  out.stream = Stream::routine;
  out.last = 41;
  out.header = sha256(view_of("header"));
  out.leaf_index = 5;
  out.tree_size = 8;
  out.inclusion = {sha256(view_of("a")), sha256(view_of("b")), sha256(view_of("c"))};
  out.consistent_from = 3;
  out.consistency = {sha256(view_of("d"))};
  out.checkpoint = bytes_of("fleet\n8\nAAAA\n");
  return out;
}

Cosignature cosignature() {
  Cosignature out;
  out.size = 8;
  out.time_s = 1'700'000'000;
  out.signature.data.fill(0x65);
  out.key = bytes_of("a signed object");
  return out;
}

CourierConfig config() {
  CourierConfig out;
  out.controller_key.data.fill(1);
  out.node_key.data.fill(2);
  FixedBytes<32> secret;
  secret.data.fill(3);
  out.node_secret = Secret(secret);
  out.address = "tcp://controller.example:7801";
  return out;
}

struct Layout {
  std::string_view what;
  MessageType type;
  Bytes payload;
};

std::vector<Layout> layouts() {
  Acknowledgement plain;  // a claim without any proof
  plain.node = sha256(view_of("node"));
  return {
      {"fetch", MessageType::fetch, encode_fetch(fetch())},
      {"chunk", MessageType::chunk, encode_chunk(chunk())},
      {"acknowledgement", MessageType::acknowledgement, encode_acknowledgement(acknowledgement())},
      {"acknowledgement_plain", MessageType::acknowledgement, encode_acknowledgement(plain)},
      {"cosignature", MessageType::cosignature, encode_cosignature(cosignature())},
      {"configure", MessageType::configure, encode_courier_config(config())},
  };
}

TEST_CASE("messages carry their type and payload") {
  for (const Layout& one : layouts()) {
    Bytes message = encode_message(one.type, one.payload);
    auto decoded = decode_message(message);
    REQUIRE(decoded.ok());
    CHECK(decoded->type == one.type);
    CHECK(std::ranges::equal(decoded->payload, one.payload));
  }
}

TEST_CASE("payloads come back whole") {
  CHECK(*decode_fetch(encode_fetch(fetch())) == fetch());
  CHECK(*decode_chunk(encode_chunk(chunk())) == chunk());
  CHECK(*decode_acknowledgement(encode_acknowledgement(acknowledgement())) == acknowledgement());
  CHECK(*decode_cosignature(encode_cosignature(cosignature())) == cosignature());
  auto courier = decode_courier_config(encode_courier_config(config()));
  REQUIRE(courier.ok());
  CHECK(courier->controller_key == config().controller_key);
  CHECK(courier->node_key == config().node_key);
  CHECK(courier->node_secret.bytes() == config().node_secret.bytes());
  CHECK(courier->address == config().address);
}

TEST_CASE("a message's header is RV1 and a known type") {
  CHECK(hex(encode_message(MessageType::heartbeat, view_of("x"))) ==
        "52563101"
        "78");
  CHECK(decode_message({}).error().name == "malformed");
  CHECK(decode_message(view_of("RV1")).error().name == "malformed");
  CHECK(decode_message(view_of("XV1\x01")).error().name == "malformed");
  CHECK(decode_message(view_of("RV2\x01")).error().name == "unsupported_version");
  CHECK(decode_message(view_of("RV1\x7f")).error().name == "malformed");
  CHECK(decode_message(view_of("RV1\x01")).ok());
}

TEST_CASE("every code that is not a message's type is malformed") {
  std::size_t known = 0;
  for (unsigned code = 0; code < 256; ++code) {
    Bytes bytes = bytes_of("RV1");
    bytes.push_back(static_cast<std::uint8_t>(code));
    known += decode_message(bytes).ok() ? 1 : 0;
  }
  CHECK(known == 23);
}

TEST_CASE("a message larger than the limit is refused by name") {
  Bytes most(limits::message_bytes_max - wire_header_bytes);
  Bytes message = encode_message(MessageType::batch, most);
  CHECK(decode_message(message).ok());
  message.push_back(0);
  CHECK(decode_message(message).error().name == "limit_exceeded");
}

TEST_CASE("what a chunk claims about itself must fit") {
  auto refused = [](Chunk one) {
    auto decoded = decode_chunk(encode_chunk(one));
    return decoded.ok() ? std::string("accepted") : decoded.error().name;
  };
  Digest digest = sha256(view_of("bundle"));
  CHECK(refused({digest, 0, 3, bytes_of("all")}) == "accepted");
  CHECK(refused({digest, 0, 0, {}}) == "accepted");
  CHECK(refused({digest, 0, 2, bytes_of("all")}) == "malformed");
  CHECK(refused({digest, 1, 3, bytes_of("all")}) == "malformed");
  CHECK(refused({digest, 0xffff'ffff, 3, bytes_of("all")}) == "malformed");
  CHECK(refused({digest, 0, 3, {}}) == "malformed");
  CHECK(refused({digest, 3, 0, {}}) == "malformed");
  CHECK(refused({digest, 0, limits::bundle_bytes_max + 1, bytes_of("all")}) == "limit_exceeded");
  Bytes large = encode_chunk({digest, 0, limits::bundle_bytes_max, Bytes(limits::chunk_bytes_max)});
  CHECK(decode_chunk(large).ok());
  large.push_back(0);
  CHECK(decode_chunk(large).error().name == "limit_exceeded");
}

TEST_CASE("an acknowledgement's counts are bounded before anything is taken") {
  Acknowledgement one = acknowledgement();
  constexpr std::size_t stream_at = 32 + 16;
  constexpr std::size_t inclusion_at = stream_at + 1 + 8 + 32 + 4 + 8 + 8;
  Bytes bytes = encode_acknowledgement(one);
  Bytes bad_stream = bytes;
  bad_stream[stream_at] = 2;
  CHECK(decode_acknowledgement(bad_stream).error().name == "malformed");
  Bytes many = bytes;
  many[inclusion_at] = 0xff;
  CHECK(decode_acknowledgement(many).error().name == "limit_exceeded");
  one.inclusion.assign(limits::proof_hashes_max, Digest{});
  one.consistency.assign(limits::proof_hashes_max, Digest{});
  one.checkpoint.assign(limits::acknowledged_checkpoint_bytes_max, 'c');
  CHECK(*decode_acknowledgement(encode_acknowledgement(one)) == one);
  Bytes note = encode_acknowledgement(Acknowledgement{});
  note[note.size() - 2] = 0x7f;
  CHECK(decode_acknowledgement(note).error().name == "limit_exceeded");
}

TEST_CASE("a courier's configuration needs an address of bounded length") {
  CourierConfig one = config();
  one.address = "";
  CHECK(decode_courier_config(encode_courier_config(one)).error().name == "malformed");
  one.address = std::string(limits::address_bytes_max, 'a');
  Bytes bytes = encode_courier_config(one);
  CHECK(decode_courier_config(bytes).ok());
  bytes[96] = 0xff;
  CHECK(decode_courier_config(bytes).error().name == "limit_exceeded");
}

TEST_CASE("a cosignature has a time, and a key's statement of bounded length") {
  Cosignature one = cosignature();
  one.time_s = -1;
  CHECK(decode_cosignature(encode_cosignature(one)).error().name == "malformed");
  one = cosignature();
  one.key.clear();
  CHECK(decode_cosignature(encode_cosignature(one)).error().name == "malformed");
  one.key.resize(limits::cosigner_key_bytes_max);
  CHECK(decode_cosignature(encode_cosignature(one)).ok());
  one.key.push_back(0);
  CHECK(decode_cosignature(encode_cosignature(one)).error().name == "limit_exceeded");
}

// Whether a payload's decoder takes the bytes; what it took must encode to the same bytes.
bool taken(MessageType type, ByteView payload) {
  Bytes again;
  if (type == MessageType::fetch) {
    auto decoded = decode_fetch(payload);
    if (!decoded) return false;
    again = encode_fetch(*decoded);
  } else if (type == MessageType::chunk) {
    auto decoded = decode_chunk(payload);
    if (!decoded) return false;
    again = encode_chunk(*decoded);
  } else if (type == MessageType::acknowledgement) {
    auto decoded = decode_acknowledgement(payload);
    if (!decoded) return false;
    again = encode_acknowledgement(*decoded);
  } else if (type == MessageType::cosignature) {
    auto decoded = decode_cosignature(payload);
    if (!decoded) return false;
    again = encode_cosignature(*decoded);
  } else {
    auto decoded = decode_courier_config(payload);
    if (!decoded) return false;
    again = encode_courier_config(*decoded);
  }
  CHECK(std::ranges::equal(again, payload));
  return true;
}

TEST_CASE("damaged payloads are refused or are another payload, byte for byte") {
  for (const Layout& one : layouts()) {
    CAPTURE(one.what);
    CHECK(taken(one.type, one.payload));
    for_each_mutation(one.payload, [&](ByteView bytes) { taken(one.type, bytes); });
    Bytes longer = one.payload;
    longer.push_back(0);
    // Of these two the end is the message's: a digest, or a signature, tells.
    if (one.type == MessageType::chunk || one.type == MessageType::cosignature) continue;
    CHECK_FALSE(taken(one.type, longer));
    for_each_truncation(one.payload, [&](ByteView bytes) { CHECK_FALSE(taken(one.type, bytes)); });
  }
}

}  // namespace
}  // namespace reeve
