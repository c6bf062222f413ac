// One fixed value of every format, each field different from its default, so that golden files and
// fuzzers begin from bytes in which every field shows. Keys come from fixed seeds and are no
// secret.
#pragma once

#include "common/batch.h"
#include "common/key_succession.h"
#include "common/record.h"
#include "common/trust.h"
#include "common/wire.h"

namespace reeve::samples {

template <std::size_t N>
FixedBytes<N> filled(std::uint8_t byte) {
  FixedBytes<N> out;
  out.data.fill(byte);
  return out;
}

SigningKey record_key();
Value value();  // every shape that MessagePack gives us
Bundle bundle();
Receipt receipt();
Bytes receipt_bytes();
Contention contention();
Bytes epoch_start_bytes();
Heartbeat heartbeat();
BatchHeader batch_header();
Batch batch();
KeySuccession succession();
Bytes succession_object();
Root root();
Manifest manifest();
NodeCertificate certificate();
Acknowledgement acknowledgement();
ControllerContact contact();

}  // namespace reeve::samples
