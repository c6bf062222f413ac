#include "common/codec.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "tests/common/allocation.h"
#include "tests/common/samples.h"

using namespace reeve;

namespace {

std::string refusal(ByteView bytes) {
  auto value = decode(bytes);
  return value.ok() ? "" : value.error().name;
}

Bytes repeated(std::uint8_t byte, std::size_t times, Bytes end) {
  Bytes out(times, byte);
  append(out, end);
  return out;
}

// array16 of `count` zeros.
Bytes zeros(std::size_t count) {
  Bytes out{0xdc};
  append_u16(out, static_cast<std::uint16_t>(count));
  out.resize(out.size() + count, 0);
  return out;
}

TEST_CASE("the encoder writes what encode() would, and its own bytes are read back at any size") {
  const std::string hostile = "\xff/x";
  const Bytes bytes(300, 7);
  Encoder out;
  out.map(6).text("name").name("/etc/x").text("odd").name(hostile).text("bytes").binary(bytes);
  out.text("claim").claim(true).text("numbers").array(3).integer(-7).integer(70'000).natural(3);
  out.text("many").array(2'000);
  for (int i = 0; i < 2'000; ++i) out.text(std::string(40, 'x'));
  const Value same(Value::Map{{"name", Value::name("/etc/x")},
                              {"odd", Value::name(hostile)},
                              {"bytes", bytes},
                              {"claim", true},
                              {"numbers", Value::Array{-7, 70'000, 3}},
                              {"many", Value::Array(2'000, Value(std::string(40, 'x')))}});
  const Bytes written = out.take();
  CHECK(written == encode(same));
  CHECK_FALSE(decode(written).ok());
  CHECK(decode_own(written) == same);
}

}  // namespace

TEST_CASE("a Value of every shape is the same after encoding and decoding") {
  auto back = decode(encode(samples::value()));
  REQUIRE(back.ok());
  CHECK(*back == samples::value());
  CHECK(encode(*back) == encode(samples::value()));
}

TEST_CASE("numbers take their shortest form") {
  CHECK(encode(127) == Bytes{0x7f});
  CHECK(encode(std::int64_t{200}) == Bytes{0xcc, 200});
  CHECK(encode(-32) == Bytes{0xe0});
  CHECK(encode(-33) == Bytes{0xd0, 0xdf});
  CHECK(encode(std::uint64_t{65'536}) == Bytes{0xce, 0, 1, 0, 0});
}

TEST_CASE("a number is the same whether it was sent with a sign or without") {
  auto value = decode(Bytes{0xd3, 0, 0, 0, 0, 0, 0, 0, 5});
  REQUIRE(value.ok());
  CHECK(*value == Value(5));
  CHECK(value->natural() == 5u);
  CHECK(value->integer() == 5);
}

TEST_CASE("a number that does not fit is absent") {
  CHECK(!Value(~std::uint64_t{0}).integer());
  CHECK(!Value(-1).natural());
  CHECK(!Value("5").integer());
}

TEST_CASE("a name is text where it is UTF-8 and binary where it is not") {
  CHECK(Value::name("caf\xc3\xa9").text() != nullptr);
  CHECK(Value::name("caf\xe9").binary() != nullptr);
  CHECK(Value::name("caf\xe9").any_name() == "caf\xe9");
  CHECK(!Value(1).any_name());
}

TEST_CASE("what is not one whole MessagePack object is malformed") {
  CHECK(refusal(Bytes{}) == "malformed");
  CHECK(refusal(Bytes{0xc1}) == "malformed");
  CHECK(refusal(Bytes{0xa5, 'a'}) == "malformed");
  CHECK(refusal(Bytes{0x92, 1}) == "malformed");
  CHECK(refusal(Bytes{1, 2}) == "malformed");
  CHECK(refusal(Bytes{0xdb, 0xff, 0xff, 0xff, 0xff, 'a'}) == "malformed");
}

TEST_CASE("floating-point numbers and ext types are malformed") {
  CHECK(refusal(Bytes{0xca, 0, 0, 0, 0}) == "malformed");
  CHECK(refusal(Bytes{0xcb, 0, 0, 0, 0, 0, 0, 0, 0}) == "malformed");
  CHECK(refusal(Bytes{0xd4, 1, 0}) == "malformed");
  CHECK(refusal(Bytes{0xc7, 0, 1}) == "malformed");
  CHECK(refusal(Bytes{0xc9, 0xff, 0xff, 0xff, 0xff, 1}) == "malformed");
}

TEST_CASE("a key that is not text, or twice in one map, is malformed") {
  CHECK(refusal(Bytes{0x81, 1, 1}) == "malformed");
  CHECK(refusal(Bytes{0x81, 0x80, 1}) == "malformed");
  CHECK(refusal(Bytes{0x81, 0xc4, 1, 'a', 1}) == "malformed");
  CHECK(refusal(Bytes{0x82, 0xa1, 'a', 1, 0xa1, 'a', 2}) == "malformed");
  CHECK(refusal(Bytes{0x92, 0x81, 0xa1, 'a', 1, 0x81, 0xa1, 'a', 2}) == "");
}

TEST_CASE("eight levels are read and nine are refused") {
  CHECK(refusal(repeated(0x91, limits::nesting_max, {0xc0})) == "");
  CHECK(refusal(repeated(0x91, limits::nesting_max + 1, {0xc0})) == "limit_exceeded");
  CHECK(refusal(repeated(0x91, 60'000, {0xc0})) == "limit_exceeded");
}

TEST_CASE("1,024 elements are read and one more is refused") {
  CHECK(refusal(zeros(1'024)) == "");
  CHECK(refusal(zeros(1'025)) == "limit_exceeded");
}

TEST_CASE("4,096 objects are read and one more is refused") {
  Bytes most{0x94};  // four lists and 4,091 numbers are 4,096 objects with the outermost list
  for (std::size_t count : {1'024, 1'024, 1'024, 1'019}) append(most, zeros(count));
  CHECK(refusal(most) == "");
  Bytes more{0x94};
  for (std::size_t count : {1'024, 1'024, 1'024, 1'020}) append(more, zeros(count));
  CHECK(refusal(more) == "limit_exceeded");
}

TEST_CASE("a message beyond 64,000 bytes is refused") {
  Bytes most{0xc5};
  append_u16(most, static_cast<std::uint16_t>(limits::message_bytes_max - 3));
  most.resize(limits::message_bytes_max);
  CHECK(refusal(most) == "");
  most.push_back(0);
  CHECK(refusal(most) == "limit_exceeded");
}

TEST_CASE("a Value is decodable exactly where its bytes are decoded") {
  auto nested = [](std::size_t levels, bool maps) {
    Value out;
    for (std::size_t i = 0; i < levels; ++i)
      out = maps ? Value(Value::Map{{"k", out}}) : Value(Value::Array{out});
    return out;
  };
  auto rows = [](std::size_t count, std::size_t cells) {
    return Value(Value::Array(count, Value(Value::Array(cells, Value(0)))));
  };
  auto entries = [](std::size_t count) {
    Value::Map out;
    for (std::size_t i = 0; i < count; ++i) out.emplace_back(std::to_string(i), i);
    return Value(out);
  };
  const Value whole[] = {samples::value(),
                         nested(limits::nesting_max, false),
                         nested(limits::nesting_max, true),
                         rows(1, limits::container_elements_max),
                         entries(limits::container_elements_max),
                         rows(7, 584),  // 4,096 objects in all
                         rows(1, 0)};
  for (const Value& value : whole) {
    CHECK(is_decodable(value));
    CHECK(refusal(encode(value)) == "");
  }
  const Value refused[] = {
      nested(limits::nesting_max + 1, false),      nested(limits::nesting_max + 1, true),
      rows(1, limits::container_elements_max + 1), entries(limits::container_elements_max + 1),
      Value(Value::Array{rows(7, 584)}),           rows(4, limits::container_elements_max),
      Value(Value::Array(3, entries(1'000))),      Value(Value::Map{{"k", 1}, {"l", 2}, {"k", 3}})};
  for (const Value& value : refused) {
    CHECK_FALSE(is_decodable(value));
    CHECK(refusal(encode(value)) != "");
  }
}

TEST_CASE("counts that announce billions are refused before anything is allocated for them") {
  const Bytes bombs[] = {{0xdd, 0xff, 0xff, 0xff, 0xff},
                         {0xdf, 0xff, 0xff, 0xff, 0xff},
                         {0xdc, 0xff, 0xff},
                         {0xde, 0xff, 0xff},
                         {0xc6, 0xff, 0xff, 0xff, 0xff},
                         {0xdb, 0xff, 0xff, 0xff, 0xff},
                         {0xc9, 0xff, 0xff, 0xff, 0xff, 1}};
  for (const Bytes& bomb : bombs) {
    reset_allocations();
    bool refused = !decode(bomb).ok();
    std::size_t bytes = allocated_bytes();
    CHECK(refused);
    CHECK(bytes > 0);  // the Error itself: the counter works
    CHECK(bytes < 4'096);
  }
}

TEST_CASE("the worst message of the greatest size is decoded or refused within a mebibyte") {
  Bytes lists{0x94};
  for (std::size_t count : {1'024, 1'024, 1'024, 1'019}) append(lists, zeros(count));
  Bytes nested;  // lists of 1,024 that each begin with the next
  for (int level = 0; level < 8; ++level) append(nested, Bytes{0xdc, 4, 0});
  for (const Bytes& bytes : {lists, nested, Bytes(64'000, 0x91), Bytes(64'000, 0xdf)}) {
    reset_allocations();
    (void)decode(bytes).ok();
    CHECK(allocated_bytes() < 1u << 20);
  }
}

TEST_CASE("fields are read by name, and the first wrong one is told") {
  Value value(Value::Map{{"n", 5}, {"s", "x"}, {"list", Value::Array{"a", "b"}}});
  Fields good(value, "thing");
  CHECK(good.natural("n") == 5);
  CHECK(good.text("s") == "x");
  CHECK(good.texts("list") == std::vector<std::string>{"a", "b"});
  CHECK(good.text_or("absent", "other") == "other");
  CHECK(good.finish(UnknownFields::refuse).ok());

  Fields bad(value, "thing");
  CHECK(bad.natural("s") == 0);
  CHECK(bad.text("gone") == "");
  auto status = bad.finish(UnknownFields::keep);
  REQUIRE(!status.ok());
  CHECK(status.error().name == "malformed");
  CHECK(status.error().detail == "thing: s is not a whole number of at least 0");
}

TEST_CASE("an unknown field is refused where asked and kept elsewhere") {
  Value value(Value::Map{{"known", 1}, {"new\x1b", 2}});
  Fields fields(value, "thing");
  fields.natural("known");
  CHECK(fields.finish(UnknownFields::keep).ok());
  auto status = fields.finish(UnknownFields::refuse);
  REQUIRE(!status.ok());
  CHECK(status.error().name == "unknown_field");
  CHECK(status.error().detail == "thing: new\\x1B");
}

TEST_CASE("fields of what is not a map, and fields of another type, are malformed") {
  Value number(5);
  Fields none(number, "thing");
  none.natural("n");
  CHECK(none.finish(UnknownFields::refuse).error().detail == "thing: is not a map");
  Value value(Value::Map{{"a", Value()}, {"b", Bytes(31)}, {"c", Value::Array{1}}});
  auto fails = [&](auto read) {
    Fields fields(value, "thing");
    read(fields);
    return !fields.finish(UnknownFields::keep).ok();
  };
  CHECK(fails([](Fields& f) { f.text("a"); }));
  CHECK(fails([](Fields& f) { f.boolean("a"); }));
  CHECK(fails([](Fields& f) { f.integer("a"); }));
  CHECK(fails([](Fields& f) { f.binary("a"); }));
  CHECK(fails([](Fields& f) { f.array("a"); }));
  CHECK(fails([](Fields& f) { f.name("a"); }));
  CHECK(fails([](Fields& f) { f.value("gone"); }));
  CHECK(fails([](Fields& f) { f.bytes<32>("b"); }));
  CHECK(fails([](Fields& f) { f.texts("c"); }));
  CHECK(fails([](Fields& f) { f.natural_or("a", 1); }));
  CHECK(!fails([](Fields& f) { f.array("c"); }));
}
