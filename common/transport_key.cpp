// Transport key payload, a map: "format" 1, "node" (32 bytes), "tkey" (X25519), "version", "made"
// (seconds since 1970). Unknown fields are ignored.
#include "common/transport_key.h"

#include "common/trust_fields.h"

namespace reeve {

using namespace trust_fields;

namespace {

constexpr std::string_view what = "transport key";

Result<TransportStatement> decode_statement(ByteView payload) {
  auto value = decode_payload(payload, what);
  if (!value) return value.error();
  Fields fields(*value, what);
  TransportStatement statement;
  statement.node = fields.bytes<32>("node");
  statement.key = fields.bytes<32>("tkey");
  statement.version = fields.natural("version");
  statement.made_s = fields.integer("made");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  if (statement.version == 0) return malformed(what, "version 0 does not exist");
  return statement;
}

}  // namespace

Bytes encode_transport_statement(const TransportStatement& statement) {
  return encode(Value::Map{{"format", format},
                           {"node", statement.node},
                           {"tkey", statement.key},
                           {"version", statement.version},
                           {"made", statement.made_s}});
}

Result<TransportStatement> verify_transport_statement(ByteView object, const NodeId& node,
                                                      const PublicKey& record_key) {
  auto opened = open_object(object, ObjectType::transport_key);
  if (!opened) return opened.error();
  REEVE_TRY(require_signatures(*opened, {&record_key, 1}, 1));
  auto statement = decode_statement(opened->payload);
  if (statement && statement->node != node) {
    return Error{"wrong_node", "transport key: the statement is another node's"};
  }
  return statement;
}

Result<TransportStatement> read_transport_statement(ByteView object) {
  auto opened = open_object(object, ObjectType::transport_key);
  if (!opened) return opened.error();
  return decode_statement(opened->payload);
}

}  // namespace reeve
