#include <doctest/doctest.h>

#include <utility>

#include "controller/cli/commands.h"
#include "controller/operator_protocol.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

// What a controller does with one request.
enum class Turn { nothing_new, silence, refusal };

// A controller that does with each request what the script says, and then only refuses.
class ScriptedLink final : public ZmqClient {
 public:
  ScriptedLink(FakeClock& clock, std::vector<Turn> script, std::size_t& asked)
      : clock_(clock), script_(std::move(script)), asked_(asked) {}
  bool send(ByteView message) override {
    const auto object = parse_signed_object(message, ObjectType::operator_request);
    OperatorReply reply;
    reply.id = decode_operator_request(object->payload)->id;
    const Turn turn = asked_ < script_.size() ? script_[asked_] : Turn::refusal;
    ++asked_;
    if (turn == Turn::silence) return true;
    if (turn == Turn::refusal) reply.error = Error{"not_permitted", "that is enough"};
    reply_ = encode_operator_reply(reply);
    return true;
  }
  std::optional<Bytes> receive() override { return std::exchange(reply_, std::nullopt); }
  void wait(std::int64_t timeout_ns, int) override { clock_.advance(timeout_ns); }
  bool connected() const override { return true; }

 private:
  FakeClock& clock_;
  std::vector<Turn> script_;
  std::size_t& asked_;
  std::optional<Bytes> reply_;
};

// How many requests `reeve records` made of such a controller before it gave up.
std::size_t requests_of(std::vector<Turn> script, std::vector<std::string> words) {
  TemporaryDirectory where;
  FakeClock clock;
  std::size_t asked = 0;
  const Environment environment{
      clock,
      [&](const ControllerContact&, const TransportKey&,
          const Secret&) -> Result<std::unique_ptr<ZmqClient>> {
        return std::unique_ptr<ZmqClient>(std::make_unique<ScriptedLink>(clock, script, asked));
      }};
  const std::string fleet = where.path() + "/fleet";
  REQUIRE(run_init(environment, std::vector<std::string>{fleet}) == exit_code::done);
  words.insert(words.end(), {"--fleet", fleet});
  CHECK(run_records(environment, words) == exit_code::failed);
  return asked;
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
