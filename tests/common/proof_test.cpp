#include "common/proof/proof_check.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include "common/proof/proof_limits.h"
#include "common/token.h"
#include "tests/common/proof_samples.h"
#include "tests/golden.h"
#include "tests/mutations.h"

using namespace reeve;
using namespace reeve::proof_samples;

namespace {

Bytes signed_root(const Root& root, std::uint8_t signer = root_key) {
  return seal_object(ObjectType::root, encode_root(root), key(signer));
}

Result<ProvenRecord> judged(ByteView bytes) {
  const Root trusted = root();
  return verify_proof(bytes, {&trusted, 1});
}

std::string refusal(ByteView bytes) {
  const auto proven = judged(bytes);
  return proven.ok() ? "" : proven.error().name;
}

std::string refusal(ByteView bytes, const std::vector<Root>& trusted) {
  const auto proven = verify_proof(bytes, trusted);
  return proven.ok() ? "" : proven.error().name;
}

const std::set<std::string> names{
    "malformed_proof",     "unsupported_version",   "limit_exceeded",       "roots_do_not_follow",
    "root_mismatch",       "certificate_not_valid", "key_not_certified",    "header_not_signed",
    "key_not_allowed",     "record_not_in_batch",   "record_unreadable",    "checkpoint_not_signed",
    "not_in_ledger",       "policy_missing",        "policy_not_signed",    "policy_mismatch",
    "witnesses_not_valid", "cosigner_not_valid",    "too_few_cosignatures", "tick_not_valid"};

// The proof as a file of parts, changed, and written again.
template <class Change>
Bytes changed(const Bytes& bytes, Change change) {
  auto file = decode_proof(bytes);
  REQUIRE(file.ok());
  change(*file);
  return encode_proof(*file);
}

Bytes with_record(Receipt receipt) {
  Pieces all = pieces();
  all.records[1].bytes = encode_receipt(receipt, {2, 3});
  return all.encoded();
}

}  // namespace

TEST_CASE("a proof says what was proven, and on whose word") {
  const auto proven = judged(pieces().encoded());
  REQUIRE(proven.ok());
  CHECK(proven->certificate.name == "web1");
  CHECK(proven->enroller == "ada");
  CHECK_FALSE(proven->is_under_token);
  CHECK(proven->key.number == 1);
  CHECK(proven->is_key_ended);
  CHECK(proven->header.first + proven->index == 18);
  CHECK(proven->record.type == "receipt");
  CHECK(proven->leaf == 3);
  CHECK(proven->checkpoint.tree.size == 6);
  CHECK(proven->checkpoint.origin == "acme");
  CHECK(proven->ledger_key == key(ledger_key).hash());
  REQUIRE(proven->policy.has_value());
  CHECK(proven->policy->name == "baseline");
  CHECK(proven->policy->version == 5);
  CHECK(proven->policy->signers == std::vector{key(policy_key).hash()});
}

TEST_CASE("a proof file is written as its golden file, which is read for ever") {
  check_golden("proof.bin", pieces().encoded());
  check_golden("proof_root.bin", signed_root(root()));
  const auto trusted = verify_first_root(golden("proof_root.bin"));
  REQUIRE(trusted.ok());
  CHECK(verify_proof(golden("proof.bin"), {&*trusted, 1}).ok());
}

// Every bit in long runs; else every third, which comes to each of a byte's eight in turn.
TEST_CASE("every bit of a proof file counts") {
  const bool is_long = std::getenv("REEVE_TEST_LONG") != nullptr;
  const std::size_t stride = is_long ? 1 : 3;
  Bytes bytes = pieces().encoded();
  std::set<std::string> seen;
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += stride) {
    const auto mask = static_cast<std::uint8_t>(1u << (bit % 8));
    bytes[bit / 8] ^= mask;
    const std::string name = refusal(bytes);
    bytes[bit / 8] ^= mask;
    if (!names.contains(name))
      FAIL_CHECK("flipped bit " << bit << " is answered by `" << name << "`");
    seen.insert(name);
  }
  for (const char* name :
       {"malformed_proof", "unsupported_version", "roots_do_not_follow", "certificate_not_valid",
        "key_not_certified", "header_not_signed", "record_not_in_batch", "checkpoint_not_signed",
        "not_in_ledger", "policy_not_signed", "witnesses_not_valid", "cosigner_not_valid",
        "tick_not_valid"}) {
    CAPTURE(name);
    CHECK(seen.contains(name));
  }
}

