// Enrollment tokens (docs/formats.md, "Token"). A token is an operator's signed statement of who
// may enroll, and a one-time key whose public half the statement names. With the private half,
// which never travels but in the text that is handed to the new host, a node signs its own
// certificate: so whoever holds only online keys can enroll nobody. Values and checks; no I/O.
#pragma once

#include "common/trust.h"

namespace reeve {

// Which labels a node must have, and the values each may take; none: any value.
using LabelBounds = std::map<std::string, std::vector<std::string>>;

enum class Approval : std::uint8_t { none, by_operator };

struct Token {
  PublicKey key;       // the one-time key's public half
  FleetId fleet{};
  Digest root;         // of the payload of the root that a node begins with
  TransportKey controller;
  std::string enroll_address;  // "tcp://HOST:PORT"
  std::string nodes_address;
  std::string name;  // of the node; one '*' stands for any characters
  LabelBounds labels;
  std::int64_t created_s = 0;
  std::int64_t expires_s = 0;
  std::uint64_t uses = 1;
  Approval approval{};
  bool operator==(const Token&) const = default;

  KeyHash id() const { return key_hash(key); }
};

Bytes encode_token(const Token& token);
// Errors: `malformed`, `limit_exceeded`, `unknown_field`, `unsupported_version`.
Result<Token> decode_token(ByteView payload);
// Signed by one operator with the right `enroll`. Says nothing of expiry. Errors: those of
// decode_token(), `bad_signature`, `not_an_enroller`, `wrong_fleet`.
Result<Token> verify_token(ByteView object, const Root& root);

// The line that is handed over: the statement and the private half.
struct TokenText {
  Bytes object;  // the statement, a signed object
  SigningKey key;
  Token token;  // as the object says; not verified
};
std::string encode_token_text(ByteView object, const SigningKey& key);
// Blanks and line breaks in it are passed over. Error `token_damaged`.
Result<TokenText> decode_token_text(std::string_view text);

// Whether the token allows a node of this name and these labels. Errors: `name_not_allowed`,
// `label_not_allowed`, `label_missing`.
Status check_bounds(const Token& token, const std::string& name, const Labels& labels);

// A certificate that a node makes by itself: the token's statement and the certificate, signed by
// the one-time key and the record key (signed object of type node_enrollment).
Bytes seal_enrollment(const NodeCertificate& certificate, const TokenText& token,
                      const SigningKey& record_key);
// The same with one more signature, an operator's: what it then says needs no token. Errors: those
// of parse_signed_object().
Result<Bytes> countersign_enrollment(ByteView enrollment, const SigningKey& operator_key);
// The two halves of a parsed enrollment; nothing is verified. Error `malformed`.
struct EnrollmentParts {
  ByteView token;
  ByteView certificate;
};
Result<EnrollmentParts> split_enrollment(ByteView payload);

// What verify_certificate() does with such an object: an operator's signature over all of it is
// enough; else the token must hold, allow this name and these labels and ask for no approval, both
// keys must have signed, and the certificate is the node's first, made in the token's time. Errors:
// verify_token()'s, check_bounds()', `bad_signature`, `too_few_signatures`, `approval_needed`,
// `token_expired`, `wrong_fleet`, `node_id_mismatch`, `malformed`.
Result<NodeCertificate> verify_enrollment(ByteView object, const Root& root);

// A certificate as it is kept, of either form, without verifying it: for what was verified before.
Result<NodeCertificate> read_certificate(ByteView object);
// The token that such a certificate stands on alone; absent where an operator has signed it.
std::optional<Token> token_behind(ByteView certificate, const Root& root);

}  // namespace reeve
