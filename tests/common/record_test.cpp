#include "common/record.h"

#include <doctest/doctest.h>

#include "common/limits.h"
#include "tests/common/samples.h"

using namespace reeve;

namespace {

constexpr Moment now{.mono_ns = 5, .wall_ns = 6};

Value::Map without(const Value& map, std::string_view key) {
  Value::Map out = *map.map();
  std::erase_if(out, [&](const auto& entry) { return entry.first == key; });
  return out;
}

}  // namespace

TEST_CASE("a receipt is the same after encoding and decoding, hostile names and all") {
  auto record = decode_record(samples::receipt_bytes());
  REQUIRE(record.ok());
  CHECK(record->type == "receipt");
  CHECK(record->severity == Severity::critical);
  CHECK(record->sealed.wall_ns == 1'700'000'000'000'000'456);
  auto receipt = decode_receipt(*record);
  REQUIRE(receipt.ok());
  CHECK(*receipt == samples::receipt());
}

TEST_CASE("a receipt of which nothing is known is the same after encoding and decoding") {
  Receipt empty;
  empty.outcome = outcome::audited;
  auto record = decode_record(encode_receipt(empty, now));
  REQUIRE(record.ok());
  auto back = decode_receipt(*record);
  REQUIRE(back.ok());
  CHECK(*back == empty);
}

TEST_CASE("a contention is the same after encoding and decoding, with and without a rival") {
  Contention contention = samples::contention();
  for (int i = 0; i < 2; ++i, contention.rival.reset()) {
    auto record = decode_record(encode_contention(contention, now));
    REQUIRE(record.ok());
    CHECK(record->severity == Severity::critical);
    auto back = decode_contention(*record);
    REQUIRE(back.ok());
    CHECK(*back == contention);
    CHECK(!decode_receipt(*record).ok());
  }
}

TEST_CASE("a contention without one of its fields or with another phase is malformed") {
  const auto record = decode_record(encode_contention(samples::contention(), now));
  for (std::string_view key :
       {"incident", "phase", "policy", "rule", "object", "owner", "fixes", "since", "until"}) {
    CAPTURE(key);
    Record damaged = *record;
    damaged.body = Value(without(record->body, key));
    CHECK(decode_contention(damaged).error().name == "malformed");
  }
  Record other = *record;
  Value::Map fields = without(record->body, "phase");
  fields.emplace_back("phase", "half");
  other.body = Value(std::move(fields));
  CHECK(decode_contention(other).error().name == "malformed");
  fields = without(record->body, "rival");
  fields.emplace_back("rival", 7);
  other.body = Value(std::move(fields));
  CHECK(decode_contention(other).error().name == "malformed");
}

TEST_CASE("a record begins with its type, its stamps and its severity") {
  auto record = decode_record(encode_record("gap", now, Severity::low, {{"count", 3}}));
  REQUIRE(record.ok());
  std::vector<std::string> keys;
  for (const auto& [key, value] : *record->body.map()) keys.push_back(key);
  CHECK(keys == std::vector<std::string>{"type", "wall", "mono", "sev", "count"});
  CHECK(record->sealed == now);
}

TEST_CASE("a record without a severity has none") {
  auto record = decode_record(encode_record("epoch_start", now, std::nullopt, {}));
  REQUIRE(record.ok());
  CHECK(!record->severity);
  CHECK(record->body.find("sev") == nullptr);
}

TEST_CASE("unknown types and fields of records are kept") {
  Bytes bytes = encode(Value::Map{
      {"new", 1}, {"type", "of_tomorrow"}, {"wall", -1}, {"mono", 2}, {"more", Value::Array{3}}});
  auto record = decode_record(bytes);
  REQUIRE(record.ok());
  CHECK(record->type == "of_tomorrow");
  CHECK(encode(record->body) == bytes);
}

TEST_CASE("unknown fields of a receipt are ignored") {
  auto record = decode_record(samples::receipt_bytes());
  REQUIRE(record.ok());
  Value::Map more = *record->body.map();
  more.emplace_back("tomorrow", 1);
  record->body = Value(std::move(more));
  CHECK(*decode_receipt(*record) == samples::receipt());
}

TEST_CASE("a record without a type or stamp, or with a severity that is none, is malformed") {
  auto refused = [](Value::Map map) { return !decode_record(encode(Value(std::move(map)))).ok(); };
  CHECK(refused({{"wall", 1}, {"mono", 2}}));
  CHECK(refused({{"type", "a"}, {"mono", 2}}));
  CHECK(refused({{"type", "a"}, {"wall", 1}}));
  CHECK(refused({{"type", "a b"}, {"wall", 1}, {"mono", 2}}));
  CHECK(refused({{"type", "a"}, {"wall", 1}, {"mono", 2}, {"sev", "none"}}));
  CHECK(!refused({{"type", "a"}, {"wall", 1}, {"mono", 2}}));
}

TEST_CASE("every field of a receipt but a severity's neighbours must be there") {
  auto record = decode_record(samples::receipt_bytes());
  REQUIRE(record.ok());
  for (const auto& field : *record->body.map()) {
    const std::string& key = field.first;
    if (key == "type" || key == "wall" || key == "mono" || key == "sev") continue;
    Record less = *record;
    less.body = Value(without(record->body, key));
    CAPTURE(key);
    CHECK(!decode_receipt(less).ok());
  }
  Record other = *record;
  other.severity.reset();
  CHECK(!decode_receipt(other).ok());
  other = *record;
  other.type = "gap";
  CHECK(!decode_receipt(other).ok());
}

