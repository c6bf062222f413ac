#include <doctest/doctest.h>

#include "common/paths.h"
#include "controller/cli/fleet.h"
#include "tests/cli/operator_desk.h"
#include "tests/cli/small_fleet.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

// What a controller does with one request.
enum class Turn { nothing_new, silence, refusal };

// How many requests `reeve records` makes of a controller that does with each what the script says
// and then only refuses.
std::size_t requests_of(const std::vector<Turn>& script, std::vector<std::string> words) {
  OperatorDesk desk;
  std::size_t asked = 0;
  desk.answer = [&](const OperatorRequest&) -> std::optional<OperatorReply> {
    const Turn turn = asked < script.size() ? script[asked] : Turn::refusal;
    ++asked;
    if (turn == Turn::silence) return std::nullopt;
    if (turn == Turn::nothing_new) return items({});
    return OperatorReply{0, false, Error{"not_permitted", "that is enough"}, {}};
  };
  CHECK(run_records(desk.environment, desk.on_fleet(std::move(words))) == exit_code::failed);
  return asked;
}

// A record about rule `r1` by node `web1`, as a controller would send it.
Value::Map record_item(const SmallNode& node) {
  const Bytes record =
      encode_record("receipt", {1, FakeClock::start_wall_ns}, std::nullopt, {{"rule", "r1"}});
  BatchHeader header;
  header.node = node.certificate.node;
  const Batch batch = seal_batch(header, {{random_bytes<16>(), record}}, node.key);
  return {{"cursor", 1},
          {"leaf", 1},
          {"index", 0},
          {"stored", FakeClock::start_wall_ns},
          {"header", batch.header_object},
          {"salt", batch.records[0].salt},
          {"record", record},
          {"path", Value::Array{}}};
}

// The exit code where the controller answers with that record, whatever it was asked for.
int shown_to(std::vector<std::string> words) {
  OperatorDesk desk;
  const auto fleet = open_fleet(Arguments({{"fleet", {desk.directory}}}, {}));
  SmallFleet small;
  small.root.fleet = fleet->root.fleet;
  const SmallNode node = small.node_by("web1", *signing_key(*fleet, paths::fleet_operator_key));
  const Value::Map record = record_item(node);
  desk.answer = [&](const OperatorRequest& request) -> std::optional<OperatorReply> {
    if (request.operation == "status") return items({status_item(node, {})});
    const bool first = request.arguments.find("after") == nullptr;
    return items(first ? Value::Array{record} : Value::Array{});
  };
  return run_records(desk.environment, desk.on_fleet(std::move(words)));
}

}  // namespace

TEST_CASE("a follower outlives a controller that is away for a while") {
  using enum Turn;
  const std::vector<Turn> script{nothing_new, silence, silence, nothing_new, silence, nothing_new};
  CHECK(requests_of(script, {"--follow"}) == script.size() + 1);
}

TEST_CASE("a controller that was never there, and one that refuses, end records at once") {
  using enum Turn;
  CHECK(requests_of({silence, nothing_new}, {"--follow"}) == 1);
  CHECK(requests_of({refusal, nothing_new}, {"--follow"}) == 1);
  CHECK(requests_of({silence, nothing_new}, {}) == 1);
}

TEST_CASE("a true record of another node or rule than was asked for is refused") {
  CHECK(shown_to({}) == exit_code::done);
  CHECK(shown_to({"--node", "web1", "--rule", "r1"}) == exit_code::done);
  CHECK(shown_to({"--node", "web2"}) == exit_code::failed);
  CHECK(shown_to({"--rule", "r2"}) == exit_code::failed);
}
