// Requests to the controller over the operators' socket, signed by the operator, each with all of
// its replies. What replies *say* is judged in verify.h; here only the controller's own errors are
// told apart from silence. One request at a time; not for more than one thread.
#pragma once

#include <functional>

#include "common/clock.h"
#include "common/link/link.h"
#include "controller/cli/cli_limits.h"
#include "controller/operator_protocol.h"

namespace reeve::cli {

class OperatorClient {
 public:
  // Returns when a message may have come or the time is up; false when the user interrupted.
  using Wait = std::function<bool(std::int64_t timeout_ns)>;

  // Borrows all but `wait`. `controller` is the hash of the controller's CURVE key.
  OperatorClient(ClientLink& link, Wait wait, const Clock& clock, const SigningKey& key,
                 const KeyHash& controller)
      : link_(link), wait_(std::move(wait)), clock_(clock), key_(key), controller_(controller) {}

  // The items of all replies. Errors: `controller_unreachable` (nothing came for
  // limits::operator_timeout_ns), `interrupted`, `request_too_long`, `reply_too_long`,
  // `malformed`, or the controller's. A request that timed out may have been carried out.
  Result<Value::Array> request(std::string_view operation, Value::Map arguments);
  // Whether the last request was handed to the connection: if not, nobody has heard of it.
  bool was_sent() const { return sent_; }

  // Sleeps, waking early only for the user: false when interrupted.
  bool pause(std::int64_t duration_ns);

 private:
  Status send(ByteView message, std::int64_t until_ns);
  Result<OperatorReply> next_reply(std::uint64_t id, std::int64_t until_ns);

  ClientLink& link_;
  Wait wait_;
  const Clock& clock_;
  const SigningKey& key_;
  KeyHash controller_;
  bool sent_ = false;
};

}  // namespace reeve::cli
