#include <doctest/doctest.h>

#include <functional>
#include <utility>

#include "common/paths.h"
#include "controller/cli/commands.h"
#include "controller/cli/fleet.h"
#include "controller/operator_protocol.h"
#include "tests/cli/small_fleet.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

// What a controller answers to a request; absent: nothing.
using Answer = std::function<std::optional<OperatorReply>(const OperatorRequest&)>;

class AnsweringLink final : public ZmqClient {
 public:
  AnsweringLink(FakeClock& clock, const Answer& answer) : clock_(clock), answer_(answer) {}
  bool send(ByteView message) override {
    const auto object = parse_signed_object(message, ObjectType::operator_request);
    const auto request = decode_operator_request(object->payload);
    auto reply = answer_(*request);
    if (!reply) return true;
    reply->id = request->id;
    reply_ = encode_operator_reply(*reply);
    return true;
  }
  std::optional<Bytes> receive() override { return std::exchange(reply_, std::nullopt); }
  void wait(std::int64_t timeout_ns, int) override { clock_.advance(timeout_ns); }
  bool connected() const override { return true; }

 private:
  FakeClock& clock_;
  const Answer& answer_;
  std::optional<Bytes> reply_;
};

// A new fleet's directory, and the command on it.
struct Desk {
  TemporaryDirectory where;
  FakeClock clock;
  Answer answer;
  std::string directory = where.path() + "/fleet";
  Environment environment{
      clock,
      [this](const ControllerContact&, const TransportKey&,
             const Secret&) -> Result<std::unique_ptr<ZmqClient>> {
        return std::unique_ptr<ZmqClient>(std::make_unique<AnsweringLink>(clock, answer));
      }};

  Desk() {
    REQUIRE(run_init(environment, std::vector<std::string>{directory, "--no-passphrase"}) == 0);
  }
  int records(std::vector<std::string> words) {
    words.insert(words.end(), {"--fleet", directory});
    return run_records(environment, words);
  }
};

OperatorReply items(Value::Array items) { return {0, false, std::nullopt, std::move(items)}; }

// What a controller does with one request.
enum class Turn { nothing_new, silence, refusal };

// How many requests `reeve records` makes of a controller that does with each what the script says
// and then only refuses.
std::size_t requests_of(const std::vector<Turn>& script, std::vector<std::string> words) {
  Desk desk;
  std::size_t asked = 0;
  desk.answer = [&](const OperatorRequest&) -> std::optional<OperatorReply> {
    const Turn turn = asked < script.size() ? script[asked] : Turn::refusal;
    ++asked;
    if (turn == Turn::silence) return std::nullopt;
    if (turn == Turn::nothing_new) return items({});
    return OperatorReply{0, false, Error{"not_permitted", "that is enough"}, {}};
  };
  CHECK(desk.records(std::move(words)) == exit_code::failed);
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
  Desk desk;
  const auto fleet = open_fleet(Arguments({{"fleet", {desk.directory}}}, {}));
  const SmallNode node =
      SmallFleet().node_by("web1", *signing_key(*fleet, paths::fleet_operator_key));
  const Value::Map record = record_item(node);
  desk.answer = [&](const OperatorRequest& request) -> std::optional<OperatorReply> {
    if (request.operation == "status") return items({status_item(node, {})});
    const bool first = request.arguments.find("after") == nullptr;
    return items(first ? Value::Array{record} : Value::Array{});
  };
  return desk.records(std::move(words));
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