TEST_CASE("a proof file that is cut at any byte, or has more, is refused") {
  const Bytes whole = pieces().encoded();
  for_each_truncation(whole, [&](ByteView bytes) {
    const std::string name = refusal(bytes);
    if (name != "malformed_proof" && name != "policy_missing")
      FAIL_CHECK(bytes.size() << " bytes are answered by `" << name << "`");
  });
  Bytes more = whole;
  more.push_back(0);
  CHECK(refusal(more) == "malformed_proof");
}

TEST_CASE("edits of every kind are refused by a name of ours") {
  const Bytes whole = pieces().encoded();
  for_each_edit(whole, 2'000, [&](ByteView bytes) {
    const std::string name = refusal(bytes);
    const bool is_same = std::equal(bytes.begin(), bytes.end(), whole.begin(), whole.end());
    if (!is_same && !names.contains(name)) FAIL_CHECK("an edit is answered by `" << name << "`");
  });
}

TEST_CASE("parts that are missing, doubled or in another order are no proof file") {
  const Bytes whole = pieces().encoded();
  const auto at = [&](ByteView bytes) { return refusal(bytes); };
  std::vector<ByteView> parts;
  ByteReader reader(ByteView(whole).subspan(5));
  while (!reader.at_end()) {
    const ByteView rest = reader.rest();
    reader.u8();
    const std::size_t size = reader.u32();
    reader.take(size);
    parts.push_back(rest.first(5 + size));
  }
  REQUIRE(parts.size() == 16);
  const auto joined = [&](const std::vector<ByteView>& some) {
    Bytes out(whole.begin(), whole.begin() + 5);
    for (const ByteView part : some) append(out, part);
    return out;
  };
  CHECK(at(joined(parts)).empty());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    CAPTURE(i);
    std::vector<ByteView> fewer = parts;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    // The last succession says where the signing key ended: a proof may be older than it. Nothing
    // need show when the record came.
    CHECK(at(joined(fewer)).empty() == (i == 3 || i == 13 || i == 14));
    std::vector<ByteView> twice = parts;
    twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(i), parts[i]);
    CHECK_FALSE(at(joined(twice)).empty());
    if (i == 0) continue;
    std::vector<ByteView> swapped = parts;
    std::swap(swapped[i - 1], swapped[i]);
    CHECK_FALSE(at(joined(swapped)).empty());
  }
}

TEST_CASE("sizes are bounded before anything is verified, and swell nothing") {
  Bytes huge(limits::proof_bytes_max + 1);
  CHECK(refusal(huge) == "limit_exceeded");
  const auto with_parts = [](std::uint8_t type, std::size_t count) {
    Bytes out = bytes_of("RVPR");
    out.push_back(1);
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(type);
      append_u32(out, 1);
      out.push_back(0);
    }
    return out;
  };
  CHECK(refusal(with_parts(1, limits::proof_roots_max + 1)) == "limit_exceeded");
  CHECK(refusal(with_parts(3, limits::proof_successions_max + 1)) == "limit_exceeded");
  CHECK(refusal(with_parts(11, limits::witnesses_max + 1)) == "limit_exceeded");
  const Bytes whole = pieces().encoded();
  CHECK(refusal(changed(whole, [](ProofFile& file) {
          file.leaf_path.assign(limits::proof_hashes_max + 1, Digest{});
        })) == "limit_exceeded");
  const Bytes longest(limits::record_bytes_max + 1);
  CHECK(refusal(changed(whole, [&](ProofFile& file) { file.record = longest; })) ==
        "limit_exceeded");
  // A length that the file does not have.
  Bytes lying = bytes_of("RVPR");
  append(lying, Bytes{1, 1, 0xff, 0xff, 0xff, 0xff});
  CHECK(refusal(lying) == "malformed_proof");
}

