// A file is a sequence of frames: u32 length, u64 SipHash-2-4 of the payload under 16 zero bytes,
// and the payload, a map.
#include "agent/kept_fixes.h"

#include "agent/agent_limits.h"
#include "common/limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::size_t frame_header_bytes = 4 + 8;
constexpr std::size_t digits_min = 8;

Value acl_value(const Acl& acl) {
  Value::Array out;
  for (const AclEntry& entry : acl) {
    out.emplace_back(std::uint64_t{static_cast<std::uint8_t>(entry.tag)});
    out.emplace_back(std::uint64_t{entry.id});
    out.emplace_back(std::uint64_t{entry.bits});
  }
  return out;
}

std::optional<Acl> read_acl(Fields& fields, std::string_view key) {
  if (!fields.has(key)) return std::nullopt;
  const Value::Array& numbers = fields.array(key);
  Acl out;
  for (std::size_t i = 0; i + 2 < numbers.size(); i += 3) {
    const auto tag = numbers[i].natural().value_or(UINT64_MAX);
    if (tag > static_cast<std::uint64_t>(AclTag::other)) fields.fail(key, "has an unknown tag");
    out.push_back({static_cast<AclTag>(tag),
                   static_cast<std::uint32_t>(numbers[i + 1].natural().value_or(0)),
                   static_cast<std::uint32_t>(numbers[i + 2].natural().value_or(0))});
  }
  return out;
}

Bytes encode_fix(const Receipt& receipt, const Kept& kept) {
  const FileFacts& was = kept.was.facts;
  Value::Map out{{"incident", receipt.incident},
                 {"policy", receipt.policy.name},
                 {"rule", receipt.rule},
                 {"object", Value::name(kept.object)},
                 {"found", Value::name(kept.found)},
                 {"path", Value::name(kept.was.path)},
                 {"type", std::uint64_t{static_cast<std::uint8_t>(was.type)}},
                 {"mode", was.mode},
                 {"uid", was.uid},
                 {"gid", was.gid},
                 {"device", was.device},
                 {"inode", was.inode}};
  if (kept.replaced.acl) out.emplace_back("acl", acl_value(*kept.replaced.acl));
  if (kept.replaced.default_acl)
    out.emplace_back("default_acl", acl_value(*kept.replaced.default_acl));
  if (kept.replaced.text) out.emplace_back("text", bytes_of(*kept.replaced.text));
  return encode(std::move(out));
}

std::uint32_t number(Fields& fields, std::string_view key) {
  return static_cast<std::uint32_t>(fields.natural(key));
}

Result<KeptFix> decode_fix(ByteView payload) {
  auto value = decode(payload);
  if (!value.ok()) return value.error();
  Fields fields(*value, "kept fix");
  KeptFix out;
  out.incident = fields.bytes<16>("incident");
  out.policy = fields.text("policy");
  out.rule = fields.text("rule");
  out.kept.object = fields.name("object");
  out.kept.found = fields.name("found");
  out.kept.was.path = fields.name("path");
  FileFacts& was = out.kept.was.facts;
  was.type = static_cast<FileType>(fields.natural("type"));
  was.mode = number(fields, "mode");
  was.uid = number(fields, "uid");
  was.gid = number(fields, "gid");
  was.device = fields.natural("device");
  was.inode = fields.natural("inode");
  out.kept.replaced.can_be_undone = true;
  out.kept.replaced.acl = read_acl(fields, "acl");
  out.kept.replaced.default_acl = read_acl(fields, "default_acl");
  if (fields.has("text")) out.kept.replaced.text = std::string(text_of(fields.binary("text")));
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return out;
}

// The payload of the first frame, and the rest behind it; absent at the end of what is whole.
std::optional<ByteView> take_frame(ByteView& bytes) {
  ByteReader reader(bytes);
  const std::uint32_t length = reader.u32();
  const std::uint64_t sum = reader.u64();
  if (!reader.ok() || length > bytes.size() - frame_header_bytes) return std::nullopt;
  const ByteView payload = bytes.subspan(frame_header_bytes, length);
  if (checksum(payload, {}) != sum) return std::nullopt;
  bytes = bytes.subspan(frame_header_bytes + length);
  return payload;
}

}  // namespace

void KeptFixes::add(const Receipt& receipt, const Kept& kept) {
  const Bytes payload = encode_fix(receipt, kept);
  if (payload.size() > limits::message_bytes_max) return;
  append_u32(waiting_, static_cast<std::uint32_t>(payload.size()));
  append_u64(waiting_, checksum(payload, {}));
  append(waiting_, payload);
  if (waiting_.size() > limits::kept_waiting_bytes_max) write();
}

// Behind the last whole frame: what a kill cut is cut away.
bool KeptFixes::open_newer() {
  static_cast<void>(disk_.make_directory(paths::undo_directory));
  auto opened = disk_.open(paths::kept_newer);
  if (!opened.ok()) return false;
  auto bytes = (*opened)->read(0, (*opened)->size());
  if (!bytes.ok()) return false;
  ByteView left = *bytes;
  while (take_frame(left)) {
  }
  if (!left.empty() && !(*opened)->truncate((*opened)->size() - left.size()).ok()) return false;
  newer_ = std::move(*opened);
  return true;
}

void KeptFixes::roll() {
  newer_.reset();
  static_cast<void>(disk_.rename(paths::kept_newer, paths::kept_older));
}

void KeptFixes::write() {
  const Bytes bytes = std::exchange(waiting_, {});
  if (bytes.empty() || (!newer_ && !open_newer())) return;
  if (newer_->size() + bytes.size() > limits::kept_file_bytes_max) {
    roll();
    if (!open_newer()) return;
  }
  // A part of it would hide what is written behind it.
  if (!newer_->append(bytes).ok()) newer_.reset();
}

Result<KeptFix> KeptFixes::find(std::string_view digits) const {
  const Error unknown{
      "no_such_fix",
      "no fix that is kept here has the incident " + std::string(digits.substr(0, 32)),
      "reeve-agent status, or reeve show RECORD, has the incident's digits"};
  if (digits.size() < digits_min) return unknown;
  std::optional<KeptFix> found;
  for (const std::string_view name : {paths::kept_older, paths::kept_newer}) {
    const auto bytes =
        disk_.read(name, limits::kept_file_bytes_max + limits::kept_waiting_bytes_max);
    if (!bytes.ok() || !bytes->has_value()) continue;
    ByteView left = **bytes;
    while (const auto payload = take_frame(left)) {
      auto fix = decode_fix(*payload);
      if (!fix.ok() || !hex(fix->incident.view()).starts_with(digits)) continue;
      if (found && found->incident != fix->incident)
        return Error{"ambiguous_record", "several incidents begin so", "write more of its digits"};
      found = std::move(*fix);
    }
  }
  return found ? Result<KeptFix>(std::move(*found)) : Result<KeptFix>(unknown);
}

}  // namespace reeve
