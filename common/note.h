// Signed notes (c2sp.org/signed-note), the checkpoints of a log (c2sp.org/tlog-checkpoint) and
// their cosignatures (c2sp.org/tlog-cosignature), all with Ed25519: public formats, so that tools
// that others wrote verify our ledger. Values and pure functions. Nothing of a note is believed
// before a signature by a key that the caller names holds.
#pragma once

#include "common/merkle.h"

namespace reeve {

// The signature type that is part of a key's id.
enum class NoteKeyType : std::uint8_t { ed25519 = 0x01, cosignature = 0x04 };

// Who may sign: the name that stands in the line, and the key.
struct NoteKey {
  std::string name;
  PublicKey key;
};
// The first four bytes of SHA-256(name, "\n", type, key), big-endian.
std::uint32_t note_key_id(const NoteKey& who, NoteKeyType type);
// The form in which other tools take a key ("vkey"): NAME+ID+base64(type, key).
std::string verifier_key(const NoteKey& who, NoteKeyType type);

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  Bytes bytes;  // behind the key's id
  bool operator==(const NoteSignature&) const = default;
};

struct Note {
  std::string text;  // with the last line's end
  std::vector<NoteSignature> signatures;
  bool operator==(const Note&) const = default;
};

std::string encode_note(const Note& note);
// Error `malformed`: no UTF-8, control characters, no signature, beyond
// limits::checkpoint_bytes_max or limits::note_signatures_max.
Result<Note> decode_note(std::string_view bytes);

NoteSignature sign_note(std::string_view text, const std::string& name, const SigningKey& key);
// Holds when one of the keys signed it; signatures by others are passed over. Errors:
// `bad_signature` where one by such a key does not hold, `too_few_signatures` where none has
// signed.
Status require_note_signature(const Note& note, std::span<const NoteKey> keys);

// The head of a log: what its keeper signs.
struct Checkpoint {
  std::string origin;
  TreeView tree;
  bool operator==(const Checkpoint&) const = default;
};
std::string checkpoint_text(const Checkpoint& checkpoint);
// Exactly three lines: extension lines are nobody's statement and are refused. Error `malformed`.
Result<Checkpoint> decode_checkpoint_text(std::string_view text);

std::string sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key);
// A checkpoint of the log `origin` under one of its keys, whose name is the origin. Errors: those
// of decode_note() and require_note_signature(), `wrong_log` for another origin.
Result<Checkpoint> verify_checkpoint(std::string_view note, const std::string& origin,
                                     std::span<const PublicKey> keys);

// What a cosigner states: at `time_s` this was the largest consistent tree that it had seen.
NoteSignature cosign(std::string_view text, const std::string& name, const SigningKey& key,
                     std::int64_t time_s);
// The time of this cosigner's line, absent where the note has none. Error `bad_signature`.
Result<std::optional<std::int64_t>> cosigned_at(const Note& note, const NoteKey& cosigner);

}  // namespace reeve
