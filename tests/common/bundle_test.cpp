#include <doctest/doctest.h>

#include <algorithm>

#include "common/limits.h"
#include "common/policy.h"
#include "tests/common/samples.h"

using namespace reeve;

namespace {

std::string refusal(ByteView bytes) {
  auto bundle = decode_bundle(bytes);
  return bundle.ok() ? "" : bundle.error().name;
}

// The frames of a bundle under another count or version, sealed again so that only that is wrong.
Bytes framed(const std::vector<Value>& frames, std::uint32_t count, std::uint8_t version = 1) {
  Bytes out = bytes_of("RVBN");
  out.push_back(version);
  append_u32(out, count);
  for (const Value& frame : frames) {
    Bytes bytes = encode(frame);
    append_u32(out, static_cast<std::uint32_t>(bytes.size()));
    append(out, bytes);
  }
  append(out, sha256(out).view());
  return out;
}

Value head() { return Value::Map{{"policy", "base"}}; }

Value::Map rule_map(std::string_view id) {
  return {{"id", id},
          {"title", "t"},
          {"sev", "low"},
          {"owner", "o"},
          {"controls", Value::Array{}},
          {"mode", "audit"},
          {"why", "w"},
          {"breaker",
           Value::Map{{"first", 1}, {"hour", 2}, {"ceiling", 3}, {"agent", 4}, {"share", 5}}},
          {"durable", false},
          {"show", false},
          {"keep", false},
          {"pause", 60},
          {"kind", "file"},
          {"fields", Value::Map{}}};
}

// The refusal of a bundle with one rule in which `key` has another value, or is added.
std::string refusal_with(std::string_view key, Value value) {
  Value::Map rule = rule_map("a");
  auto entry = std::ranges::find(rule, key, &Value::Map::value_type::first);
  if (entry == rule.end()) {
    rule.emplace_back(key, std::move(value));
  } else {
    entry->second = std::move(value);
  }
  return refusal(framed({head(), std::move(rule)}, 1));
}

}  // namespace

TEST_CASE("a bundle is the same after encoding and decoding, and has the same bytes each time") {
  auto back = decode_bundle(encode_bundle(samples::bundle()));
  REQUIRE(back.ok());
  CHECK(*back == samples::bundle());
  CHECK(encode_bundle(*back) == encode_bundle(samples::bundle()));
}

TEST_CASE("a bundle without rules is a bundle") {
  Bundle empty{"base", {}};
  auto back = decode_bundle(encode_bundle(empty));
  REQUIRE(back.ok());
  CHECK(*back == empty);
}

