// Messages and their payloads of fixed layout: there is one way to write each.
#include <algorithm>

#include "common/wire.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView bytes(data, size);
  auto same = [&](const Bytes& again) { REEVE_ASSERT(std::ranges::equal(again, bytes)); };
  if (auto message = decode_message(bytes)) same(encode_message(message->type, message->payload));
  if (auto fetch = decode_fetch(bytes)) same(encode_fetch(*fetch));
  if (auto chunk = decode_chunk(bytes)) same(encode_chunk(*chunk));
  if (auto ack = decode_acknowledgement(bytes)) same(encode_acknowledgement(*ack));
  if (auto one = decode_cosignature(bytes)) same(encode_cosignature(*one));
  if (auto config = decode_courier_config(bytes)) same(encode_courier_config(*config));
  return 0;
}
