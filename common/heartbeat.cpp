#include <limits>

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
      {"pauses", Value::Array(heartbeat.pauses.begin(), heartbeat.pauses.end())}});
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
  if (fields.has("pauses")) heartbeat.pauses = ids_field(fields, "pauses");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return heartbeat;
}

}  // namespace reeve