TEST_CASE("every single flipped bit of a bundle is refused as malformed") {
  Bytes bundle = encode_bundle(samples::bundle());
  for (std::size_t bit = 0; bit < bundle.size() * 8; ++bit) {
    Bytes flipped = bundle;
    flipped[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    CAPTURE(bit);
    CHECK(refusal(flipped) == "malformed_bundle");
  }
}

TEST_CASE("a bundle cut at any byte is refused as malformed") {
  Bytes bundle = encode_bundle(samples::bundle());
  for (std::size_t size = 0; size < bundle.size(); ++size) {
    CHECK(refusal(ByteView(bundle).first(size)) == "malformed_bundle");
  }
}

TEST_CASE("a whole bundle of a later version is told from a damaged one") {
  CHECK(refusal(framed({head()}, 0)) == "");
  CHECK(refusal(framed({head()}, 0, 2)) == "unsupported_version");
}

TEST_CASE("counts and frames of a bundle must agree") {
  CHECK(refusal(framed({head(), rule_map("a")}, 1)) == "");
  CHECK(refusal(framed({head(), rule_map("a")}, 2)) == "malformed_bundle");
  CHECK(refusal(framed({head(), rule_map("a")}, 0)) == "malformed_bundle");
  CHECK(refusal(framed({}, 0)) == "malformed_bundle");
  CHECK(refusal(framed({head()}, 0xffffffff)) == "limit_exceeded");
  Bytes long_frame = bytes_of("RVBN");
  append(long_frame, Bytes{1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff});
  append(long_frame, sha256(long_frame).view());
  CHECK(refusal(long_frame) == "malformed_bundle");
}

TEST_CASE("two rules with one id are refused") {
  CHECK(refusal(framed({head(), rule_map("a"), rule_map("b")}, 2)) == "");
  CHECK(refusal(framed({head(), rule_map("a"), rule_map("a")}, 2)) == "duplicate_rule");
}

TEST_CASE("an unknown field is refused in head, rule and breaker") {
  CHECK(refusal(framed({Value::Map{{"policy", "base"}, {"more", 1}}}, 0)) == "unknown_field");
  CHECK(refusal_with("more", 1) == "unknown_field");
  Value breaker(Value::Map{
      {"first", 1}, {"hour", 2}, {"ceiling", 3}, {"agent", 4}, {"share", 5}, {"more", 6}});
  CHECK(refusal_with("breaker", breaker) == "unknown_field");
}

TEST_CASE("a rule's field that is not what it should be is refused") {
  CHECK(refusal_with("id", "") == "malformed_bundle");
  CHECK(refusal_with("id", "../x") == "malformed_bundle");
  CHECK(refusal_with("id", std::string(129, 'a')) == "malformed_bundle");
  CHECK(refusal_with("kind", "a b") == "malformed_bundle");
  CHECK(refusal_with("sev", "urgent") == "malformed_bundle");
  CHECK(refusal_with("mode", 1) == "malformed_bundle");
  CHECK(refusal_with("title", std::string(4'097, 'a')) == "malformed_bundle");
  CHECK(refusal_with("title", "\xff") == "malformed_bundle");
  CHECK(refusal_with("controls", Value::Array(65, Value("c"))) == "malformed_bundle");
  CHECK(refusal_with("controls", Value::Array{1}) == "malformed_bundle");
  CHECK(refusal_with("controls", Value::Array{std::string(129, 'c')}) == "malformed_bundle");
  CHECK(refusal_with("breaker", Value::Map{}) == "malformed_bundle");
  CHECK(refusal_with("breaker", Value::Map{{"first", 1},
                                           {"hour", 2},
                                           {"ceiling", 3},
                                           {"agent", std::uint64_t{1} << 32},
                                           {"share", 5}}) == "malformed_bundle");
  CHECK(refusal_with(
            "breaker",
            Value::Map{{"first", 1}, {"hour", 2}, {"ceiling", 3}, {"agent", 4}, {"share", 101}}) ==
        "malformed_bundle");
  CHECK(refusal_with("durable", 1) == "malformed_bundle");
  CHECK(refusal_with("keep", 1) == "malformed_bundle");
  CHECK(refusal_with("pause", 1'440) == "");
  CHECK(refusal_with("pause", 1'441) == "malformed_bundle");
  CHECK(refusal_with("fields", Value::Array{}) == "malformed_bundle");
  CHECK(refusal_with("fields", Value::Map{{"any", 1}}) == "");
}

TEST_CASE("every field of a rule must be there") {
  for (const auto& field : rule_map("a")) {
    const std::string& gone = field.first;
    Value::Map rule = rule_map("a");
    std::erase_if(rule, [&](const auto& entry) { return entry.first == gone; });
    CAPTURE(gone);
    CHECK(refusal(framed({head(), std::move(rule)}, 1)) == "malformed_bundle");
  }
}

TEST_CASE("a frame beyond the decoding gate and a bundle beyond 32 MiB are refused") {
  Value::Map rule = rule_map("a");
  rule.back().second = Value::Map{{"text", std::string(64'000, 'a')}};
  CHECK(refusal(framed({head(), std::move(rule)}, 1)) == "limit_exceeded");
  CHECK(refusal(Bytes(limits::bundle_bytes_max + 1)) == "limit_exceeded");
}

TEST_CASE("20,000 rules are read and one more is refused") {
  std::vector<Value> frames{head()};
  for (std::size_t i = 0; i <= limits::bundle_rules_max; ++i) {
    frames.emplace_back(rule_map("r" + std::to_string(i)));
  }
  CHECK(refusal(framed(frames, 20'001)) == "limit_exceeded");
  frames.pop_back();
  CHECK(refusal(framed(frames, 20'000)) == "");
}

TEST_CASE("severities, modes and streams are found by their names") {
  for (Severity severity : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    CHECK(severity_named(name_of(severity)) == severity);
  }
  for (Mode mode : {Mode::audit, Mode::enforce}) CHECK(mode_named(name_of(mode)) == mode);
  for (Stream stream : {Stream::urgent, Stream::routine}) {
    CHECK(stream_named(name_of(stream)) == stream);
  }
  CHECK(!severity_named("LOW"));
  CHECK(!mode_named(""));
  CHECK(!stream_named("slow"));
}

TEST_CASE("critical and high records and those without a severity are urgent") {
  CHECK(stream_for(Severity::critical) == Stream::urgent);
  CHECK(stream_for(Severity::high) == Stream::urgent);
  CHECK(stream_for(std::nullopt) == Stream::urgent);
  CHECK(stream_for(Severity::medium) == Stream::routine);
  CHECK(stream_for(Severity::low) == Stream::routine);
}

TEST_CASE("an id is 1 to 128 plain characters and begins with a letter or digit") {
  CHECK(is_valid_id("a"));
  CHECK(is_valid_id("9.web_1:a-b"));
  CHECK(is_valid_id(std::string(128, 'a')));
  CHECK(!is_valid_id(""));
  CHECK(!is_valid_id(std::string(129, 'a')));
  CHECK(!is_valid_id("-a"));
  CHECK(!is_valid_id("a/b"));
  CHECK(!is_valid_id("a b"));
  CHECK(!is_valid_id("caf\xc3\xa9"));
}