TEST_CASE("the roots must follow one that is trusted") {
  Pieces all = pieces();
  all.roots.push_back(signed_root(root(2)));
  CHECK(refusal(all.encoded()).empty());
  CHECK(judged(all.encoded())->root.version == 2);
  Root other = root();
  other.expires_s += 1;
  CHECK(refusal(all.encoded(), {other}) == "root_mismatch");
  Root foreign = root();
  foreign.fleet.data.fill(0x77);
  CHECK(refusal(all.encoded(), {foreign}) == "root_mismatch");
  all.roots.back() = signed_root(root(2), stranger_key);
  CHECK(refusal(all.encoded()) == "roots_do_not_follow");
  all.roots.back() = signed_root(root(3));
  CHECK(refusal(all.encoded()) == "roots_do_not_follow");
}

TEST_CASE("a file whose roots begin behind the trusted one must follow it") {
  Pieces all = pieces();
  all.roots = {signed_root(root(2)), signed_root(root(3))};
  CHECK(refusal(all.encoded()).empty());
  Root stolen = root(2);
  stolen.root.keys = {key(stranger_key).public_key()};
  all.roots = {signed_root(stolen, stranger_key)};
  CHECK(refusal(all.encoded()) == "roots_do_not_follow");
  // Nothing leads to these: they count for nothing, and the trusted one judges alone.
  Root made_up = root(9);
  made_up.ledger.keys = {key(stranger_key).public_key()};
  made_up.root.keys = {key(stranger_key).public_key()};
  all.roots = {signed_root(made_up, stranger_key)};
  CHECK(judged(all.encoded())->root.version == 1);
  all.ledger_key = key(stranger_key);
  CHECK(refusal(all.encoded()) == "checkpoint_not_signed");
}

TEST_CASE("what a newer root has dropped proves nothing to whoever knows that root") {
  Root newer = root(2);
  newer.ledger.keys = {key(stranger_key).public_key()};
  CHECK(refusal(pieces().encoded(), {root(), newer}) == "checkpoint_not_signed");
  newer = root(2);
  newer.operators.clear();
  CHECK(refusal(pieces().encoded(), {root(), newer}) == "certificate_not_valid");
  Pieces all = pieces();
  all.roots.push_back(signed_root(newer));
  CHECK(refusal(all.encoded()) == "certificate_not_valid");
}

TEST_CASE("policy is judged by the root of its time") {
  Root newer = root(2);
  newer.policy.keys = {key(stranger_key).public_key()};
  CHECK(refusal(pieces().encoded(), {root(), newer}).empty());
  CHECK(verify_proof(pieces().encoded(), std::vector{root(), newer})->policy->root_version == 1);
  const auto alone = verify_proof(pieces().encoded(), {&newer, 1});
  REQUIRE_FALSE(alone.ok());
  CHECK(alone.error().name == "policy_not_signed");
  CHECK(alone.error().next.find("--root") != std::string::npos);
}

TEST_CASE("the node's certificate must be an enroller's, or a token's that one has signed") {
  Pieces all = pieces();
  const auto payload = parse_signed_object(all.certificate, ObjectType::node_certificate)->payload;
  all.certificate = seal_object(ObjectType::node_certificate, payload, key(stranger_key));
  CHECK(refusal(all.encoded()) == "certificate_not_valid");
  const auto certificate = decode_certificate(payload);
  REQUIRE(certificate.ok());
  Token token;
  token.key = key(stranger_key).public_key();
  token.fleet = certificate->fleet;
  token.enroll_address = "tcp://localhost:1";
  token.nodes_address = "tcp://localhost:2";
  token.name = "*";
  token.labels = {{"role", {}}};
  token.created_s = certificate->issued_s - 10;
  token.expires_s = certificate->issued_s + 10;
  const Bytes statement =
      seal_object(ObjectType::enrollment_token, encode_token(token), key(operator_key));
  const TokenText text{statement, key(stranger_key), token};
  all.certificate = seal_enrollment(*certificate, text, key(first_record_key));
  const auto proven = judged(all.encoded());
  REQUIRE(proven.ok());
  CHECK(proven->enroller == "ada");
  CHECK(proven->is_under_token);
  all.certificate = seal_enrollment(*certificate, text, key(stranger_key));
  CHECK(refusal(all.encoded()) == "certificate_not_valid");
}

