#include "controller/cli/json.h"

#include "common/clock.h"
#include "common/text.h"

namespace reeve::cli {
namespace {

std::string array_json(const Value::Array& items) {
  std::string out;
  for (const Value& item : items) {
    if (!out.empty()) out += ',';
    out += json_of(item);
  }
  return "[" + out + "]";
}

std::string map_json(const Value::Map& entries) {
  std::string out;
  for (const auto& [key, value] : entries) {
    if (!out.empty()) out += ',';
    out += json_quote(key) + ":" + json_of(value);
  }
  return "{" + out + "}";
}

}  // namespace

std::string json_of(const Value& value) {
  if (const bool* claim = value.boolean()) return *claim ? "true" : "false";
  if (const auto number = value.integer()) return std::to_string(*number);
  if (const auto number = value.natural()) return std::to_string(*number);
  if (const std::string* text = value.text()) return json_quote(*text);
  if (const Bytes* bytes = value.binary()) return json_quote(hex(*bytes));
  if (const Value::Array* items = value.array()) return array_json(*items);
  if (const Value::Map* entries = value.map()) return map_json(*entries);
  return "null";
}

JsonObject& JsonObject::raw(std::string_view key, std::string_view json) {
  if (!members_.empty()) members_ += ',';
  members_ += json_quote(key);
  members_ += ':';
  members_ += json;
  return *this;
}

JsonObject& JsonObject::text(std::string_view key, std::string_view bytes) {
  return raw(key, json_quote(bytes));
}

JsonObject& JsonObject::number(std::string_view key, std::int64_t number) {
  return raw(key, std::to_string(number));
}

JsonObject& JsonObject::natural(std::string_view key, std::uint64_t number) {
  return raw(key, std::to_string(number));
}

JsonObject& JsonObject::texts(std::string_view key, const std::vector<std::string>& items) {
  Value::Array array;
  for (const std::string& item : items) array.emplace_back(item);
  return raw(key, array_json(array));
}

JsonObject& JsonObject::value(std::string_view key, const Value& value) {
  return raw(key, json_of(value));
}

JsonObject& add_time(JsonObject& out, std::string_view key, std::int64_t wall_ns) {
  return wall_ns == 0 ? out.null(key) : out.text(key, utc_text(wall_ns).text);
}

}  // namespace reeve::cli
