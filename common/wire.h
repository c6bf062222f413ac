// Messages between agent and controller, and between agent and courier (docs/formats.md, "Wire").
// Four bytes, "RV1" and the type, then a fixed layout or a signed object: nothing here is decoded
// as MessagePack before a signature has been checked by the receiver.
#pragma once

#include "common/batch.h"

namespace reeve {

enum class MessageType : std::uint8_t {
  // node to controller
  heartbeat = 0x01,   // signed object
  batch = 0x02,       // encode_batch()
  fetch = 0x03,       // FetchRequest
  succession = 0x04,  // signed object
  rekey = 0x05,       // signed object of type transport_key
  enroll = 0x06,      // signed object of type node_enrollment, at the enrollment endpoint only
  certificate_held = 0x07,  // u64 version of its certificate
  checkpoint_held = 0x08,   // u64 size of the newest checkpoint that it has accepted
  cosignature = 0x09,       // Cosignature
  // controller to node
  acknowledgement = 0x11,
  root = 0x12,      // signed object, the next in the chain
  manifest = 0x13,  // signed object
  chunk = 0x14,
  newest_succession = 0x15,  // signed object, or empty where the controller has none of this node
  rekeyed = 0x16,            // digest of the statement that is kept now
  certificate = 0x17,        // signed object: a later one, or the one that a host enrolled with
  act = 0x18,                // signed object, an operator's act
  witnesses = 0x19,          // signed object, the newest witness set
  recovery = 0x1a,           // signed object, a ledger recovery
  enroll_answer = 0x21,      // EnrollAnswer, at the enrollment endpoint only
  // between agent and courier only; never on a network
  configure = 0x81,
  link_state = 0x82,
  configure_enrollment = 0x83,  // as configure, for a courier that only enrolls
};

struct WireMessage {
  MessageType type;
  ByteView payload;
};

inline constexpr std::size_t wire_header_bytes = 4;

Bytes encode_message(MessageType type, ByteView payload);
// Errors: `malformed`, `unsupported_version`, `limit_exceeded`. Views into bytes.
Result<WireMessage> decode_message(ByteView bytes);

struct FetchRequest {
  Digest digest;
  std::uint32_t offset = 0;
  bool operator==(const FetchRequest&) const = default;
};

// A part of a bundle. Without bytes, and with total and offset 0: there is no such bundle.
struct Chunk {
  Digest digest;
  std::uint32_t offset = 0;
  std::uint32_t total = 0;
  Bytes bytes;
  bool operator==(const Chunk&) const = default;
};

// Sent only after the controller's commit, and no more than a claim until its proofs hold: the leaf
// is in the tree of `tree_size`, and the checkpoint of that tree has grown out of the one of
// `consistent_from`. Without a checkpoint the tree is that of the last one that was sent.
struct Acknowledgement {
  NodeId node;
  Epoch epoch;
  Stream stream{};
  std::uint64_t last = 0;  // sequence of the last record of the batch
  Digest header;           // digest of the batch's signed header
  // How many bytes of batches this node may have on their way from now on, or one batch whatever
  // its size; 0: one, and not before a pause.
  std::uint32_t credit_bytes = 0;
  std::uint64_t leaf_index = 0;  // of the signed header, or of what else is acknowledged
  std::uint64_t tree_size = 0;
  std::vector<Digest> inclusion;
  std::uint64_t consistent_from = 0;
  std::vector<Digest> consistency;
  Bytes checkpoint;  // C2SP signed note
  bool operator==(const Acknowledgement&) const = default;
};

// What a witness says of a checkpoint that the controller has shown it (witness.h).
struct Cosignature {
  std::uint64_t size = 0;   // of the checkpoint's tree
  std::int64_t time_s = 0;  // seconds since 1970, part of what is signed
  SignatureBytes signature{};
  Bytes key;  // signed object of type cosigner_key
  bool operator==(const Cosignature&) const = default;
};

// How the agent tells its courier whom to talk to.
struct CourierConfig {
  TransportKey controller_key;
  TransportKey node_key;
  Secret node_secret;
  std::string address;  // "tcp://HOST:PORT"
};

// Why a node is not enrolled, or not yet.
struct EnrollAnswer {
  enum class Verdict : std::uint8_t { pending = 0, refused = 1 };
  Verdict verdict{};
  Digest request;  // of the enrollment's signed object
  std::string name{};
  std::string detail{};
  std::string next{};
  bool operator==(const EnrollAnswer&) const = default;
};

Bytes encode_cosignature(const Cosignature& cosignature);
// The statement is at most limits::cosigner_key_bytes_max. Errors: `malformed`, `limit_exceeded`.
Result<Cosignature> decode_cosignature(ByteView payload);

Bytes encode_enroll_answer(const EnrollAnswer& answer);
Result<EnrollAnswer> decode_enroll_answer(ByteView payload);
Bytes encode_fetch(const FetchRequest& request);
Result<FetchRequest> decode_fetch(ByteView payload);
Bytes encode_chunk(const Chunk& chunk);
Result<Chunk> decode_chunk(ByteView payload);
Bytes encode_acknowledgement(const Acknowledgement& acknowledgement);
Result<Acknowledgement> decode_acknowledgement(ByteView payload);
Bytes encode_courier_config(const CourierConfig& config);
Result<CourierConfig> decode_courier_config(ByteView payload);

}  // namespace reeve
