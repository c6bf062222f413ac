// "RVKN", u8 version, u32 count, then of each node: node id 32, u8 length and name, u64 certificate
// version, u8 whether a key follows and if so key 32, u64 number, epoch 16, then u64 next leaf, u8
// forked, epoch 16, u64 count, u8 whether ended; at the end SHA-256 of everything before it.
#include "controller/cli/known_nodes.h"

#include <fmt/format.h>

#include "common/limits.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/files.h"

namespace reeve::cli {
namespace {

constexpr std::string_view magic = "RVKN";
constexpr std::uint8_t version = 2;

Error damaged(std::string_view problem) {
  return Error{.name = "known_nodes_damaged",
               .detail = fmt::format("what this machine knows of its nodes {}", problem),
               .next =
                   "put public/nodes back from a backup; without it this machine cannot tell "
                   "whether the controller leaves nodes out"};
}

KnownNode read_node(ByteReader& reader) {
  KnownNode node;
  node.name = std::string(text_of(reader.take(reader.u8())));
  node.certificate_version = reader.u64();
  if (reader.u8() != 0) {
    RecordKey key;
    key.key = reader.take_fixed<32>();
    key.number = reader.u64();
    key.epoch = reader.take_fixed<16>();
    node.newest_key = key;
  }
  node.next_leaf = reader.u64();
  node.is_forked = reader.u8() != 0;
  node.epoch = reader.take_fixed<16>();
  node.count = reader.u64();
  node.is_ended = reader.u8() != 0;
  return node;
}

}  // namespace

Bytes encode_known_nodes(const KnownNodes& nodes) {
  Bytes out = bytes_of(magic);
  out.push_back(version);
  append_u32(out, static_cast<std::uint32_t>(nodes.size()));
  for (const auto& [id, node] : nodes) {
    REEVE_ASSERT(node.name.size() <= limits::name_bytes_max);
    append(out, id.view());
    out.push_back(static_cast<std::uint8_t>(node.name.size()));
    append(out, view_of(node.name));
    append_u64(out, node.certificate_version);
    out.push_back(node.newest_key ? 1 : 0);
    if (node.newest_key) {
      append(out, node.newest_key->key.view());
      append_u64(out, node.newest_key->number);
      append(out, node.newest_key->epoch.value_or(Epoch{}).view());
    }
    append_u64(out, node.next_leaf);
    out.push_back(node.is_forked ? 1 : 0);
    append(out, node.epoch.view());
    append_u64(out, node.count);
    out.push_back(node.is_ended ? 1 : 0);
  }
  append(out, sha256(out).view());
  return out;
}

Result<KnownNodes> decode_known_nodes(ByteView bytes) {
  if (bytes.size() < Digest::size()) return damaged("is cut short");
  const ByteView body = bytes.first(bytes.size() - Digest::size());
  if (fixed<32>(bytes.subspan(body.size())) != sha256(body)) return damaged("was changed");
  ByteReader reader(body);
  if (text_of(reader.take(magic.size())) != magic) return damaged("is another file");
  if (reader.u8() != version) return damaged("is of another version");
  const std::uint32_t count = reader.u32();
  KnownNodes nodes;
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const auto id = reader.take_fixed<32>();
    nodes.emplace(id, read_node(reader));
  }
  if (!reader.ok() || !reader.at_end() || nodes.size() != count) return damaged("is not whole");
  return nodes;
}

Result<KnownNodes> load_known_nodes(const std::string& path) {
  const auto bytes = read_file(path, limits::known_nodes_bytes_max);
  if (!bytes.ok() && bytes.error().name == "file_missing") return KnownNodes{};
  if (!bytes.ok()) return bytes.error();
  return decode_known_nodes(*bytes);
}

}  // namespace reeve::cli
