#include "tests/controller/test_fleet.h"

#include "controller/cli/cli_limits.h"

namespace reeve {

Root TestFleet::make_root() const {
  Root out;
  out.version = 1;
  out.expires_s = FakeClock::start_wall_ns / second_ns + limits::root_lifetime_s;
  out.fleet.data.fill(0xf1);
  out.origin = "test-fleet";
  out.root = {{root_key.public_key()}, 1};
  out.policy = {{policy_key.public_key()}, 1};
  out.ledger = {{ledger_key.public_key()}, 1};
  out.operators = {admin.row("ada", {Right::view, Right::operate, Right::publish, Right::enroll,
                                     Right::administer}),
                   viewer.row("vera", {Right::view})};
  return out;
}

Bytes TestFleet::next_root(std::uint64_t version) const {
  auto next = root;
  next.version = version;
  return seal_object(ObjectType::root, encode_root(next), root_key);
}

}  // namespace reeve
