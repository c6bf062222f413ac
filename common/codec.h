// The one gate to MessagePack: a Value tree in, bytes out, and back under the limits of limits.h.
// Decoding is bounded before anything is allocated: no input of n bytes can make it hold more than
// a small multiple of n, and ext types, floats, duplicate keys and trailing bytes are refused.
#pragma once

#include <initializer_list>
#include <utility>
#include <variant>

#include "common/bytes.h"
#include "common/result.h"

namespace reeve {

class Value {
 public:
  using Array = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;  // in the order it was built or sent

  Value() = default;
  // Defined out of line: inlined into every caller they cost code, and GCC 12 warns of the variant.
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  Value(bool claim) : held_(claim) {}
  // Numbers from 0 up are held without a sign, however they came: equal numbers are equal Values.
  Value(std::int64_t number) {
    if (number < 0)
      held_ = number;
    else
      held_ = static_cast<std::uint64_t>(number);
  }
  Value(std::uint64_t number) : held_(number) {}
  Value(int number) : Value(std::int64_t{number}) {}
  Value(unsigned number) : held_(std::uint64_t{number}) {}
  Value(std::string text) : held_(std::move(text)) {}
  Value(std::string_view text) : held_(std::string(text)) {}
  Value(const char* text) : held_(std::string(text)) {}
  Value(Bytes bytes) : held_(std::move(bytes)) {}
  Value(ByteView bytes) : held_(Bytes(bytes.begin(), bytes.end())) {}
  template <std::size_t N>
  Value(const FixedBytes<N>& bytes) : held_(Bytes(bytes.data.begin(), bytes.data.end())) {}
  Value(Array items) : held_(std::move(items)) {}
  Value(Map entries) : held_(std::move(entries)) {}
  // Text where the bytes are valid UTF-8, else binary: for paths and names of any bytes.
  static Value name(std::string_view bytes);

  bool is_nil() const { return std::holds_alternative<std::monostate>(held_); }
  const bool* boolean() const { return std::get_if<bool>(&held_); }
  // Present when the number is whole and fits; signs do not matter to how it was encoded.
  std::optional<std::int64_t> integer() const;
  std::optional<std::uint64_t> natural() const;
  const std::string* text() const { return std::get_if<std::string>(&held_); }
  const Bytes* binary() const { return std::get_if<Bytes>(&held_); }
  // Text or binary, as name() made it.
  std::optional<std::string> any_name() const;
  const Array* array() const { return std::get_if<Array>(&held_); }
  const Map* map() const { return std::get_if<Map>(&held_); }
  // The entry of a map; null when this is no map or has no such key.
  const Value* find(std::string_view key) const;

  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, std::string, Bytes, Array, Map>
      held_;
};

// Numbers take their shortest form; maps keep their order. The same Value gives the same bytes.
Bytes encode(const Value& value);

// Writes what encode() would of the same Value, piece by piece and without the tree: for what is
// encoded in the middle of a fix. After map() and array() come as many entries and items as they
// announced; a key is a text.
class Encoder {
 public:
  Encoder();
  Encoder& map(std::size_t entries);
  Encoder& array(std::size_t items);
  Encoder& text(std::string_view text);
  Encoder& name(std::string_view bytes);  // as Value::name()
  Encoder& binary(ByteView bytes);
  Encoder& claim(bool claim);
  Encoder& integer(std::int64_t number);
  Encoder& natural(std::uint64_t number);
  Bytes take();

 private:
  Bytes bytes_;
};
// Reads back what Encoder or encode() has made in this process, whatever its size.
Value decode_own(ByteView bytes);

// Errors: `malformed` (not MessagePack, trailing bytes, duplicate or non-text key, float, ext),
// `limit_exceeded`. Limits: limits.h, docs/formats.md.
Result<Value> decode(ByteView bytes);
// Whether decode() would take encode()'s bytes of it: levels, elements, objects and keys are within
// the gate's limits. Says nothing of how many bytes they are.
bool is_decodable(const Value& value);

enum class UnknownFields { refuse, keep };

// Reads the fields of a decoded map and remembers the first thing that was wrong, so that a reader
// lists its fields and asks once. `what` names the object in errors, such as "manifest".
class Fields {
 public:
  Fields(const Value& value, std::string_view what);

  bool has(std::string_view key) const;
  std::string text(std::string_view key);
  std::string text_or(std::string_view key, std::string_view otherwise);
  std::string name(std::string_view key);  // text or binary, see Value::name
  std::uint64_t natural(std::string_view key);
  std::uint64_t natural_or(std::string_view key, std::uint64_t otherwise);
  std::int64_t integer(std::string_view key);
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise);
  bool boolean(std::string_view key);
  bool boolean_or(std::string_view key, bool otherwise);
  Bytes binary(std::string_view key);
  template <std::size_t N>
  FixedBytes<N> bytes(std::string_view key) {
    auto out = fixed<N>(binary(key));
    if (!out) fail(key, "has the wrong length");
    return out.value_or(FixedBytes<N>{});
  }
  std::vector<std::string> texts(std::string_view key);  // a list of texts; must be there
  std::vector<std::string> texts_or_none(std::string_view key);
  const Value& value(std::string_view key);         // nil when missing, which is an error
  const Value::Array& array(std::string_view key);  // empty when missing, an error
  const Value::Array& array_or_none(std::string_view key);

  void fail(std::string_view key, std::string_view problem);
  // The first error, else `unknown_field` where asked, else success.
  Status finish(UnknownFields unknown) const;

 private:
  const Value* take(std::string_view key, bool required);

  const Value& value_;
  std::string what_;
  std::vector<std::string> seen_;
  std::optional<Error> error_;
};

}  // namespace reeve
