// Small inputs that ask for much: sizes that are claimed and not there, depth, maps of maps, chains
// of signatures and proofs, aliases. Each decoder refuses each of them, and what operator new hands
// out meanwhile, all of it together, is at most a mebibyte.
#include <doctest/doctest.h>

#include "agent/agent_limits.h"
#include "agent/journal_format.h"
#include "agent/netfilter/scratch_request.h"
#include "agent/recovery.h"
#include "common/batch.h"
#include "common/limits.h"
#include "common/trust.h"
#include "common/wire.h"
#include "controller/operator_protocol.h"
#include "controller/policy/compiler.h"
#include "tests/common/allocation.h"
#include "tests/fakes/crash_disk.h"

namespace reeve {
namespace {

constexpr std::size_t memory_max = 1u << 20;

struct Decoder {
  std::string name;
  std::function<bool(ByteView)> takes;
};

template <class T>
Decoder decoder(std::string name, Result<T> (*decode_one)(ByteView)) {
  return {std::move(name), [decode_one](ByteView bytes) { return decode_one(bytes).ok(); }};
}

template <class T>
Decoder payload_of(std::string name, ObjectType type, Result<T> (*decode_one)(ByteView)) {
  return {std::move(name), [type, decode_one](ByteView bytes) {
            const auto object = parse_signed_object(bytes, type);
            return object.ok() && decode_one(object->payload).ok();
          }};
}

// Everything that reads MessagePack.
std::vector<Decoder> decoders() {
  return {
      {"value", [](ByteView bytes) { return decode(bytes).ok(); }},
      decoder("root", decode_root),
      decoder("manifest", decode_manifest),
      decoder("certificate", decode_certificate),
      decoder("heartbeat", decode_heartbeat),
      decoder("batch header", decode_batch_header),
      decoder("record", decode_record),
      decoder("operator's request", decode_operator_request),
      decoder("operator's reply", decode_operator_reply),
      {"end of a chain",
       [](ByteView bytes) { return !bytes.empty() && decode_chain_end(bytes).ok(); }},
  };
}

Bytes repeated(const Bytes& piece, std::size_t bytes) {
  Bytes out;
  while (out.size() + piece.size() <= bytes) append(out, piece);
  return out;
}

// A map that holds itself as its only value, and so on, ever deeper.
Bytes nested_maps(std::size_t bytes) { return repeated({0x81, 0xa1, 'k'}, bytes); }

// As many elements as a container may announce, in as many containers.
Bytes wide(std::uint8_t container) {
  Bytes out{0xdc, 0x04, 0x00};
  for (int i = 0; i < 1'024; ++i) {
    append(out, Bytes{container, 0x00, 0x0f});
    for (int k = 0; k < 15; ++k) out.push_back(0xc0);
  }
  return out;
}

// One map with a thousand keys that collide where keys are compared in pairs.
Bytes many_keys() {
  Bytes out{0xde, 0x04, 0x00};
  for (std::uint16_t i = 0; i < 1'024; ++i) {
    append(out, Bytes{0xa2, static_cast<std::uint8_t>('0' + i / 64),
                      static_cast<std::uint8_t>('0' + i % 64), 0xc0});
  }
  return out;
}

const std::vector<std::pair<std::string, Bytes>>& bombs() {
  static const std::vector<std::pair<std::string, Bytes>> all{
      {"an array of four billion", {0xdd, 0xff, 0xff, 0xff, 0xff}},
      {"a map of four billion", {0xdf, 0xff, 0xff, 0xff, 0xff}},
      {"a text of four gigabytes", {0xdb, 0xff, 0xff, 0xff, 0xff, 'x'}},
      {"four gigabytes", {0xc6, 0xff, 0xff, 0xff, 0xff, 'x'}},
      {"an extension of four gigabytes", {0xc9, 0xff, 0xff, 0xff, 0xff, 1}},
      {"arrays in arrays", Bytes(limits::message_bytes_max, 0x91)},
      {"maps in maps", nested_maps(limits::message_bytes_max)},
      {"an array of wide arrays", wide(0xdc)},
      {"an array of wide maps", wide(0xde)},
      {"a map of many keys", many_keys()},
      {"a message beyond the bound", Bytes(limits::message_bytes_max + 1, 0xc0)},
      {"nothing", {}},
  };
  return all;
}

void check_refused(const Decoder& decoder, const std::string& bomb, const Bytes& bytes) {
  CAPTURE(decoder.name);
  CAPTURE(bomb);
  reset_allocations();
  const bool taken = decoder.takes(bytes);
  const auto asked_for = allocated_bytes();
  CHECK(asked_for <= memory_max);
  // A map that is within the bounds, where any map will do.
  const bool is_a_map = bomb == "a map of many keys";
  CHECK(taken == (is_a_map && (decoder.name == "value" || decoder.name == "end of a chain")));
}

TEST_CASE("bombs in MessagePack are refused by every decoder within a mebibyte") {
  for (const Decoder& one : decoders())
    for (const auto& [name, bytes] : bombs()) check_refused(one, name, bytes);
}

TEST_CASE("bombs in signed objects are refused within a mebibyte") {
  const std::vector<Decoder> signed_ones{
      payload_of("root", ObjectType::root, decode_root),
      payload_of("manifest", ObjectType::manifest, decode_manifest),
      payload_of("certificate", ObjectType::node_certificate, decode_certificate),
      decoder("batch", read_own_batch),
  };
  for (const Decoder& one : signed_ones) {
    for (const auto type : {ObjectType::root, ObjectType::manifest, ObjectType::node_certificate,
                            ObjectType::batch_header}) {
      for (const auto& [name, bytes] : bombs())
        check_refused(one, name, encode_signed_object({type, {Signature{}}, bytes}));
      Bytes claims = encode_signed_object({type, {}, Bytes(100, 0xc0)});
      claims[6] = claims[7] = 0xff;
      check_refused(one, "65,535 signatures", claims);
      claims[6] = claims[7] = 0;
      claims[8] = claims[9] = claims[10] = claims[11] = 0xff;
      check_refused(one, "a payload of four gigabytes", claims);
    }
  }
}

TEST_CASE("bombs in messages of fixed layout are refused within a mebibyte") {
  Bytes proofs(32 + 16 + 1 + 8 + 32 + 8 + 8, 0);
  append(proofs, Bytes{0xff, 0xff});
  Bytes checkpoint = encode_acknowledgement({});
  std::fill(checkpoint.end() - 4, checkpoint.end(), std::uint8_t{0xff});
  Bytes chunk(32 + 4, 0);
  append(chunk, Bytes{0xff, 0xff, 0xff, 0xff, 'x'});
  const std::vector<std::pair<std::string, Bytes>> all{
      {"a proof of 65,535 hashes", proofs},
      {"a checkpoint of four gigabytes", checkpoint},
      {"a bundle of four gigabytes", chunk},
      {"a long message", Bytes(limits::message_bytes_max + 1, 'R')},
  };
  const std::vector<Decoder> fixed_ones{
      decoder("message", decode_message),
      decoder("fetch", decode_fetch),
      decoder("chunk", decode_chunk),
      decoder("acknowledgement", decode_acknowledgement),
      decoder("courier", decode_courier_config),
      decoder("scratch request", decode_request),
      decoder("scratch reply", decode_reply),
  };
  for (const Decoder& one : fixed_ones)
    for (const auto& [name, bytes] : all) check_refused(one, name, bytes);
}

TEST_CASE("bombs in bundles are refused within a mebibyte") {
  const auto sealed = [](Bytes bytes) {
    append(bytes, sha256(bytes).view());
    return bytes;
  };
  Bytes head = bytes_of("RVBN");
  append(head, Bytes{1, 0, 0, 0, 1});
  Bytes count = head;
  count[5] = count[6] = count[7] = count[8] = 0xff;
  Bytes frame = head;
  append(frame, Bytes{0xff, 0xff, 0xff, 0xff, 'x'});
  for (const auto& [name, bytes] : bombs()) {
    Bytes whole = head;
    append_u32(whole, static_cast<std::uint32_t>(bytes.size()));
    append(whole, bytes);
    check_refused(decoder("bundle", decode_bundle), name, sealed(whole));
  }
  check_refused(decoder("bundle", decode_bundle), "four billion rules", sealed(count));
  check_refused(decoder("bundle", decode_bundle), "a frame of four gigabytes", sealed(frame));
}

TEST_CASE("bombs in a journal are damage, and cost a mebibyte at most") {
  const SegmentHeader header{Stream::urgent, {}, {}};
  for (const auto& [name, bytes] : bombs()) {
    if (bytes.empty() || bytes.size() > limits::journal_frame_bytes_max) continue;
    for (const auto type :
         {FrameType::batch, FrameType::intent, FrameType::carried, FrameType::ready}) {
      const std::string& bomb = name;  // Clang 14 lets no lambda have a structured binding
      CAPTURE(bomb);
      CrashDisk disk;
      REQUIRE(disk.make_directory("journal").ok());
      auto file = disk.open(segment_name(Stream::urgent, 1));
      Bytes segment = encode_segment_header(header);
      append(segment, encode_frame(type, 0, bytes, header.key));
      REQUIRE((*file)->append(segment).ok());
      reset_allocations();
      CHECK(recover_journal(disk, Stream::urgent).ok());
      CHECK(allocated_bytes() <= memory_max);
    }
  }
}

TEST_CASE("bombs in policy sources are refused with a place") {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 0; k < 9; ++k) laughs += ", " + before;
    laughs += "]\n";
  }
  const std::vector<std::string> sources{
      laughs,
      "policy: " + std::string(4'000, '['),
      std::string(4'000, '{'),
      "policy: &a [*a, *a]\n",
      "? " + std::string(2'000, '?'),
      std::string(1'000, '-') + "\n" + std::string(1'000, ' ') + "x",
      "rules:\n" + std::string(2'000, ' ') + "- a\n",
  };
  static const auto kinds = embedded_kinds();
  for (const std::string& source : sources) {
    CAPTURE(source.substr(0, 40));
    reset_allocations();
    const auto outcome = compile_policy({SourceFile{"bomb.yaml", source}}, kinds);
    const auto asked_for = allocated_bytes();
    CHECK(asked_for <= 2 * memory_max);  // half of it is the table of kinds
    CHECK_FALSE(outcome.bundle.has_value());
    REQUIRE_FALSE(outcome.errors.empty());
    CHECK(outcome.errors[0].at.line >= 1);
  }
}

}  // namespace
}  // namespace reeve
