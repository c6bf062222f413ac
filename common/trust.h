// The Update Framework's model in Reeve's terms (docs/architecture.md section 4): root metadata,
// manifest and node certificate, each the payload of a signed object. Values, their encodings and
// the checks that decide whether they may displace what is trusted now. No I/O.
#pragma once

#include <map>

#include "common/policy.h"
#include "common/signed_object.h"

namespace reeve {

// Sixteen random bytes that `reeve init` gives a fleet for ever. Whatever is signed for one fleet
// names it, so that one person's key in two fleets lets nothing of the one pass in the other.
using FleetId = FixedBytes<16>;

struct Role {
  std::vector<PublicKey> keys;
  std::uint32_t threshold = 1;
  bool operator==(const Role&) const = default;
};

enum class Right : std::uint8_t { view, operate, publish, enroll, administer };
std::string_view name_of(Right right);
std::optional<Right> right_named(std::string_view name);

struct Operator {
  std::string name;
  PublicKey key;
  TransportKey transport_key;
  std::vector<Right> rights;
  bool operator==(const Operator&) const = default;
};

struct Root {
  std::uint64_t version = 1;
  std::int64_t expires_s = 0;  // seconds since 1970
  std::string origin;          // the fleet's name and its ledger's origin line
  Role root;
  Role policy;
  Role ledger;
  std::vector<Operator> operators;
  FleetId fleet{};
  bool operator==(const Root&) const = default;

  const Operator* operator_with(const KeyHash& key) const;
  const Operator* operator_with_transport(const TransportKey& key) const;
};
bool has_right(const Operator& who, Right right);

// Alternatives; each maps a label to allowed values, all of which must match. None: every node.
using Labels = std::map<std::string, std::string>;
using Selector = std::vector<std::map<std::string, std::vector<std::string>>>;
bool selects(const Selector& selector, const Labels& labels);

inline constexpr std::uint32_t share_whole = 10'000;
inline constexpr std::uint32_t share_by_time_max = 1'000;  // a later stage may open no more

struct Stage {
  std::uint32_t share = share_whole;  // ten-thousandths of the nodes
  std::int64_t not_before_s = 0;      // seconds since 1970
  bool operator==(const Stage&) const = default;
};

struct ManifestBundle {
  std::string policy;
  Digest digest;
  std::uint64_t size = 0;
  std::uint64_t rules = 0;
  Selector selector;
  std::vector<Stage> stages;  // empty: every node at once
  bool operator==(const ManifestBundle&) const = default;
};

struct Manifest {
  std::uint64_t version = 1;
  std::int64_t created_s = 0;
  std::int64_t expires_s = 0;
  std::string source_revision;
  std::vector<ManifestBundle> bundles;
  FleetId fleet{};
  bool operator==(const Manifest&) const = default;
};

// The first 8 bytes of SHA-256(manifest digest, node id), big-endian, modulo 10,000.
std::uint32_t stage_position(const Digest& manifest, const NodeId& node);
bool stage_open(const ManifestBundle& bundle, const Digest& manifest, const NodeId& node,
                std::int64_t now_s);

struct NodeCertificate {
  NodeId node;
  std::string name;
  Labels labels;
  PublicKey record_key;
  TransportKey transport_key;
  std::uint64_t version = 1;
  std::int64_t issued_s = 0;
  FleetId fleet{};
  bool operator==(const NodeCertificate&) const = default;
};

Bytes encode_root(const Root& root);
Bytes encode_manifest(const Manifest& manifest);
Bytes encode_certificate(const NodeCertificate& certificate);

// Unknown fields are refused in root and manifest, kept out of the way in certificates.
// Errors: `malformed`, `limit_exceeded`, `unknown_field`, `unsupported_version`; of a manifest also
// `promotion_needed`: a stage above share_by_time_max that opens after the manifest was made.
Result<Root> decode_root(ByteView payload);
Result<Manifest> decode_manifest(ByteView payload);
Result<NodeCertificate> decode_certificate(ByteView payload);

// A root pinned at enrollment or shipped by an operator: holds its own threshold of signatures.
Result<Root> verify_first_root(ByteView object);
// The next root: version exactly one more, signed by the old threshold and its own (TUF 5.3).
// Errors: `bad_signature`, `too_few_signatures`, `wrong_fleet`, `root_rollback`, `root_gap`,
// decode_root()'s; expiry is not judged: agents chain through expired intermediates.
Result<Root> verify_next_root(ByteView object, const Root& trusted);

struct VerifiedManifest {
  Manifest manifest;
  // SHA-256 of the payload: signatures that a controller adds or leaves out cannot change it, and
  // with it who comes first in a stage.
  Digest digest;
  std::vector<KeyHash> signers;
};
// Signatures first, then shape, then the fleet, then version > version_min - 1, then expiry against
// now_s, then the root's own expiry. Errors: `wrong_type`, `malformed`, `bad_signature`,
// `too_few_signatures`, `wrong_fleet`, `manifest_rollback`, `manifest_expired`, `root_expired`,
// `promotion_needed`, `unknown_field`, `limit_exceeded`.
Result<VerifiedManifest> verify_manifest(ByteView object, const Root& root,
                                         std::uint64_t version_min, std::int64_t now_s);
// For what an agent has in its own store already: expiry is not judged, it only makes it stale.
Result<VerifiedManifest> verify_stored_manifest(ByteView object, const Root& root);

// Signed by one operator with the right `enroll`, or by the node itself under a token of such an
// operator (token.h); node must be the hash of the first record key when version is 1. Errors:
// `bad_signature`, `not_an_enroller`, `malformed`, `wrong_fleet`, `node_id_mismatch`,
// verify_enrollment()'s.
Result<NodeCertificate> verify_certificate(ByteView object, const Root& root);

// The controller's address and key as operators and agents keep it (text file, docs/formats.md).
struct ControllerContact {
  std::string nodes_address;      // "tcp://HOST:PORT"
  std::string operators_address;  // "tcp://HOST:PORT"; empty on a node that enrolled by token
  TransportKey key;
  std::string enroll_address{};  // empty where the fleet takes no tokens
  bool operator==(const ControllerContact&) const = default;
};
// "tcp://HOST:PORT" with a name, an IPv4 number, or an IPv6 number in brackets.
bool is_contact_address(std::string_view text);
std::string encode_contact(const ControllerContact& contact);
// Error `malformed`.
Result<ControllerContact> decode_contact(std::string_view text);

}  // namespace reeve
