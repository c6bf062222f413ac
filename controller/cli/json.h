// JSON out of Reeve's values, for --json: one object a line, always valid JSON and valid UTF-8
// whatever bytes are given (RFC 8259). Binary becomes hexadecimal digits.
#pragma once

#include "common/codec.h"

namespace reeve::cli {

std::string json_of(const Value& value);

// One object, its members in the order they were added.
class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view bytes);
  JsonObject& number(std::string_view key, std::int64_t number);
  JsonObject& natural(std::string_view key, std::uint64_t number);
  JsonObject& claim(std::string_view key, std::same_as<bool> auto holds) {
    return raw(key, holds ? "true" : "false");
  }
  JsonObject& texts(std::string_view key, const std::vector<std::string>& items);
  JsonObject& value(std::string_view key, const Value& value);
  JsonObject& null(std::string_view key) { return raw(key, "null"); }
  // `json` is put in as it is and must be valid.
  JsonObject& raw(std::string_view key, std::string_view json);

  std::string object() const { return "{" + members_ + "}"; }
  std::string line() const { return object() + "\n"; }

 private:
  std::string members_;
};

// RFC 3339 in UTC, or null where the moment was never reached (0).
JsonObject& add_time(JsonObject& out, std::string_view key, std::int64_t wall_ns);

}  // namespace reeve::cli
