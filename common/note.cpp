#include "common/note.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/limits.h"
#include "common/text.h"

namespace reeve {
namespace {

constexpr std::string_view dash = "\u2014 ";

Error malformed(std::string_view what) {
  return Error{"malformed", fmt::format("signed note: {}", what)};
}

bool has_controls(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 && c != '\n';
  });
}

// ASCII's space is the only one that splits our lines; a plus is what separates a vkey's parts.
bool is_key_name(std::string_view name) {
  return !name.empty() && name.find_first_of(" +\n") == std::string_view::npos;
}

// The line up to its end, which is taken off `rest`; absent where there is no end.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const auto line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

std::optional<NoteSignature> decode_signature(std::string_view line) {
  if (!line.starts_with(dash)) return std::nullopt;
  line.remove_prefix(dash.size());
  const auto space = line.find(' ');
  if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) return std::nullopt;
  const auto bytes = from_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= 4) return std::nullopt;
  ByteReader reader(*bytes);
  const auto id = reader.u32();
  return NoteSignature{std::string(line.substr(0, space)), id,
                       Bytes(reader.rest().begin(), reader.rest().end())};
}

const NoteSignature* signature_of(const Note& note, const NoteKey& who, NoteKeyType type) {
  const auto id = note_key_id(who, type);
  const auto found = std::ranges::find_if(note.signatures, [&](const NoteSignature& signature) {
    return signature.key_id == id && signature.name == who.name;
  });
  return found == note.signatures.end() ? nullptr : &*found;
}

Error bad_signature(const NoteKey& who) {
  return Error{"bad_signature",
               fmt::format("signed note: the signature of {} does not hold", printable(who.name))};
}

std::string cosigned_text(std::string_view text, std::int64_t time_s) {
  return fmt::format("cosignature/v1\ntime {}\n{}", time_s, text);
}

// Decimal without leading zeroes, as C2SP writes it.
std::optional<std::uint64_t> decimal(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return value;
}

}  // namespace

std::uint32_t note_key_id(const NoteKey& who, NoteKeyType type) {
  const std::array<std::uint8_t, 2> between{'\n', static_cast<std::uint8_t>(type)};
  return ByteReader(sha256({view_of(who.name), between, who.key.view()}).view()).u32();
}

std::string verifier_key(const NoteKey& who, NoteKeyType type) {
  Bytes key{static_cast<std::uint8_t>(type)};
  append(key, who.key.view());
  return fmt::format("{}+{:08x}+{}", who.name, note_key_id(who, type), base64(key));
}

std::string encode_note(const Note& note) {
  std::string out = note.text + "\n";
  for (const auto& signature : note.signatures) {
    Bytes bytes;
    append_u32(bytes, signature.key_id);
    append(bytes, signature.bytes);
    out += fmt::format("{}{} {}\n", dash, signature.name, base64(bytes));
  }
  return out;
}

Result<Note> decode_note(std::string_view bytes) {
  if (bytes.size() > limits::checkpoint_bytes_max) return malformed("it is too long");
  if (!is_utf8(bytes) || has_controls(bytes)) return malformed("it is no plain UTF-8 text");
  const auto split = bytes.rfind("\n\n");
  if (split == std::string_view::npos) return malformed("no signatures");
  Note note{std::string(bytes.substr(0, split + 1)), {}};
  auto rest = bytes.substr(split + 2);
  while (!rest.empty()) {
    const auto line = take_line(rest);
    const auto signature = line ? decode_signature(*line) : std::nullopt;
    if (!signature) return malformed("a line that is no signature");
    if (note.signatures.size() == limits::note_signatures_max)
      return malformed("too many signatures");
    note.signatures.push_back(*signature);
  }
  if (note.signatures.empty()) return malformed("no signatures");
  return note;
}

NoteSignature sign_note(std::string_view text, const std::string& name, const SigningKey& key) {
  const auto bytes = key.sign(view_of(text));
  return {name, note_key_id({name, key.public_key()}, NoteKeyType::ed25519),
          Bytes(bytes.data.begin(), bytes.data.end())};
}

Status require_note_signature(const Note& note, std::span<const NoteKey> keys) {
  bool is_signed = false;
  for (const NoteKey& who : keys) {
    const auto* signature = signature_of(note, who, NoteKeyType::ed25519);
    if (signature == nullptr) continue;
    const auto bytes = fixed<SignatureBytes::size()>(signature->bytes);
    if (!bytes || !signature_holds(view_of(note.text), *bytes, who.key)) return bad_signature(who);
    is_signed = true;
  }
  if (is_signed) return {};
  return Error{"too_few_signatures", "signed note: no key that is trusted has signed it"};
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
  return fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.tree.size,
                     base64(checkpoint.tree.root.view()));
}

Result<Checkpoint> decode_checkpoint_text(std::string_view text) {
  const auto origin = take_line(text);
  const auto size_line = take_line(text);
  const auto root_line = take_line(text);
  if (!origin || !size_line || !root_line || !text.empty() || origin->empty()) {
    return Error{"malformed", "checkpoint: not three lines"};
  }
  const auto size = decimal(*size_line);
  const auto root_bytes = from_base64(*root_line);
  const auto root = root_bytes ? fixed<Digest::size()>(*root_bytes) : std::nullopt;
  if (!size || !root) return Error{"malformed", "checkpoint: no size or no root hash"};
  return Checkpoint{std::string(*origin), {*size, *root}};
}

std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key) {
  const auto text = checkpoint_text(checkpoint);
  return encode_note({text, {sign_note(text, checkpoint.origin, key)}});
}

Result<Checkpoint> verify_checkpoint(std::string_view note, const std::string& origin,
                                     std::span<const PublicKey> keys) {
  const auto decoded = decode_note(note);
  if (!decoded.ok()) return decoded.error();
  std::vector<NoteKey> signers;
  for (const PublicKey& key : keys) signers.push_back({origin, key});
  REEVE_TRY(require_note_signature(*decoded, signers));
  auto checkpoint = decode_checkpoint_text(decoded->text);
  if (!checkpoint.ok() || checkpoint->origin == origin) return checkpoint;
  return Error{"wrong_log",
               fmt::format("checkpoint: of {}, not of {}", printable(checkpoint->origin), origin)};
}

NoteSignature cosign(std::string_view text, const std::string& name, const SigningKey& key,
                     std::int64_t time_s) {
  REEVE_ASSERT(time_s >= 0);
  Bytes bytes;
  append_u64(bytes, static_cast<std::uint64_t>(time_s));
  append(bytes, key.sign(view_of(cosigned_text(text, time_s))).view());
  return {name, note_key_id({name, key.public_key()}, NoteKeyType::cosignature), std::move(bytes)};
}

Result<std::optional<std::int64_t>> cosigned_at(const Note& note, const NoteKey& cosigner) {
  const auto* signature = signature_of(note, cosigner, NoteKeyType::cosignature);
  if (signature == nullptr) return std::optional<std::int64_t>{};
  ByteReader reader(signature->bytes);
  const auto time_s = static_cast<std::int64_t>(reader.u64());
  const auto bytes = reader.take_fixed<SignatureBytes::size()>();
  const bool is_whole = reader.ok() && reader.at_end() && time_s >= 0;
  if (!is_whole ||
      !signature_holds(view_of(cosigned_text(note.text, time_s)), bytes, cosigner.key)) {
    return bad_signature(cosigner);
  }
  return std::optional<std::int64_t>{time_s};
}

}  // namespace reeve
