#include "controller/operator_protocol.h"

#include <doctest/doctest.h>

#include "tests/golden.h"

namespace reeve {
namespace {

OperatorRequest example_request() {
  OperatorRequest request;
  request.id = 0xfedcba9876543210;
  request.operation = "records";
  request.made_wall_ns = 1'700'000'000'000'000'000;
  request.controller = sha256(view_of("controller"));
  request.arguments = Value::Map{{"node", "web1"}, {"limit", 10}};
  return request;
}

TEST_CASE("an operator's request comes back as it was encoded") {
  const auto request = example_request();
  const auto back = decode_operator_request(encode_operator_request(request));
  REQUIRE(back.ok());
  CHECK(back->id == request.id);
  CHECK(back->operation == request.operation);
  CHECK(back->made_wall_ns == request.made_wall_ns);
  CHECK(back->controller == request.controller);
  CHECK(back->arguments == request.arguments);
}

TEST_CASE("requests and replies are the bytes that they were when the format was fixed") {
  check_golden("operator_request.bin", encode_operator_request(example_request()));
  const OperatorReply reply{7, true, std::nullopt, {Value::Map{{"origin", "fleet"}}}};
  check_golden("operator_reply.bin", encode_operator_reply(reply));
}

TEST_CASE("a request of another protocol version is refused by name") {
  const auto bytes = encode(Value::Map{
      {"v", 2}, {"id", 1}, {"op", "ping"}, {"made", 0}, {"ctl", Digest{}}, {"args", Value::Map{}}});
  const auto refused = decode_operator_request(bytes);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "unsupported_version");
}

TEST_CASE("a request whose arguments are no map is malformed") {
  const auto bytes = encode(
      Value::Map{{"v", 1}, {"id", 1}, {"op", "ping"}, {"made", 0}, {"ctl", Digest{}}, {"args", 7}});
  const auto refused = decode_operator_request(bytes);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().name == "malformed");
}

TEST_CASE("a request cut at any byte is refused") {
  const auto bytes = encode_operator_request(example_request());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_FALSE(decode_operator_request(ByteView(bytes).first(size)).ok());
  }
}

TEST_CASE("a reply carries either items or an error") {
  OperatorReply items{7, true, std::nullopt, {Value::Map{{"origin", "fleet"}}}};
  const auto with_items = decode_operator_reply(encode_operator_reply(items));
  REQUIRE(with_items.ok());
  CHECK(with_items->id == 7);
  CHECK(with_items->more);
  CHECK_FALSE(with_items->error.has_value());
  CHECK(with_items->items == items.items);

  OperatorReply refusal{8, false, Error{"not_permitted", "publish", "ask for the right"}, {}};
  const auto with_error = decode_operator_reply(encode_operator_reply(refusal));
  REQUIRE(with_error.ok());
  CHECK(with_error->error == refusal.error);
  CHECK(with_error->items.empty());
}

TEST_CASE("a record's name is read back from its text") {
  Epoch epoch;
  epoch.data = {0x3f, 0x9a, 0x01, 0xc2, 0x55};
  const auto text = record_name("web1", epoch, Stream::urgent, 17);
  CHECK(text == "web1/3f9a01c2/urgent/17");
  const auto name = parse_record_name(text);
  REQUIRE(name);
  CHECK(name->node == "web1");
  CHECK(name->epoch_prefix == "3f9a01c2");
  CHECK(name->stream == Stream::urgent);
  CHECK(name->sequence == 17);
}

TEST_CASE("texts that name no record are refused") {
  for (const auto* text :
       {"", "web1", "web1/3f9a01c2/urgent", "web1/3f9a01c2/urgent/", "web1/3f9a01c2/urgent/x",
        "web1/3f9a01c/urgent/1", "web1/3f9a01cZ/urgent/1", "web1/3f9a01c2/later/1",
        "web1/3f9a01c2/urgent/1/2", "/3f9a01c2/urgent/1", "web1/3f9a01c2/urgent/-1",
        "web1/3f9a01c2/urgent/99999999999999999999",
        "web1/3f9a01c23f9a01c23f9a01c23f9a01c2a/urgent/1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_record_name(text));
  }
}

}  // namespace
}  // namespace reeve