TEST_CASE("the key that signed must come down from the certificate's") {
  Pieces all = pieces();
  all.successions.clear();
  CHECK(refusal(all.encoded()) == "key_not_certified");
  all = pieces();
  all.successions[0] = seal_succession(first_succession(), key(stranger_key));
  CHECK(refusal(all.encoded()) == "key_not_certified");
  all = pieces();
  all.successions.push_back(all.successions.back());
  CHECK(refusal(all.encoded()) == "key_not_certified");
  all = pieces();
  all.header_key = key(stranger_key);
  CHECK(refusal(all.encoded()) == "key_not_certified");
  all = pieces();
  all.header.node = key(stranger_key).hash();
  CHECK(refusal(all.encoded()) == "header_not_signed");
  all = pieces();
  all.signature_change = 1;
  CHECK(refusal(all.encoded()) == "header_not_signed");
}

TEST_CASE("a key signs in its epoch only, and nothing beyond what its successor allows") {
  Pieces all = pieces();
  all.header.first = 18;
  CHECK(refusal(all.encoded()) == "key_not_allowed");
  all = pieces();
  all.header.epoch.data.fill(0x33);
  CHECK(refusal(all.encoded()) == "key_not_allowed");
  all = pieces();
  all.header_key = key(first_record_key);
  CHECK(refusal(all.encoded()) == "key_not_allowed");
}

TEST_CASE("a record that the batch does not hold, or that is none, is refused") {
  const Bytes whole = pieces().encoded();
  const Bytes other = encode_record("frozen", {1, 2}, {}, {});
  CHECK(refusal(changed(whole, [&](ProofFile& file) { file.record = other; })) ==
        "record_not_in_batch");
  for (const std::uint64_t index : {0u, 2u, 3u, 0xffffffffu}) {
    CAPTURE(index);
    CHECK(refusal(changed(whole, [&](ProofFile& file) { file.index = index; })) ==
          "record_not_in_batch");
  }
  Pieces all = pieces();
  all.records[1].bytes = {0xff, 0x00};
  CHECK(refusal(all.encoded()) == "record_unreadable");
}

TEST_CASE("a checkpoint of another ledger, by another key, or without the leaf proves no place") {
  Pieces all = pieces();
  all.ledger_key = key(stranger_key);
  CHECK(refusal(all.encoded()) == "checkpoint_not_signed");
  all = pieces();
  all.origin = "other";
  CHECK(refusal(all.encoded()) == "checkpoint_not_signed");
  const Bytes whole = pieces().encoded();
  for (const std::uint64_t leaf : {2ull, 5ull, 6ull, ~0ull}) {
    CAPTURE(leaf);
    CHECK(refusal(changed(whole, [&](ProofFile& file) { file.leaf = leaf; })) == "not_in_ledger");
  }
  CHECK(refusal(changed(whole, [](ProofFile& file) { file.leaf_path.clear(); })) ==
        "not_in_ledger");
}

TEST_CASE("the policy that a record names must be there, signed, and that one") {
  Pieces all = pieces();
  all.manifest.clear();
  CHECK(refusal(all.encoded()) == "policy_missing");
  all.manifest = seal_object(ObjectType::manifest, encode_manifest(manifest()), key(stranger_key));
  CHECK(refusal(all.encoded()) == "policy_not_signed");
  Manifest other = manifest();
  other.version = 6;
  all.manifest = seal_object(ObjectType::manifest, encode_manifest(other), key(policy_key));
  CHECK(refusal(all.encoded()) == "policy_mismatch");
  Receipt named = receipt();
  named.policy.digest.data.fill(0x44);
  CHECK(refusal(with_record(named)) == "policy_mismatch");
  named = receipt();
  named.policy.signers.push_back(key(stranger_key).hash());
  CHECK(refusal(with_record(named)) == "policy_not_signed");
  named = receipt();
  named.policy.version = 0;
  CHECK(refusal(with_record(named)) == "policy_mismatch");
}

