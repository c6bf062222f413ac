#include <limits>

#include "common/limits.h"
#include "common/record.h"

namespace reeve {

namespace {

template <class Number, std::size_t N>
std::array<Number, N> numbers_field(Fields& fields, std::string_view key) {
  std::array<Number, N> out{};
  const Value::Array& items = fields.array(key);
  if (items.size() < N) {  // more are codes of a later version: kept out of the way
    fields.fail(key, "has too few numbers");
    return out;
  }
  for (std::size_t i = 0; i < N; ++i) {
    auto number = items[i].natural();
    if (!number || *number > std::numeric_limits<Number>::max()) {
      fields.fail(key, "is not a list of counts");
    } else {
      out[i] = static_cast<Number>(*number);
    }
  }
  return out;
}

std::vector<FixedBytes<16>> ids_field(Fields& fields, std::string_view key) {
  std::vector<FixedBytes<16>> out;
  for (const Value& item : fields.array(key)) {
    auto id = item.binary() ? fixed<16>(*item.binary()) : std::nullopt;
    if (!id) fields.fail(key, "is not a list of ids");
    out.push_back(id.value_or(FixedBytes<16>{}));
  }
  return out;
}

Value gaps_value(const std::vector<ChainGap>& gaps) {
  Value::Array out;
  for (const ChainGap& gap : gaps)
    out.push_back(Value::Map{{"epoch", gap.epoch},
                             {"stream", name_of(gap.stream)},
                             {"first", gap.first},
                             {"last", gap.last},
                             {"header", gap.header}});
  return out;
}

Result<std::vector<ChainGap>> gaps_field(Fields& fields) {
  std::vector<ChainGap> out;
  for (const Value& item : fields.array("gaps")) {
    if (out.size() >= limits::heartbeat_gaps_max)
      return Error{"limit_exceeded", "heartbeat: it names too many gaps"};
    Fields parts(item, "a heartbeat's gap");
    ChainGap gap;
    gap.epoch = parts.bytes<16>("epoch");
    const std::string stream = parts.text("stream");
    gap.stream = stream == name_of(Stream::urgent) ? Stream::urgent : Stream::routine;
    gap.first = parts.natural("first");
    gap.last = parts.natural("last");
    gap.header = parts.bytes<32>("header");
    if (stream != name_of(gap.stream) || gap.last < gap.first)
      parts.fail("stream", "is not one, or its gap ends before it begins");
    REEVE_TRY(parts.finish(UnknownFields::keep));
    out.push_back(gap);
  }
  return out;
}

Value ledger_value(const LedgerSeen& seen) {
  return Value::Map{{"size", seen.size},
                    {"root", seen.root},
                    {"error", seen.error},
                    {"recoveries", seen.recoveries}};
}

Result<LedgerSeen> ledger_field(Fields& fields) {
  Fields parts(fields.value("ledger"), "a heartbeat's ledger");
  LedgerSeen seen;
  seen.size = parts.natural("size");
  seen.root = parts.bytes<32>("root");
  seen.error = parts.text("error");
  seen.recoveries = parts.natural_or("recoveries", 0);
  REEVE_TRY(parts.finish(UnknownFields::keep));
  return seen;
}

}  // namespace

Bytes encode_heartbeat(const Heartbeat& heartbeat) {
  return encode(Value::Map{
      {"node", heartbeat.node},
      {"epoch", heartbeat.epoch},
      {"count", heartbeat.count},
      {"wall", heartbeat.made.wall_ns},
      {"mono", heartbeat.made.mono_ns},
      {"agent", heartbeat.agent_version},
      {"root", heartbeat.root_version},
      {"manifest", heartbeat.manifest_version},
      {"digest", heartbeat.manifest_digest},
      {"stale", heartbeat.stale},
      {"refused", heartbeat.refused},
      {"rules", Value::Array(heartbeat.rules.begin(), heartbeat.rules.end())},
      {"isolated", heartbeat.isolation},
      {"sensors", Value::Array(heartbeat.sensors.begin(), heartbeat.sensors.end())},
      {"blind", Value::Array(heartbeat.blind_spots.begin(), heartbeat.blind_spots.end())},
      {"sealed", Value::Array(heartbeat.sealed.begin(), heartbeat.sealed.end())},
      {"pauses", Value::Array(heartbeat.pauses.begin(), heartbeat.pauses.end())},
      {"gaps", gaps_value(heartbeat.gaps)},
      {"ledger", ledger_value(heartbeat.ledger)}});
}

Result<Heartbeat> decode_heartbeat(ByteView payload) {
  auto value = decode(payload);
  if (!value) return value.error();
  Fields fields(*value, "heartbeat");
  Heartbeat heartbeat;
  heartbeat.node = fields.bytes<32>("node");
  heartbeat.epoch = fields.bytes<16>("epoch");
  heartbeat.count = fields.natural("count");
  heartbeat.made = {fields.integer("mono"), fields.integer("wall")};
  heartbeat.agent_version = fields.text("agent");
  heartbeat.root_version = fields.natural("root");
  heartbeat.manifest_version = fields.natural("manifest");
  heartbeat.manifest_digest = fields.bytes<32>("digest");
  heartbeat.stale = fields.boolean("stale");
  heartbeat.refused = fields.text("refused");
  heartbeat.rules = numbers_field<std::uint32_t, rule_states>(fields, "rules");
  heartbeat.isolation = fields.text("isolated");
  heartbeat.sensors = fields.texts("sensors");
  heartbeat.blind_spots = fields.texts("blind");
  heartbeat.sealed = numbers_field<std::uint64_t, 2>(fields, "sealed");
  heartbeat.pauses = ids_field(fields, "pauses");
  auto gaps = gaps_field(fields);
  if (!gaps.ok()) return gaps.error();
  heartbeat.gaps = std::move(*gaps);
  auto ledger = ledger_field(fields);
  if (!ledger.ok()) return ledger.error();
  heartbeat.ledger = std::move(*ledger);
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return heartbeat;
}

}  // namespace reeve
