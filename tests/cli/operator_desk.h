// An operator's desk: a new fleet's directory, a clock, and a controller that answers as the test
// wants. For tests of the commands, without sockets.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/cli/commands.h"
#include "controller/operator_protocol.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve::cli {

// What a controller answers to a request; absent: nothing.
using Answer = std::function<std::optional<OperatorReply>(const OperatorRequest&)>;

inline OperatorReply items(Value::Array items) {
  return {0, false, std::nullopt, std::move(items)};
}

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

struct OperatorDesk {
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

  OperatorDesk() {
    REQUIRE(run_init(environment, std::vector<std::string>{directory, "--no-passphrase"}) == 0);
  }
  // The words of a command on this fleet.
  std::vector<std::string> on_fleet(std::vector<std::string> words) const {
    words.insert(words.end(), {"--fleet", directory});
    return words;
  }
};

}  // namespace reeve::cli