TEST_CASE("a record that names no policy is proven without one") {
  Pieces all = pieces();
  all.index = 0;
  CHECK(refusal(all.encoded()) == "policy_mismatch");
  all.manifest.clear();
  const auto proven = judged(all.encoded());
  REQUIRE(proven.ok());
  CHECK_FALSE(proven->policy.has_value());
}

TEST_CASE("records that name a whole manifest name it by its digest") {
  const auto payload = encode_manifest(manifest());
  const auto adopted = [&](const Digest& digest, const KeyHash& signer) {
    Pieces all = pieces();
    all.records[1].bytes =
        encode_record("policy_adopted", {1, 2}, {},
                      {{"version", 5}, {"manifest", digest}, {"signers", Value::Array{signer}}});
    return all.encoded();
  };
  const KeyHash signer = key(policy_key).hash();
  CHECK(refusal(adopted(sha256(payload), signer)).empty());
  CHECK(refusal(adopted(Digest{}, signer)) == "policy_mismatch");
  CHECK(refusal(adopted(sha256(payload), Digest{})) == "policy_not_signed");
  Pieces all = pieces();
  all.records[1].bytes = encode_record("state", {1, 2}, {}, {{"version", 5}});
  CHECK(refusal(all.encoded()) == "record_unreadable");
}

TEST_CASE("a proof says who has cosigned its checkpoint, and between which times its record came") {
  const auto proven = judged(pieces().encoded());
  REQUIRE(proven.ok());
  REQUIRE(proven->witnesses);
  CHECK(proven->witnesses->set.set == pieces().witnesses);
  CHECK(proven->witnesses->set.who == "ada");
  REQUIRE(proven->witnesses->cosigners.size() == 2);
  // By time; as many as are needed have seen it when the second had.
  CHECK(proven->witnesses->cosigners[0].name == "witness1");
  CHECK(proven->witnesses->seen_s() == pieces().cosigned_s[0]);
  CHECK(proven->times.before == ProvenTick{0, pieces().before_ns});
  CHECK(proven->times.after == ProvenTick{5, pieces().after_ns});
  Pieces alone = pieces();
  alone.witnesses.nodes.clear();
  alone.cosigners.clear();
  const auto without = judged(alone.encoded());
  REQUIRE(without.ok());
  CHECK_FALSE(without->witnesses);
}

TEST_CASE("a checkpoint needs as many cosigners as its witness set asks for, each of the set") {
  Pieces all = pieces();
  all.cosigners = {0};
  CHECK(refusal(all.encoded()) == "too_few_cosignatures");
  all = pieces();
  std::ranges::reverse(all.cosigners);
  CHECK(refusal(all.encoded()) == "cosigner_not_valid");
  all = pieces();
  all.cosigners = {0, 0};
  CHECK(refusal(all.encoded()) == "cosigner_not_valid");
  all = pieces();
  all.witnesses.nodes = {witness_id(0), witness_id(2), sha256(view_of("another"))};
  CHECK(refusal(all.encoded()) == "cosigner_not_valid");
  all = pieces();
  all.witnesses.nodes.clear();
  CHECK(refusal(all.encoded()) == "witnesses_not_valid");
  all = pieces();
  all.set_signer = stranger_key;
  CHECK(refusal(all.encoded()) == "witnesses_not_valid");
  all = pieces();
  all.witnesses.need = 1;
  CHECK(refusal(all.encoded()) == "witnesses_not_valid");
  all = pieces();
  all.witnesses.fleet.data[0] ^= 1;
  CHECK(refusal(all.encoded()) == "witnesses_not_valid");
}

