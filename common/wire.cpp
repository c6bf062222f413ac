// A message is "RV" '1', u8 type, payload. Payloads of fixed layout, big-endian:
// fetch: digest 32, u32 offset. chunk: digest 32, u32 offset, u32 total, then the bytes.
// acknowledgement: node 32, epoch 16, u8 stream, u64 last, header 32, u64 leaf index, u64 tree
// size, u16 count and as many hashes, u64 consistent from, u16 count and as many hashes, u32 length
// and the checkpoint. cosignature: u64 size, u64 time, signature 64, then the cosigner key's signed
// object. enroll answer: u8 verdict, request 32, then three texts, each u16 length and
// bytes: name, detail, next. configure: controller key 32, node key 32, node secret 32, u16 length
// and address.
#include "common/wire.h"

#include <algorithm>

#include "common/limits.h"

namespace reeve {

namespace {

constexpr std::string_view wire_magic = "RV";
constexpr std::uint8_t wire_version = '1';

constexpr std::array message_types{
    MessageType::heartbeat,
    MessageType::batch,
    MessageType::fetch,
    MessageType::succession,
    MessageType::rekey,
    MessageType::enroll,
    MessageType::certificate_held,
    MessageType::checkpoint_held,
    MessageType::acknowledgement,
    MessageType::root,
    MessageType::manifest,
    MessageType::chunk,
    MessageType::newest_succession,
    MessageType::rekeyed,
    MessageType::certificate,
    MessageType::enroll_answer,
    MessageType::configure,
    MessageType::link_state,
    MessageType::configure_enrollment,
    MessageType::act,
    MessageType::cosignature,
    MessageType::witnesses,
    MessageType::recovery,
};

Error malformed_message(std::string_view problem) {
  return Error{"malformed", "message: " + std::string(problem)};
}

Error over_limit(std::string_view problem) {
  return Error{"limit_exceeded", "message: " + std::string(problem)};
}

void append_hashes(Bytes& out, const std::vector<Digest>& hashes) {
  REEVE_ASSERT(hashes.size() <= limits::proof_hashes_max);
  append_u16(out, static_cast<std::uint16_t>(hashes.size()));
  for (const Digest& hash : hashes) append(out, hash.view());
}

Result<std::vector<Digest>> take_hashes(ByteReader& reader) {
  std::size_t count = reader.u16();
  if (count > limits::proof_hashes_max) return over_limit("a proof has too many hashes");
  std::vector<Digest> hashes;
  for (std::size_t i = 0; i < count; ++i) hashes.push_back(reader.take_fixed<32>());
  return hashes;
}

void append_text(Bytes& out, std::string_view text) {
  append_u16(out, static_cast<std::uint16_t>(text.size()));
  append(out, view_of(text));
}

Bytes owned(ByteView bytes) { return Bytes(bytes.begin(), bytes.end()); }

}  // namespace

Bytes encode_message(MessageType type, ByteView payload) {
  REEVE_ASSERT(payload.size() <= limits::message_bytes_max - wire_header_bytes);
  Bytes out = bytes_of(wire_magic);
  out.reserve(wire_header_bytes + payload.size());
  out.push_back(wire_version);
  out.push_back(static_cast<std::uint8_t>(type));
  append(out, payload);
  return out;
}

Result<WireMessage> decode_message(ByteView bytes) {
  if (bytes.size() > limits::message_bytes_max) return over_limit("is too large");
  ByteReader reader(bytes);
  if (text_of(reader.take(wire_magic.size())) != wire_magic) {
    return malformed_message("does not begin with RV");
  }
  std::uint8_t version = reader.u8();
  std::uint8_t code = reader.u8();
  if (!reader.ok()) return malformed_message("is cut short");
  if (version != wire_version) {
    return Error{"unsupported_version", "message: its version is not known to this Reeve"};
  }
  auto type = std::ranges::find_if(
      message_types, [&](MessageType known) { return static_cast<std::uint8_t>(known) == code; });
  if (type == message_types.end()) return malformed_message("is of an unknown type");
  return WireMessage{*type, reader.rest()};
}

Bytes encode_fetch(const FetchRequest& request) {
  Bytes out;
  append(out, request.digest.view());
  append_u32(out, request.offset);
  return out;
}

Result<FetchRequest> decode_fetch(ByteView payload) {
  ByteReader reader(payload);
  FetchRequest request;
  request.digest = reader.take_fixed<32>();
  request.offset = reader.u32();
  if (!reader.ok() || !reader.at_end()) return malformed_message("a fetch has the wrong length");
  return request;
}

Bytes encode_chunk(const Chunk& chunk) {
  REEVE_ASSERT(chunk.bytes.size() <= limits::chunk_bytes_max);
  Bytes out;
  append(out, chunk.digest.view());
  append_u32(out, chunk.offset);
  append_u32(out, chunk.total);
  append(out, chunk.bytes);
  return out;
}

Result<Chunk> decode_chunk(ByteView payload) {
  ByteReader reader(payload);
  Chunk chunk;
  chunk.digest = reader.take_fixed<32>();
  chunk.offset = reader.u32();
  chunk.total = reader.u32();
  if (!reader.ok()) return malformed_message("a chunk is cut short");
  if (reader.rest().size() > limits::chunk_bytes_max) return over_limit("a chunk is too large");
  if (chunk.total > limits::bundle_bytes_max) return over_limit("a bundle is too large");
  chunk.bytes = owned(reader.rest());
  // Only the answer "I have no such bundle" is without bytes: else a receiver could ask for ever.
  if (chunk.bytes.empty() && (chunk.total != 0 || chunk.offset != 0)) {
    return malformed_message("a chunk has no bytes");
  }
  if (std::uint64_t{chunk.offset} + chunk.bytes.size() > chunk.total) {
    return malformed_message("a chunk reaches beyond its bundle");
  }
  return chunk;
}

Bytes encode_acknowledgement(const Acknowledgement& acknowledgement) {
  REEVE_ASSERT(acknowledgement.checkpoint.size() <= limits::acknowledged_checkpoint_bytes_max);
  Bytes out;
  append(out, acknowledgement.node.view());
  append(out, acknowledgement.epoch.view());
  out.push_back(static_cast<std::uint8_t>(acknowledgement.stream));
  append_u64(out, acknowledgement.last);
  append(out, acknowledgement.header.view());
  append_u32(out, acknowledgement.credit_bytes);
  append_u64(out, acknowledgement.leaf_index);
  append_u64(out, acknowledgement.tree_size);
  append_hashes(out, acknowledgement.inclusion);
  append_u64(out, acknowledgement.consistent_from);
  append_hashes(out, acknowledgement.consistency);
  append_u32(out, static_cast<std::uint32_t>(acknowledgement.checkpoint.size()));
  append(out, acknowledgement.checkpoint);
  return out;
}

Result<Acknowledgement> decode_acknowledgement(ByteView payload) {
  ByteReader reader(payload);
  Acknowledgement out;
  out.node = reader.take_fixed<32>();
  out.epoch = reader.take_fixed<16>();
  std::uint8_t stream = reader.u8();
  if (stream > static_cast<std::uint8_t>(Stream::routine)) {
    return malformed_message("an acknowledgement names an unknown stream");
  }
  out.stream = static_cast<Stream>(stream);
  out.last = reader.u64();
  out.header = reader.take_fixed<32>();
  out.credit_bytes = reader.u32();
  out.leaf_index = reader.u64();
  out.tree_size = reader.u64();
  auto inclusion = take_hashes(reader);
  if (!inclusion) return inclusion.error();
  out.inclusion = std::move(*inclusion);
  out.consistent_from = reader.u64();
  auto consistency = take_hashes(reader);
  if (!consistency) return consistency.error();
  out.consistency = std::move(*consistency);
  std::size_t checkpoint_bytes = reader.u32();
  if (checkpoint_bytes > limits::acknowledged_checkpoint_bytes_max)
    return over_limit("a checkpoint is too large");
  out.checkpoint = owned(reader.take(checkpoint_bytes));
  if (!reader.ok() || !reader.at_end()) {
    return malformed_message("an acknowledgement has the wrong length");
  }
  return out;
}

Bytes encode_cosignature(const Cosignature& cosignature) {
  Bytes out;
  append_u64(out, cosignature.size);
  append_u64(out, static_cast<std::uint64_t>(cosignature.time_s));
  append(out, cosignature.signature.view());
  append(out, cosignature.key);
  return out;
}

Result<Cosignature> decode_cosignature(ByteView payload) {
  ByteReader reader(payload);
  Cosignature out;
  out.size = reader.u64();
  out.time_s = static_cast<std::int64_t>(reader.u64());
  out.signature = reader.take_fixed<SignatureBytes::size()>();
  if (!reader.ok() || reader.rest().empty()) return malformed_message("a cosignature is cut short");
  if (out.time_s < 0) return malformed_message("a cosignature is of no time");
  if (reader.rest().size() > limits::cosigner_key_bytes_max)
    return over_limit("a cosigner's key is too large");
  out.key = owned(reader.rest());
  return out;
}

Bytes encode_enroll_answer(const EnrollAnswer& answer) {
  Bytes out;
  out.push_back(static_cast<std::uint8_t>(answer.verdict));
  append(out, answer.request.view());
  for (const auto* text : {&answer.name, &answer.detail, &answer.next}) {
    append_text(out, std::string_view(*text).substr(0, limits::text_bytes_max));
  }
  return out;
}

Result<EnrollAnswer> decode_enroll_answer(ByteView payload) {
  ByteReader reader(payload);
  EnrollAnswer out;
  const std::uint8_t verdict = reader.u8();
  if (verdict > static_cast<std::uint8_t>(EnrollAnswer::Verdict::refused)) {
    return malformed_message("an answer has an unknown verdict");
  }
  out.verdict = static_cast<EnrollAnswer::Verdict>(verdict);
  out.request = reader.take_fixed<32>();
  for (auto* text : {&out.name, &out.detail, &out.next}) {
    const std::size_t bytes = reader.u16();
    if (bytes > limits::text_bytes_max) return over_limit("an answer's text is too long");
    *text = std::string(text_of(reader.take(bytes)));
  }
  if (!reader.ok() || !reader.at_end()) return malformed_message("an answer has the wrong length");
  return out;
}

Bytes encode_courier_config(const CourierConfig& config) {
  REEVE_ASSERT(config.address.size() <= limits::address_bytes_max);
  Bytes out;
  append(out, config.controller_key.view());
  append(out, config.node_key.view());
  append(out, config.node_secret.bytes().view());
  append_u16(out, static_cast<std::uint16_t>(config.address.size()));
  append(out, view_of(config.address));
  return out;
}

Result<CourierConfig> decode_courier_config(ByteView payload) {
  ByteReader reader(payload);
  CourierConfig config;
  config.controller_key = reader.take_fixed<32>();
  config.node_key = reader.take_fixed<32>();
  config.node_secret = Secret(reader.take_fixed<32>());
  std::size_t address_bytes = reader.u16();
  if (address_bytes > limits::address_bytes_max) return over_limit("an address is too long");
  config.address = std::string(text_of(reader.take(address_bytes)));
  if (!reader.ok() || !reader.at_end() || config.address.empty()) {
    return malformed_message("a courier's configuration has the wrong length");
  }
  return config;
}

}  // namespace reeve
