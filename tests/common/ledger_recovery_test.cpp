#include "common/ledger_recovery.h"

#include <doctest/doctest.h>

#include <functional>

#include "common/limits.h"
#include "tests/common/trust_fixture.h"
#include "tests/golden.h"

namespace reeve {
namespace {

using namespace trust_fixture;

Root two_holders() {
  Root out = root();
  out.root = role({root_key, second_root_key}, 2);
  return out;
}

LedgerRecovery recovery() {
  LedgerRecovery out;
  out.fleet = root().fleet;
  out.old_origin = root().origin;
  out.new_origin = root().origin + "~1";
  out.trusted = {20'852'163, sha256(view_of("the tree of last night"))};
  out.made_s = now_s;
  out.reason = "the disk of the controller is gone";
  return out;
}

Bytes signed_recovery(const LedgerRecovery& recovery,
                      std::vector<std::uint8_t> numbers = {root_key, second_root_key}) {
  return sealed(ObjectType::ledger_recovery, encode_recovery(recovery), std::move(numbers));
}

std::string name_of_refusal(ByteView object, const Root& by = two_holders()) {
  const auto verified = verify_recovery(object, by);
  return verified.ok() ? "accepted" : verified.error().name;
}

std::string name_after(const std::function<void(LedgerRecovery&)>& change) {
  LedgerRecovery changed = recovery();
  change(changed);
  return name_of_refusal(signed_recovery(changed));
}

TEST_CASE("a recovery is its golden bytes, comes back whole, and names who signed it") {
  check_golden("recovery.bin", encode_recovery(recovery()));
  check_golden("signed_recovery.bin", signed_recovery(recovery()));
  const auto verified = verify_recovery(golden("signed_recovery.bin"), two_holders());
  REQUIRE(verified.ok());
  CHECK(verified->recovery == recovery());
  CHECK(verified->number == 1);
  CHECK(verified->signers == std::vector{key(root_key).hash(), key(second_root_key).hash()});
}

TEST_CASE("a recovery counts under the root's threshold alone, and no online key is in it") {
  const Bytes good = signed_recovery(recovery());
  CHECK(name_of_refusal(good) == "accepted");
  for (const auto other : {ledger_key, policy_key, operator_key, stranger_key}) {
    CAPTURE(int{other});
    CHECK(name_of_refusal(signed_recovery(recovery(), {other})) == "too_few_signatures");
    CHECK(name_of_refusal(signed_recovery(recovery(), {root_key, other})) == "too_few_signatures");
  }
  CHECK(name_of_refusal(signed_recovery(recovery(), {root_key})) == "too_few_signatures");
  CHECK(name_of_refusal(signed_recovery(recovery(), {root_key, root_key})) == "bad_signature");
  for (std::size_t at = 0; at < good.size(); at += 5) {
    Bytes altered = good;
    altered[at] ^= 1;
    CHECK(name_of_refusal(altered) != "accepted");
  }
  Root other_fleet = two_holders();
  other_fleet.fleet.data[3] ^= 1;
  CHECK(name_of_refusal(good, other_fleet) == "wrong_fleet");
  CHECK(name_of_refusal(sealed(ObjectType::manifest, encode_recovery(recovery()),
                               {root_key, second_root_key})) == "wrong_type");
}

TEST_CASE("a recovery goes from one ledger of the fleet to the next") {
  const std::string own = root().origin;
  const auto origins = [](std::string from, std::string to) {
    return name_after([&](LedgerRecovery& r) {
      r.old_origin = std::move(from);
      r.new_origin = std::move(to);
    });
  };
  CHECK(origins(own + "~1", own + "~2") == "accepted");
  CHECK(origins(own + "~41", own + "~42") == "accepted");
  CHECK(origins(own, own) == "wrong_ledger");
  CHECK(origins(own, own + "~2") == "wrong_ledger");
  CHECK(origins(own + "~1", own) == "wrong_ledger");
  CHECK(origins(own, "another.example~1") == "wrong_ledger");
  CHECK(origins("another.example", own + "~1") == "wrong_ledger");
  for (const std::string spelled : {"~0", "~", "~01", "~+1", "~1 ", "~1~1", "~x", "/1"})
    CHECK(origins(own, own + spelled) == "wrong_ledger");
  CHECK(name_after([](LedgerRecovery& r) { r.trusted.size = 0; }) == "malformed");
  CHECK(name_after([](LedgerRecovery& r) { r.reason.clear(); }) == "malformed");
  CHECK(name_after([](LedgerRecovery& r) { r.reason = std::string(257, 'x'); }) ==
        "limit_exceeded");
  CHECK(name_after([](LedgerRecovery& r) { r.made_s = -1; }) == "malformed");
  const Bytes more = with(encode_recovery(recovery()), "more", Value(1));
  CHECK(name_of_refusal(sealed(ObjectType::ledger_recovery, more, {root_key, second_root_key})) ==
        "unknown_field");
}

TEST_CASE("the ledger's checkpoints are the fleet's after every recovery, and nobody else's") {
  const TreeView tree{7, sha256(view_of("tree"))};
  const auto name_of_note = [&](const std::string& origin, std::uint8_t by) {
    const auto verified =
        verify_ledger_checkpoint(sign_checkpoint({origin, tree}, key(by)), root());
    return verified.ok() ? verified->origin : verified.error().name;
  };
  const std::string own = root().origin;
  for (const std::uint64_t number : {0, 1, 2, 1'000})
    CHECK(name_of_note(ledger_origin(root(), number), ledger_key) == ledger_origin(root(), number));
  CHECK(name_of_note(own + "~1", root_key) == "too_few_signatures");
  CHECK(name_of_note(own + "~01", ledger_key) == "too_few_signatures");
  CHECK(name_of_note("another.example", ledger_key) == "too_few_signatures");
}

}  // namespace
}  // namespace reeve