TEST_CASE(
    "a cosignature of another checkpoint, or by a key that the node has not certified, is none") {
  const Bytes whole = pieces().encoded();
  const auto with_note = [&](const std::function<void(Note&)>& change) {
    auto file = decode_proof(whole);
    Note note = *decode_note(text_of(file->checkpoint));
    change(note);
    const std::string text = encode_note(note);
    file->checkpoint = view_of(text);
    return refusal(encode_proof(*file));
  };
  CHECK(with_note([](Note&) {}).empty());
  CHECK(with_note([](Note& note) { note.signatures.pop_back(); }) == "cosigner_not_valid");
  CHECK(with_note([](Note& note) { note.signatures[2].bytes[7] ^= 1; }) == "cosigner_not_valid");
  CHECK(with_note([](Note& note) {
          const Checkpoint other{root().origin, {6, sha256(view_of("another tree"))}};
          const std::size_t which = pieces().cosigners[0];
          note.signatures[1] =
              cosign(checkpoint_text(other), cosigner_name(root().origin, witness_id(which)),
                     key(witness_keys[which]), 1);
        }) == "cosigner_not_valid");
  // What stands behind each other in a cosigner's part: certificate, succession, key.
  const auto with_part = [&](const std::function<Bytes(std::vector<ByteView>)>& change) {
    return refusal(changed(whole, [&](ProofFile& file) {
      std::vector<ByteView> objects;
      for (ByteView rest = file.cosigners[0]; !rest.empty();) {
        const std::size_t size = *signed_object_size(rest);
        objects.push_back(rest.first(size));
        rest = rest.subspan(size);
      }
      REQUIRE(objects.size() == 3);
      static Bytes kept;
      kept = change(objects);
      file.cosigners[0] = kept;
    }));
  };
  const auto joined = [](std::initializer_list<ByteView> some) {
    Bytes out;
    for (const ByteView one : some) append(out, one);
    return out;
  };
  CHECK(with_part([&](auto o) { return joined({o[0], o[1], o[2]}); }).empty());
  CHECK(with_part([&](auto o) { return joined({o[0], o[2]}); }) == "cosigner_not_valid");
  CHECK(with_part([&](auto o) { return joined({o[0], o[1]}); }) == "cosigner_not_valid");
  CHECK(with_part([&](auto o) { return joined({o[1], o[2]}); }) == "cosigner_not_valid");
  CHECK(with_part([&](auto o) {
          return joined({o[0], o[1], o[1], o[2]});
        }) == "cosigner_not_valid");
  CHECK(with_part([&](auto o) {
          const std::size_t which = pieces().cosigners[0];
          const Bytes other = seal_cosigner_key(
              {witness_id(which), key(witness_keys[which]).public_key(), 1}, key(stranger_key));
          return joined({o[0], o[1], other});
        }) == "cosigner_not_valid");
}

TEST_CASE(
    "ticks must stand where the file says, on their side of the record, under the ledger's key") {
  const Bytes whole = pieces().encoded();
  const auto with = [&](const std::function<void(ProofFile&)>& change) {
    return refusal(changed(whole, change));
  };
  CHECK(with([](ProofFile& file) { std::swap(file.before, file.after); }) == "tick_not_valid");
  CHECK(with([](ProofFile& file) { file.before.leaf = 1; }) == "tick_not_valid");
  CHECK(with([](ProofFile& file) { file.after.path.pop_back(); }) == "tick_not_valid");
  CHECK(with([](ProofFile& file) {
          file.before = {file.leaf, file.leaf_path, file.header};
        }) == "tick_not_valid");
  Bytes altered;
  CHECK(with([&](ProofFile& file) {
          altered.assign(file.after.object.begin(), file.after.object.end());
          altered.back() ^= 1;
          file.after.object = altered;
        }) == "tick_not_valid");
  CHECK(with([](ProofFile& file) { file.before = file.after = {}; }).empty());
}

TEST_CASE("who knows a witness set asks for that one or a later one") {
  const auto proven = judged(pieces().encoded());
  REQUIRE(proven.ok());
  Pieces alone = pieces();
  alone.witnesses.nodes.clear();
  alone.cosigners.clear();
  const auto without = judged(alone.encoded());
  REQUIRE(without.ok());
  VerifiedWitnessSet known{pieces().witnesses, "ada", key(operator_key).hash()};
  const auto name = [&](const ProvenRecord& record) {
    const auto done = require_witnesses(record, known);
    return done.ok() ? "" : done.error().name;
  };
  CHECK(name(*proven).empty());
  CHECK(name(*without) == "cosignatures_missing");
  known.set.version = 1;
  CHECK(name(*proven).empty());
  known.set.version = 3;
  CHECK(name(*proven) == "witnesses_rollback");
  known.set.version = 2;
  known.set.need = 3;
  CHECK(name(*proven) == "witnesses_mismatch");
}
