#include "common/note.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "tests/mutations.h"

namespace reeve {
namespace {

SigningKey key_of(std::uint8_t number) {
  FixedBytes<32> seed;
  seed.data.fill(number);
  return SigningKey::from_seed(seed);
}

const Checkpoint example{"acme/ledger", {70'000, sha256(view_of("root"))}};

// The example of Go's golang.org/x/mod/sumdb/note, whose program others verify notes with.
constexpr std::string_view go_note =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n";
constexpr std::string_view go_key =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

NoteKey peter_neumann() {
  const auto bytes = from_base64(go_key.substr(go_key.rfind('+') + 1));
  return {"PeterNeumann", *fixed<32>(ByteView(*bytes).subspan(1))};
}

TEST_CASE("base 64 has one spelling") {
  CHECK(base64({}).empty());
  CHECK(base64(view_of("f")) == "Zg==");
  CHECK(base64(view_of("fo")) == "Zm8=");
  CHECK(base64(view_of("foobar")) == "Zm9vYmFy");
  CHECK(from_base64("Zm8=") == bytes_of("fo"));
  CHECK(from_base64("") == Bytes{});
  for (const char* bad : {"Zg=", "Zg", "Zg== ", " Zg==", "Zh==", "Z", "Zm8=Zm8=", "Zm9v-_",
                          "Zm9\xdc", "Zm\xdc\x80"}) {
    CAPTURE(bad);
    CHECK_FALSE(from_base64(bad).has_value());
  }
}

TEST_CASE(
    "a note that another implementation signed is read, verified and written again as it was") {
  const auto note = decode_note(go_note);
  REQUIRE(note.ok());
  const std::array keys{peter_neumann()};
  CHECK(require_note_signature(*note, keys).ok());
  CHECK(encode_note(*note) == go_note);
  CHECK(verifier_key(keys[0], NoteKeyType::ed25519) == go_key);
}

TEST_CASE("a checkpoint has the text of the specification") {
  CHECK(checkpoint_text(example) ==
        "acme/ledger\n70000\n" + base64(sha256(view_of("root")).view()) + "\n");
  CHECK(*decode_checkpoint_text(checkpoint_text(example)) == example);
}

TEST_CASE("a checkpoint is believed under a key of its log only") {
  const auto key = key_of(1);
  const std::array keys{key_of(9).public_key(), key.public_key()};
  const auto note = sign_checkpoint(example, key);
  REQUIRE(verify_checkpoint(note, "acme/ledger", keys).ok());
  CHECK(*verify_checkpoint(note, "acme/ledger", keys) == example);
  CHECK(verify_checkpoint(note, "acme/ledger", std::span(keys).first(1)).error().name ==
        "too_few_signatures");
  CHECK(verify_checkpoint(note, "acme/other", keys).error().name == "too_few_signatures");
}

TEST_CASE("a checkpoint of another log under the same key and name is wrong_log") {
  const auto key = key_of(1);
  const std::array keys{key.public_key()};
  const auto text = checkpoint_text({"acme/other", example.tree});
  const auto note = encode_note({text, {sign_note(text, "acme/ledger", key)}});
  CHECK(verify_checkpoint(note, "acme/ledger", keys).error().name == "wrong_log");
}

TEST_CASE("a checkpoint with one bit flipped, cut or edited is never believed as another") {
  const auto key = key_of(1);
  const std::array keys{key.public_key()};
  const auto note = sign_checkpoint(example, key);
  for_each_mutation(view_of(note), [&](ByteView bytes) {
    const auto checkpoint = verify_checkpoint(text_of(bytes), "acme/ledger", keys);
    CHECK((!checkpoint.ok() || *checkpoint == example));
  });
}

TEST_CASE("a signature by a key that is known and does not hold spoils the note") {
  const auto key = key_of(1);
  const std::array keys{NoteKey{"acme/ledger", key.public_key()},
                        NoteKey{"other", key_of(2).public_key()}};
  const auto text = checkpoint_text(example);
  auto wrong = sign_note(text, "other", key_of(2));
  wrong.bytes[5] ^= 1;
  const Note note{text, {sign_note(text, "acme/ledger", key), wrong}};
  CHECK(require_note_signature(note, keys).error().name == "bad_signature");
  CHECK(require_note_signature(note, std::span(keys).first(1)).ok());
}

TEST_CASE("what is no note is refused") {
  const auto note = sign_checkpoint(example, key_of(1));
  const auto line = note.substr(note.find("\n\n") + 2);
  const std::string text = checkpoint_text(example);
  for (const std::string& bad :
       {std::string(), text, text + "\n", text + "\n" + line + "x", text + line,
        text + "\n" + line.substr(0, line.size() - 1), text + "\r\n" + line,
        text + "\n\u2014 a b c\n", text + "\n\u2014 a+b " + line.substr(line.rfind(' ') + 1),
        text + "\n- acme/ledger AAAAAAAA\n", text + "\n\u2014 acme/ledger AAAA\n",
        std::string("\xff\n") + text + "\n" + line,
        std::string(limits::checkpoint_bytes_max, 'a') + "\n\n" + line}) {
    CAPTURE(bad);
    CHECK(decode_note(bad).error().name == "malformed");
  }
  std::string many = text + "\n";
  for (std::size_t i = 0; i <= limits::note_signatures_max; ++i) many += line;
  CHECK(decode_note(many).error().name == "malformed");
}

TEST_CASE("what is no checkpoint's text is refused") {
  const auto root = base64(Digest{}.view());
  for (const std::string& bad :
       {std::string("o\n1\n") + root, "o\n01\n" + root + "\n", "o\n-1\n" + root + "\n",
        "o\n1 \n" + root + "\n", "\n1\n" + root + "\n", "o\n1\n" + root + "\nextension\n",
        std::string("o\n1\nAAAA\n"), "o\n99999999999999999999\n" + root + "\n"}) {
    CAPTURE(bad);
    CHECK(decode_checkpoint_text(bad).error().name == "malformed");
  }
}

TEST_CASE("a cosignature states its time and holds for this text, key and time only") {
  const auto text = checkpoint_text(example);
  const auto node = key_of(3);
  Note note{text,
            {sign_note(text, "acme/ledger", key_of(1)), cosign(text, "node", node, 1'700'000'000)}};
  const NoteKey cosigner{"node", node.public_key()};
  const auto read = decode_note(encode_note(note));
  REQUIRE(read.ok());
  CHECK(*cosigned_at(*read, cosigner) == 1'700'000'000);
  CHECK_FALSE(cosigned_at(*read, {"node", key_of(4).public_key()})->has_value());
  // Neither is taken for the other: the key's id holds the type.
  CHECK_FALSE(cosigned_at(*read, {"acme/ledger", key_of(1).public_key()})->has_value());
  const std::array cosigners{cosigner};
  CHECK(require_note_signature(*read, cosigners).error().name == "too_few_signatures");
  note.signatures[1].bytes[7] ^= 1;  // another time
  CHECK(cosigned_at(note, cosigner).error().name == "bad_signature");
  note.signatures[1].bytes.resize(8);
  CHECK(cosigned_at(note, cosigner).error().name == "bad_signature");
}

}  // namespace
}  // namespace reeve
