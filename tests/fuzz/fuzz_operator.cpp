// What operators and controllers say to each other, and how records are named.
#include "controller/operator_protocol.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  if (auto request = decode_operator_request(bytes); request.ok()) {
    auto back = decode_operator_request(encode_operator_request(*request));
    REEVE_ASSERT(back.ok() && back->arguments == request->arguments &&
                 back->operation == request->operation && back->id == request->id);
  }
  if (auto reply = decode_operator_reply(bytes); reply.ok()) {
    auto back = decode_operator_reply(encode_operator_reply(*reply));
    REEVE_ASSERT(back.ok() && back->items == reply->items && back->more == reply->more);
  }
  if (auto name = parse_record_name(text_of(bytes))) {
    REEVE_ASSERT(is_valid_id(name->node) && name->epoch_prefix.size() <= 2 * Epoch::size());
  }
  return 0;
}
