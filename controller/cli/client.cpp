#include "controller/cli/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "controller/cli/cli_limits.h"

namespace reeve::cli {
namespace {

Error unreachable(std::string_view problem) {
  return Error{
      .name = "controller_unreachable",
      .detail = fmt::format("{} within {} s", problem, limits::operator_timeout_ns / 1'000'000'000),
      .next =
          "see that reeve-controller runs and that the address and key in "
          "public/controller of the fleet directory are its own"};
}

Error interrupted() {
  return Error{.name = "interrupted", .detail = "stopped by a signal while waiting"};
}

std::uint64_t random_id() {
  const auto bytes = random_bytes<8>();
  return ByteReader(bytes.view()).u64();
}

}  // namespace

Status OperatorClient::send(ByteView message, std::int64_t until_ns) {
  while (!link_.send(message)) {
    const std::int64_t left_ns = until_ns - clock_.monotonic_ns();
    if (left_ns <= 0) return unreachable("no connection to the controller");
    if (!wait_(std::min(left_ns, limits::operator_poll_ns))) return interrupted();
  }
  return {};
}

Result<OperatorReply> OperatorClient::next_reply(std::uint64_t id, std::int64_t until_ns) {
  for (;;) {
    const std::int64_t left_ns = until_ns - clock_.monotonic_ns();
    if (left_ns <= 0) return unreachable("connected, but no answer");
    const auto message = link_.receive();
    if (!message) {
      if (!wait_(left_ns)) return interrupted();
      continue;
    }
    auto reply = decode_operator_reply(*message);
    if (!reply.ok()) return reply.error();
    // Replies to requests that were given up are none of ours.
    if (reply->id == id) return reply;
  }
}

Result<Value::Array> OperatorClient::request(std::string_view operation, Value::Map arguments) {
  const OperatorRequest request{.id = random_id(),
                                .operation = std::string(operation),
                                .made_wall_ns = clock_.wall_ns(),
                                .controller = controller_,
                                .arguments = std::move(arguments)};
  const Bytes message =
      seal_object(ObjectType::operator_request, encode_operator_request(request), key_);
  sent_ = false;
  if (message.size() > limits::message_bytes_max) {
    return Error{.name = "request_too_long",
                 .detail = fmt::format("{} needs {} bytes; a request has at most {}", operation,
                                       message.size(), limits::message_bytes_max),
                 .next = "say it with fewer policies, labels or selectors"};
  }
  REEVE_TRY(send(message, clock_.monotonic_ns() + limits::operator_timeout_ns));
  sent_ = true;
  Value::Array items;
  // Every reply counts as an item, so that empty ones cannot go on for ever either.
  std::size_t replies = 0;
  for (bool more = true; more;) {
    auto reply = next_reply(request.id, clock_.monotonic_ns() + limits::operator_timeout_ns);
    if (!reply.ok()) return reply.error();
    if (reply->error) return *reply->error;
    if (++replies + items.size() + reply->items.size() > limits::operator_items_max) {
      return Error{.name = "reply_too_long",
                   .detail = fmt::format("the controller sent more than {} items",
                                         limits::operator_items_max)};
    }
    std::move(reply->items.begin(), reply->items.end(), std::back_inserter(items));
    more = reply->more;
  }
  return items;
}

bool OperatorClient::pause(std::int64_t duration_ns) {
  const std::int64_t until_ns = clock_.monotonic_ns() + duration_ns;
  for (;;) {
    const std::int64_t left_ns = until_ns - clock_.monotonic_ns();
    if (left_ns <= 0) return true;
    if (!wait_(left_ns)) return false;
    // A late reply that nobody takes would end every wait at once.
    while (link_.receive()) {
    }
  }
}

}  // namespace reeve::cli
