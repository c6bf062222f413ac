// Every format against its golden file: what this version writes, byte for byte, and what it must
// read for ever. REEVE_GOLDEN_WRITE=1 in the environment writes the files instead.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>

#include "tests/common/samples.h"

using namespace reeve;

namespace {

struct Golden {
  std::string file;
  Bytes bytes;
  std::function<bool(ByteView)> reads;  // whether the bytes are accepted
  bool refuses_cuts = true;             // a chunk's end is the message's: its digest tells
};

std::string path_of(const Golden& golden) {
  return std::string(REEVE_GOLDEN_DIR) + "/" + golden.file;
}

Bytes read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(in), {});
}

void write_file(const std::string& path, ByteView bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text_of(bytes);
}

bool reads_receipt(ByteView bytes) {
  auto record = decode_record(bytes);
  return record.ok() && decode_receipt(*record).ok();
}

bool reads_contention(ByteView bytes) {
  auto record = decode_record(bytes);
  return record.ok() && decode_contention(*record).ok();
}

CourierConfig courier_config() {
  return {samples::filled<32>(1), samples::filled<32>(2), Secret(samples::filled<32>(3)),
          "tcp://192.0.2.1:7300"};
}

std::vector<Golden> values_and_records() {
  return {
      {"value.bin", encode(samples::value()), [](ByteView b) { return decode(b).ok(); }},
      {"bundle.bin", encode_bundle(samples::bundle()),
       [](ByteView b) { return decode_bundle(b).ok(); }},
      {"receipt.bin", samples::receipt_bytes(), reads_receipt},
      {"contention.bin", encode_contention(samples::contention(), {123, 456}), reads_contention},
      {"epoch_start.bin", samples::epoch_start_bytes(),
       [](ByteView b) { return decode_record(b).ok(); }},
      {"heartbeat.bin", encode_heartbeat(samples::heartbeat()),
       [](ByteView b) { return decode_heartbeat(b).ok(); }},
      {"succession.bin", encode_succession(samples::succession()),
       [](ByteView b) { return decode_succession(b).ok(); }},
      {"signed_succession.bin", samples::succession_object(),
       [](ByteView b) {
         const RecordKey old{samples::record_key().public_key(), 3, samples::filled<16>(0xe0)};
         return verify_succession(b, samples::record_key().hash(), old).ok();
       }},
      {"batch_header.bin", encode_batch_header(samples::batch().header),
       [](ByteView b) { return decode_batch_header(b).ok(); }},
      {"batch.bin", encode_batch(samples::batch()),
       [](ByteView b) { return open_batch(b, samples::record_key().public_key()).ok(); }}};
}

std::vector<Golden> trust_objects() {
  SigningKey key = samples::record_key();
  Secret secret(samples::filled<32>(9));
  auto is_key_file = [](ByteView b) { return decode_key_file(b).ok(); };
  return {
      {"root.bin", encode_root(samples::root()), [](ByteView b) { return decode_root(b).ok(); }},
      {"manifest.bin", encode_manifest(samples::manifest()),
       [](ByteView b) { return decode_manifest(b).ok(); }},
      {"certificate.bin", encode_certificate(samples::certificate()),
       [](ByteView b) { return decode_certificate(b).ok(); }},
      {"signed_object.bin", seal_object(ObjectType::tick, bytes_of("payload"), key),
       [](ByteView b) { return parse_signed_object(b, ObjectType::tick).ok(); }},
      {"key_file_ed25519.bin", encode_key_file(KeyKind::ed25519, key.public_key(), key.seed()),
       is_key_file},
      {"key_file_x25519.bin",
       encode_key_file(KeyKind::x25519, transport_public_key(secret), secret), is_key_file},
      {"contact.txt", bytes_of(encode_contact(samples::contact())),
       [](ByteView b) { return decode_contact(text_of(b)).ok(); }}};
}

std::vector<Golden> messages() {
  FetchRequest fetch{samples::filled<32>(0xb2), 60'000};
  Chunk chunk{samples::filled<32>(0xb2), 60'000, 60'003, Bytes{1, 2, 3}};
  return {
      {"message.bin", encode_message(MessageType::manifest, bytes_of("object")),
       [](ByteView b) { return decode_message(b).ok(); }, false},
      {"fetch.bin", encode_fetch(fetch), [](ByteView b) { return decode_fetch(b).ok(); }},
      {"chunk.bin", encode_chunk(chunk), [](ByteView b) { return decode_chunk(b).ok(); }, false},
      {"acknowledgement.bin", encode_acknowledgement(samples::acknowledgement()),
       [](ByteView b) { return decode_acknowledgement(b).ok(); }},
      {"cosignature.bin",
       encode_cosignature({8, 1'700'000'000, samples::filled<64>(0x65), bytes_of("an object")}),
       [](ByteView b) { return decode_cosignature(b).ok(); }, false},
      {"courier_config.bin", encode_courier_config(courier_config()),
       [](ByteView b) { return decode_courier_config(b).ok(); }}};
}

std::vector<Golden> all_goldens() {
  std::vector<Golden> all;
  for (auto& part : {values_and_records(), trust_objects(), messages()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

TEST_CASE("every format is written byte for byte as its golden file") {
  for (const Golden& golden : all_goldens()) {
    CAPTURE(golden.file);
    if (std::getenv("REEVE_GOLDEN_WRITE") != nullptr) write_file(path_of(golden), golden.bytes);
    Bytes file = read_file(path_of(golden));
    CHECK(!file.empty());
    CHECK(hex(file) == hex(golden.bytes));
  }
}

TEST_CASE("every golden file is read") {
  for (const Golden& golden : all_goldens()) {
    CAPTURE(golden.file);
    CHECK(golden.reads(read_file(path_of(golden))));
  }
}

TEST_CASE("every golden file cut at any byte is refused") {
  for (const Golden& golden : all_goldens()) {
    if (!golden.refuses_cuts) continue;
    Bytes file = read_file(path_of(golden));
    for (std::size_t size = 0; size < file.size(); ++size) {
      CAPTURE(golden.file);
      CAPTURE(size);
      CHECK(!golden.reads(ByteView(file).first(size)));
    }
  }
}

TEST_CASE("every golden file with a byte too many is refused") {
  for (const Golden& golden : all_goldens()) {
    if (!golden.refuses_cuts) continue;
    CAPTURE(golden.file);
    Bytes file = read_file(path_of(golden));
    file.push_back(0);
    CHECK(!golden.reads(file));
  }
}