TEST_CASE("a record that would not fit is cut, says so and keeps its stamps") {
  Receipt large = samples::receipt();
  large.object = "/" + std::string(100'000, 'a');
  large.cause.command = std::string(100'000, '\xff');
  large.controls = std::vector<std::string>(5'000, "control");
  Bytes bytes = encode_receipt(large, now);
  CHECK(bytes.size() <= limits::record_bytes_max);
  auto record = decode_record(bytes);
  REQUIRE(record.ok());
  REQUIRE(record->body.find("cut") != nullptr);
  auto receipt = decode_receipt(*record);
  REQUIRE(receipt.ok());
  CHECK(receipt->rule == large.rule);
  CHECK(receipt->incident == large.incident);
  CHECK(receipt->policy == large.policy);
  CHECK(receipt->object.starts_with("/aaaa"));
  CHECK(receipt->verified == large.verified);
}

TEST_CASE("a receipt whose every text is at its bound fits with room to spare") {
  Receipt full = samples::receipt();
  for (std::string* text : {&full.desired, &full.found, &full.left, &full.detail, &full.title,
                            &full.object, &full.cause.program, &full.cause.command}) {
    *text = std::string(limits::text_bytes_max, 'x');
  }
  auto record = decode_record(encode_receipt(full, now));
  REQUIRE(record.ok());
  auto receipt = decode_receipt(*record);
  REQUIRE(receipt.ok());
  CHECK(receipt->object.size() >= 1'024);
}

TEST_CASE("a record that no cutting makes fit keeps its type, stamps and severity") {
  Value::Map fields;
  for (int i = 0; i < 2'000; ++i) fields.emplace_back("key" + std::to_string(i), "value");
  auto record = decode_record(encode_record("odd", now, Severity::high, std::move(fields)));
  REQUIRE(record.ok());
  CHECK(record->type == "odd");
  CHECK(record->sealed == now);
  CHECK(record->severity == Severity::high);
  CHECK(record->body.map()->size() == 5);
}

TEST_CASE("a state record of 20,000 rules fits uncut") {
  auto record = decode_record(encode_record(
      "state", now, std::nullopt,
      {{"manifest", samples::filled<32>(1)}, {"rules", Bytes(limits::bundle_rules_max, 1)}}));
  REQUIRE(record.ok());
  CHECK(record->body.find("cut") == nullptr);
  CHECK(record->body.find("rules")->binary()->size() == limits::bundle_rules_max);
}

TEST_CASE("a record longer than a record may be is refused") {
  Bytes bytes = encode(
      Value::Map{{"type", "a"}, {"wall", 1}, {"mono", 2}, {"text", std::string(24'000, 'a')}});
  auto record = decode_record(bytes);
  REQUIRE(!record.ok());
  CHECK(record.error().name == "limit_exceeded");
}

TEST_CASE("a heartbeat is the same after encoding and decoding") {
  auto back = decode_heartbeat(encode_heartbeat(samples::heartbeat()));
  REQUIRE(back.ok());
  CHECK(*back == samples::heartbeat());
}

TEST_CASE("a heartbeat of tomorrow, with more fields and more states, is read") {
  auto value = decode(encode_heartbeat(samples::heartbeat()));
  REQUIRE(value.ok());
  Value::Map more = *value->map();
  for (auto& [key, entry] : more) {
    if (key != "rules") continue;
    Value::Array rules = *entry.array();
    rules.emplace_back(1);
    entry = Value(std::move(rules));
  }
  more.emplace_back("tomorrow", true);
  auto back = decode_heartbeat(encode(Value(std::move(more))));
  REQUIRE(back.ok());
  CHECK(*back == samples::heartbeat());
}

TEST_CASE("every field of a heartbeat must be there and be of its type") {
  auto value = decode(encode_heartbeat(samples::heartbeat()));
  REQUIRE(value.ok());
  for (const auto& field : *value->map()) {
    const std::string& key = field.first;
    CAPTURE(key);
    Value::Map other = without(*value, key);
    CHECK(!decode_heartbeat(encode(Value(other))).ok());
    other.emplace_back(key, Value());
    CHECK(!decode_heartbeat(encode(Value(other))).ok());
  }
  Value::Map large = without(*value, "rules");
  large.emplace_back("rules", Value::Array(rule_states, Value(std::uint64_t{1} << 32)));
  CHECK(!decode_heartbeat(encode(Value(large))).ok());
}

TEST_CASE("states, phases and confidences have the names that the formats say") {
  CHECK(name_of(RuleState::unknown) == "unknown");
  CHECK(name_of(RuleState::holds) == "holds");
  CHECK(name_of(RuleState::needs_approval) == "needs_approval");
  CHECK(static_cast<std::size_t>(RuleState::needs_approval) + 1 == rule_states);
  for (Phase phase : {Phase::whole, Phase::open, Phase::close}) {
    CHECK(phase_named(name_of(phase)) == phase);
  }
  for (Confidence c : {Confidence::unknown, Confidence::likely, Confidence::certain}) {
    CHECK(confidence_named(name_of(c)) == c);
  }
  CHECK(!phase_named("half"));
  CHECK(!confidence_named("sure"));
}
