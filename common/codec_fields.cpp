#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "common/codec.h"
#include "common/text.h"

namespace reeve {

namespace {

constexpr std::size_t key_bytes_shown = 40;

const Value& nil() {
  static const Value value;
  return value;
}

const Value::Array& no_items() {
  static const Value::Array items;
  return items;
}

}  // namespace

Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;

Value Value::name(std::string_view bytes) {
  if (is_utf8(bytes)) return Value(bytes);
  return Value(view_of(bytes));
}

std::optional<std::int64_t> Value::integer() const {
  if (const auto* number = std::get_if<std::int64_t>(&held_)) return *number;
  const auto* number = std::get_if<std::uint64_t>(&held_);
  constexpr std::uint64_t highest = std::numeric_limits<std::int64_t>::max();
  if (number == nullptr || *number > highest) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<std::uint64_t> Value::natural() const {
  if (const auto* number = std::get_if<std::uint64_t>(&held_)) return *number;
  return std::nullopt;  // a signed number is held as such only where it is below zero
}

std::optional<std::string> Value::any_name() const {
  if (const std::string* words = text()) return *words;
  if (const Bytes* bytes = binary()) return std::string(text_of(*bytes));
  return std::nullopt;
}

const Value* Value::find(std::string_view key) const {
  const Map* entries = map();
  if (entries == nullptr) return nullptr;
  auto entry = std::ranges::find(*entries, key, &Map::value_type::first);
  return entry == entries->end() ? nullptr : &entry->second;
}

Fields::Fields(const Value& value, std::string_view what) : value_(value), what_(what) {
  if (value.map() == nullptr) error_ = Error{"malformed", fmt::format("{}: is not a map", what)};
}

bool Fields::has(std::string_view key) const { return value_.find(key) != nullptr; }

const Value* Fields::take(std::string_view key, bool required) {
  seen_.emplace_back(key);
  const Value* found = value_.find(key);
  if (found == nullptr && required) fail(key, "is missing");
  return found;
}

void Fields::fail(std::string_view key, std::string_view problem) {
  if (error_) return;
  error_ = Error{"malformed", fmt::format("{}: {} {}", what_, key, problem)};
}

std::string Fields::text(std::string_view key) {
  const Value* found = take(key, true);
  if (found == nullptr) return "";
  if (const std::string* words = found->text()) return *words;
  fail(key, "is not text");
  return "";
}

std::string Fields::text_or(std::string_view key, std::string_view otherwise) {
  if (has(key)) return text(key);
  take(key, false);
  return std::string(otherwise);
}

std::string Fields::name(std::string_view key) {
  const Value* found = take(key, true);
  if (found == nullptr) return "";
  auto bytes = found->any_name();
  if (!bytes) fail(key, "is neither text nor binary");
  return bytes.value_or("");
}

std::uint64_t Fields::natural(std::string_view key) {
  const Value* found = take(key, true);
  if (found == nullptr) return 0;
  auto number = found->natural();
  if (!number) fail(key, "is not a whole number of at least 0");
  return number.value_or(0);
}

std::uint64_t Fields::natural_or(std::string_view key, std::uint64_t otherwise) {
  if (has(key)) return natural(key);
  take(key, false);
  return otherwise;
}

std::int64_t Fields::integer(std::string_view key) {
  const Value* found = take(key, true);
  if (found == nullptr) return 0;
  auto number = found->integer();
  if (!number) fail(key, "is not a whole number of 64 bits");
  return number.value_or(0);
}

std::int64_t Fields::integer_or(std::string_view key, std::int64_t otherwise) {
  if (has(key)) return integer(key);
  take(key, false);
  return otherwise;
}

bool Fields::boolean(std::string_view key) {
  const Value* found = take(key, true);
  if (found == nullptr) return false;
  const bool* claim = found->boolean();
  if (claim == nullptr) fail(key, "is neither true nor false");
  return claim != nullptr && *claim;
}

bool Fields::boolean_or(std::string_view key, bool otherwise) {
  if (has(key)) return boolean(key);
  take(key, false);
  return otherwise;
}

Bytes Fields::binary(std::string_view key) {
  const Value* found = take(key, true);
  if (found == nullptr) return {};
  if (const Bytes* bytes = found->binary()) return *bytes;
  fail(key, "is not binary");
  return {};
}

std::vector<std::string> Fields::texts(std::string_view key) {
  std::vector<std::string> out;
  for (const Value& item : array(key)) {
    const std::string* words = item.text();
    if (words == nullptr) {
      fail(key, "is not a list of texts");
      return {};
    }
    out.push_back(*words);
  }
  return out;
}

std::vector<std::string> Fields::texts_or_none(std::string_view key) {
  if (has(key)) return texts(key);
  take(key, false);
  return {};
}

const Value& Fields::value(std::string_view key) {
  const Value* found = take(key, true);
  return found == nullptr ? nil() : *found;
}

const Value::Array& Fields::array(std::string_view key) {
  const Value* found = take(key, true);
  if (found == nullptr) return no_items();
  if (const Value::Array* items = found->array()) return *items;
  fail(key, "is not a list");
  return no_items();
}

const Value::Array& Fields::array_or_none(std::string_view key) {
  if (has(key)) return array(key);
  take(key, false);
  return no_items();
}

Status Fields::finish(UnknownFields unknown) const {
  if (error_) return *error_;
  if (unknown == UnknownFields::keep) return {};
  for (const auto& [key, entry] : *value_.map()) {
    if (std::ranges::find(seen_, key) != seen_.end()) continue;
    return Error{"unknown_field",
                 fmt::format("{}: {}", what_, printable(shortened(key, key_bytes_shown)))};
  }
  return {};
}

}  // namespace reeve
