// A node's statement of the transport key that it uses from now on, signed by its record key
// (docs/formats.md, "Transport key"). No operator signs it: whoever has the record key can speak
// for the node already, and a transport key lets its owner do no more than reach the controller.
#pragma once

#include "common/signed_object.h"

namespace reeve {

struct TransportStatement {
  NodeId node;
  TransportKey key;
  std::uint64_t version = 1;  // only grows
  std::int64_t made_s = 0;
  bool operator==(const TransportStatement&) const = default;
};

Bytes encode_transport_statement(const TransportStatement& statement);
// Signed by the record key, for that node. Errors: those of parse_signed_object(), `bad_signature`,
// `too_few_signatures`, `malformed`, `wrong_node`.
Result<TransportStatement> verify_transport_statement(ByteView object, const NodeId& node,
                                                      const PublicKey& record_key);
// One that was verified before it was stored.
Result<TransportStatement> read_transport_statement(ByteView object);

}  // namespace reeve
