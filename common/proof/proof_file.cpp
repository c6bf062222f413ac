// "RVPR", u8 version, then parts of u8 type, u32 length and content, types never descending: 1 root
// (any number), 2 certificate, 3 succession (any number), 4 batch header, 5 salt 16 and record, 6
// u32 index in the batch and path, 7 u64 leaf and path, 8 checkpoint, 9 manifest (or none), 10
// witness set (or none), 11 cosigner (any number), 12 and 13 ticks before and after (or none): u64
// leaf, u16 count and as many hashes, signed object. 14
// the end: one zero byte.
#include "common/proof/proof_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "common/proof/proof_limits.h"

namespace reeve {

namespace {

constexpr std::string_view magic = "RVPR";
constexpr std::uint8_t version = 1;

enum class PartType : std::uint8_t {
  root = 1,
  certificate = 2,
  succession = 3,
  header = 4,
  record = 5,
  record_path = 6,
  leaf_path = 7,
  checkpoint = 8,
  manifest = 9,
  witnesses = 10,
  cosigner = 11,
  tick_before = 12,
  tick_after = 13,
  end = 14,
};
constexpr std::uint8_t part_types = 14;
// What is behind the last part that every proof has could be cut off unseen.
constexpr std::array<std::uint8_t, 1> end_content{0};

Error malformed_proof(std::string_view problem) {
  return Error{"malformed_proof", fmt::format("proof file: {}", problem),
               "ask for the file again, or prove the record anew"};
}

Error proof_limit(std::string_view problem) {
  return Error{"limit_exceeded", fmt::format("proof file: {}", problem)};
}

void append_part(Bytes& out, PartType type, ByteView content) {
  REEVE_ASSERT(content.size() <= limits::proof_bytes_max);
  out.push_back(static_cast<std::uint8_t>(type));
  append_u32(out, static_cast<std::uint32_t>(content.size()));
  append(out, content);
}

void append_path(Bytes& out, std::span<const Digest> path) {
  for (const Digest& hash : path) append(out, hash.view());
}

struct Part {
  PartType type{};
  ByteView content;
};

Result<std::optional<Part>> next_part(ByteReader& reader) {
  if (reader.at_end()) return std::optional<Part>{};
  const std::uint8_t type = reader.u8();
  const std::size_t size = reader.u32();
  Part part{static_cast<PartType>(type), reader.take(size)};
  if (!reader.ok()) return malformed_proof("is cut short");
  if (type == 0 || type > part_types) return malformed_proof("has a part of an unknown type");
  if (size == 0) return malformed_proof("has an empty part");
  return std::optional<Part>{part};
}

// The rest of a part that began with a number.
Result<std::vector<Digest>> read_path(ByteView bytes) {
  if (bytes.size() > limits::proof_hashes_max * Digest::size())
    return proof_limit("a path has too many hashes");
  ByteReader reader(bytes);
  std::vector<Digest> path;
  while (reader.ok() && !reader.at_end()) path.push_back(reader.take_fixed<Digest::size()>());
  if (!reader.ok()) return malformed_proof("a path is no sequence of hashes");
  return path;
}

Status read_record(ProofFile& proof, ByteView content) {
  ByteReader reader(content);
  proof.salt = reader.take_fixed<Salt::size()>();
  proof.record = reader.rest();
  if (!reader.ok()) return malformed_proof("its record has no salt");
  if (proof.record.size() > limits::record_bytes_max) return proof_limit("its record is too long");
  return {};
}

Status read_record_path(ProofFile& proof, ByteView content) {
  ByteReader reader(content);
  proof.index = reader.u32();
  if (!reader.ok()) return malformed_proof("a path has no index");
  auto path = read_path(reader.rest());
  if (!path.ok()) return path.error();
  proof.record_path = *std::move(path);
  return {};
}

Status read_leaf_path(ProofFile& proof, ByteView content) {
  ByteReader reader(content);
  proof.leaf = reader.u64();
  if (!reader.ok()) return malformed_proof("a path has no index");
  auto path = read_path(reader.rest());
  if (!path.ok()) return path.error();
  proof.leaf_path = *std::move(path);
  return {};
}

Status take_root(ProofFile& proof, ByteView content) {
  if (proof.roots.size() >= limits::proof_roots_max) return proof_limit("too many roots");
  proof.roots.push_back(content);
  return {};
}

Status take_succession(ProofFile& proof, ByteView content) {
  if (proof.successions.size() >= limits::proof_successions_max)
    return proof_limit("too many key successions");
  proof.successions.push_back(content);
  return {};
}

Status take_cosigner(ProofFile& proof, ByteView content) {
  if (proof.cosigners.size() >= limits::witnesses_max) return proof_limit("too many cosigners");
  proof.cosigners.push_back(content);
  return {};
}

Result<ProofTick> read_tick(ByteView content) {
  ByteReader reader(content);
  ProofTick tick;
  tick.leaf = reader.u64();
  const std::size_t count = reader.u16();
  if (count > limits::proof_hashes_max) return proof_limit("a path has too many hashes");
  for (std::size_t i = 0; i < count; ++i) tick.path.push_back(reader.take_fixed<Digest::size()>());
  tick.object = reader.rest();
  if (!reader.ok() || tick.object.empty()) return malformed_proof("a tick is cut short");
  return tick;
}

Status take_tick(ProofTick& place, ByteView content) {
  auto tick = read_tick(content);
  if (!tick.ok()) return tick.error();
  place = *std::move(tick);
  return {};
}

Status take_part(ProofFile& proof, const Part& part) {
  switch (part.type) {
    case PartType::root:
      return take_root(proof, part.content);
    case PartType::certificate:
      proof.certificate = part.content;
      return {};
    case PartType::succession:
      return take_succession(proof, part.content);
    case PartType::header:
      proof.header = part.content;
      return {};
    case PartType::record:
      return read_record(proof, part.content);
    case PartType::record_path:
      return read_record_path(proof, part.content);
    case PartType::leaf_path:
      return read_leaf_path(proof, part.content);
    case PartType::checkpoint:
      proof.checkpoint = part.content;
      return {};
    case PartType::manifest:
      proof.manifest = part.content;
      return {};
    case PartType::witnesses:
      proof.witnesses = part.content;
      return {};
    case PartType::cosigner:
      return take_cosigner(proof, part.content);
    case PartType::tick_before:
      return take_tick(proof.before, part.content);
    case PartType::tick_after:
      return take_tick(proof.after, part.content);
    case PartType::end:
      return std::ranges::equal(part.content, end_content) ? Status{}
                                                           : malformed_proof("its end is none");
  }
  return malformed_proof("has a part of an unknown type");
}

bool may_repeat(PartType type) {
  return type == PartType::root || type == PartType::succession || type == PartType::cosigner;
}

void append_tick(Bytes& out, PartType type, const ProofTick& tick) {
  if (tick.object.empty()) return;
  Bytes content;
  append_u64(content, tick.leaf);
  append_u16(content, static_cast<std::uint16_t>(tick.path.size()));
  append_path(content, tick.path);
  append(content, tick.object);
  append_part(out, type, content);
}

// Types that must be there; successions and the manifest need not.
constexpr std::uint32_t bit_of(PartType type) { return 1u << static_cast<unsigned>(type); }
constexpr std::uint32_t required = bit_of(PartType::root) | bit_of(PartType::certificate) |
                                   bit_of(PartType::header) | bit_of(PartType::record) |
                                   bit_of(PartType::record_path) | bit_of(PartType::leaf_path) |
                                   bit_of(PartType::checkpoint) | bit_of(PartType::end);

}  // namespace

Bytes encode_proof(const ProofFile& proof) {
  REEVE_ASSERT(proof.index <= std::numeric_limits<std::uint32_t>::max());
  Bytes out = bytes_of(magic);
  out.push_back(version);
  for (ByteView root : proof.roots) append_part(out, PartType::root, root);
  append_part(out, PartType::certificate, proof.certificate);
  for (ByteView one : proof.successions) append_part(out, PartType::succession, one);
  append_part(out, PartType::header, proof.header);
  Bytes record(proof.salt.data.begin(), proof.salt.data.end());
  append(record, proof.record);
  append_part(out, PartType::record, record);
  Bytes in_batch;
  append_u32(in_batch, static_cast<std::uint32_t>(proof.index));
  append_path(in_batch, proof.record_path);
  append_part(out, PartType::record_path, in_batch);
  Bytes in_ledger;
  append_u64(in_ledger, proof.leaf);
  append_path(in_ledger, proof.leaf_path);
  append_part(out, PartType::leaf_path, in_ledger);
  append_part(out, PartType::checkpoint, proof.checkpoint);
  if (!proof.manifest.empty()) append_part(out, PartType::manifest, proof.manifest);
  if (!proof.witnesses.empty()) append_part(out, PartType::witnesses, proof.witnesses);
  for (ByteView one : proof.cosigners) append_part(out, PartType::cosigner, one);
  append_tick(out, PartType::tick_before, proof.before);
  append_tick(out, PartType::tick_after, proof.after);
  append_part(out, PartType::end, end_content);
  return out;
}

Result<ProofFile> decode_proof(ByteView bytes) {
  if (bytes.size() > limits::proof_bytes_max) return proof_limit("is too large");
  ByteReader reader(bytes);
  if (text_of(reader.take(magic.size())) != magic) return malformed_proof("is no proof file");
  const std::uint8_t found = reader.u8();
  if (!reader.ok()) return malformed_proof("is cut short");
  if (found != version) {
    return Error{"unsupported_version",
                 fmt::format("proof file: of version {}, this program knows {}", found, version)};
  }
  ProofFile proof;
  std::uint32_t seen = 0;
  auto before = PartType{};
  for (;;) {
    const auto part = next_part(reader);
    if (!part.ok()) return part.error();
    if (!*part) break;
    const PartType type = (**part).type;
    if (type < before || (type == before && !may_repeat(type)))
      return malformed_proof("its parts are not in their order");
    REEVE_TRY(take_part(proof, **part));
    seen |= bit_of(type);
    before = type;
  }
  if ((seen & required) != required) return malformed_proof("a part is missing");
  return proof;
}

}  // namespace reeve
