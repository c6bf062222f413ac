#include "common/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <msgpack.hpp>

#include "common/limits.h"
#include "common/text.h"

namespace reeve {

namespace {

constexpr std::size_t encoded_bytes_usual = 1'024;  // most records; more is only slower

Error malformed(std::string_view problem) {
  return Error{"malformed", fmt::format("MessagePack: {}", problem)};
}

Error too_much(std::string_view what, std::size_t limit) {
  return Error{"limit_exceeded", fmt::format("MessagePack: more than {} {}", limit, what)};
}

bool has_duplicate_key(const Value::Map& entries) {
  std::vector<std::string_view> keys;
  keys.reserve(entries.size());
  for (const auto& [key, value] : entries) keys.push_back(key);
  std::ranges::sort(keys);
  return std::ranges::adjacent_find(keys) != keys.end();
}

// Builds the tree as the parser walks the bytes. Counts are judged when a container is announced,
// and nothing is reserved on an announcement: memory grows only with elements that were there.
class Builder : public msgpack::null_visitor {
 public:
  struct Limits {
    std::size_t levels = limits::nesting_max;
    std::size_t elements = limits::container_elements_max;
    std::size_t objects = limits::objects_max;
  };
  explicit Builder(const Limits& most) : limits_(most) {}

  bool visit_nil() { return place(Value()); }
  bool visit_boolean(bool claim) { return place(Value(claim)); }
  bool visit_positive_integer(std::uint64_t number) { return place(Value(number)); }
  bool visit_negative_integer(std::int64_t number) { return place(Value(number)); }
  bool visit_float32(float) { return refuse(malformed("a floating-point number")); }
  bool visit_float64(double) { return refuse(malformed("a floating-point number")); }
  bool visit_ext(const char*, std::uint32_t) { return refuse(malformed("an ext type")); }
  bool visit_str(const char* text, std::uint32_t size) {
    return place(Value(std::string_view(text, size)));
  }
  bool visit_bin(const char* bytes, std::uint32_t size) {
    return place(Value(view_of(std::string_view(bytes, size))));
  }

  bool start_array(std::uint32_t elements) { return open(elements, 1); }
  bool end_array() {
    Value finished(std::move(open_.back().items));
    open_.pop_back();
    return place_counted(std::move(finished));
  }
  bool start_map(std::uint32_t pairs) { return open(pairs, 2); }
  bool start_map_key() {
    open_.back().at_key = true;
    return true;
  }
  bool end_map_key() {
    open_.back().at_key = false;
    return true;
  }
  bool end_map() {
    if (has_duplicate_key(open_.back().entries)) return refuse(malformed("a key twice in one map"));
    Value finished(std::move(open_.back().entries));
    open_.pop_back();
    return place_counted(std::move(finished));
  }

  const std::optional<Error>& error() const { return error_; }
  Value take() { return std::move(result_); }

 private:
  struct Container {
    bool is_map = false;
    bool at_key = false;
    std::string key{};
    Value::Array items{};
    Value::Map entries{};
  };

  bool refuse(Error error) {
    error_ = std::move(error);
    return false;
  }

  bool open(std::uint32_t elements, std::uint32_t objects_each) {
    if (at_key()) return refuse(malformed("a key that is not text"));
    if (open_.size() >= limits_.levels) return refuse(too_much("levels", limits_.levels));
    if (elements > limits_.elements)
      return refuse(too_much("elements in a container", limits_.elements));
    if (objects_ + 1 + elements * objects_each > limits_.objects)
      return refuse(too_much("objects", limits_.objects));
    ++objects_;
    open_.push_back({.is_map = objects_each == 2});
    return true;
  }

  bool place(Value value) {
    if (++objects_ > limits_.objects) return refuse(too_much("objects", limits_.objects));
    return place_counted(std::move(value));
  }

  bool place_counted(Value value) {
    if (at_key()) {
      if (value.text() == nullptr) return refuse(malformed("a key that is not text"));
      open_.back().key = *value.text();
    } else if (open_.empty()) {
      result_ = std::move(value);
    } else if (open_.back().is_map) {
      open_.back().entries.emplace_back(std::move(open_.back().key), std::move(value));
    } else {
      open_.back().items.push_back(std::move(value));
    }
    return true;
  }

  bool at_key() const { return !open_.empty() && open_.back().at_key; }

  const Limits limits_;
  std::vector<Container> open_;
  std::size_t objects_ = 0;
  Value result_;
  std::optional<Error> error_;
};

// What Builder counts, of a tree that is there already.
class Census {
 public:
  bool takes(const Value& value, std::size_t level) {
    if (++objects_ > limits::objects_max) return false;
    const Value::Array* items = value.array();
    const Value::Map* entries = value.map();
    if (items == nullptr && entries == nullptr) return true;
    const std::size_t elements = items != nullptr ? items->size() : entries->size();
    if (level >= limits::nesting_max || elements > limits::container_elements_max) return false;
    return items != nullptr ? takes_items(*items, level) : takes_entries(*entries, level);
  }

 private:
  bool takes_items(const Value::Array& items, std::size_t level) {
    return std::ranges::all_of(items, [&](const Value& item) { return takes(item, level + 1); });
  }
  bool takes_entries(const Value::Map& entries, std::size_t level) {
    objects_ += entries.size();  // the keys
    if (has_duplicate_key(entries)) return false;
    return std::ranges::all_of(entries,
                               [&](const auto& entry) { return takes(entry.second, level + 1); });
  }

  std::size_t objects_ = 0;
};

// Where msgpack's packer writes to.
struct Sink {
  Bytes& bytes;
  void write(const char* data, std::size_t size) {
    append(bytes, view_of(std::string_view(data, size)));
  }
};

using Packer = msgpack::packer<Sink>;

std::uint32_t checked_size(std::size_t size) {
  REEVE_ASSERT(size <= std::numeric_limits<std::uint32_t>::max());
  return static_cast<std::uint32_t>(size);
}

void pack_text(Packer& packer, std::string_view text) {
  packer.pack_str(checked_size(text.size()));
  packer.pack_str_body(text.data(), checked_size(text.size()));
}

void pack(Packer& packer, const Value& value);

void pack_entries(Packer& packer, const Value::Map& entries) {
  packer.pack_map(checked_size(entries.size()));
  for (const auto& [key, entry] : entries) {
    pack_text(packer, key);
    pack(packer, entry);
  }
}

void pack_items(Packer& packer, const Value::Array& items) {
  packer.pack_array(checked_size(items.size()));
  for (const Value& item : items) pack(packer, item);
}

// Recursion goes as deep as the Value that our own code has built.
void pack(Packer& packer, const Value& value) {
  if (value.is_nil()) {
    packer.pack_nil();
  } else if (const bool* claim = value.boolean()) {
    *claim ? packer.pack_true() : packer.pack_false();
  } else if (auto natural = value.natural()) {
    packer.pack_uint64(*natural);
  } else if (auto integer = value.integer()) {
    packer.pack_int64(*integer);
  } else if (const std::string* text = value.text()) {
    pack_text(packer, *text);
  } else if (const Bytes* bytes = value.binary()) {
    packer.pack_bin(checked_size(bytes->size()));
    packer.pack_bin_body(text_of(*bytes).data(), checked_size(bytes->size()));
  } else if (const Value::Array* items = value.array()) {
    pack_items(packer, *items);
  } else {
    pack_entries(packer, *value.map());
  }
}

}  // namespace

Bytes encode(const Value& value) {
  Bytes out;
  out.reserve(encoded_bytes_usual);
  Sink sink{out};
  Packer packer(sink);
  pack(packer, value);
  return out;
}

Encoder::Encoder() { bytes_.reserve(encoded_bytes_usual); }

Encoder& Encoder::map(std::size_t entries) {
  Sink sink{bytes_};
  Packer(sink).pack_map(checked_size(entries));
  return *this;
}

Encoder& Encoder::array(std::size_t items) {
  Sink sink{bytes_};
  Packer(sink).pack_array(checked_size(items));
  return *this;
}

Encoder& Encoder::text(std::string_view text) {
  Sink sink{bytes_};
  Packer packer(sink);
  pack_text(packer, text);
  return *this;
}

Encoder& Encoder::name(std::string_view bytes) {
  return is_utf8(bytes) ? text(bytes) : binary(view_of(bytes));
}

Encoder& Encoder::binary(ByteView bytes) {
  Sink sink{bytes_};
  Packer(sink).pack_bin(checked_size(bytes.size()));
  append(bytes_, bytes);
  return *this;
}

Encoder& Encoder::claim(bool claim) {
  Sink sink{bytes_};
  Packer packer(sink);
  claim ? packer.pack_true() : packer.pack_false();
  return *this;
}

Encoder& Encoder::integer(std::int64_t number) {
  if (number >= 0) return natural(static_cast<std::uint64_t>(number));
  Sink sink{bytes_};
  Packer(sink).pack_int64(number);
  return *this;
}

Encoder& Encoder::natural(std::uint64_t number) {
  Sink sink{bytes_};
  Packer(sink).pack_uint64(number);
  return *this;
}

Bytes Encoder::take() { return std::move(bytes_); }

Value decode_own(ByteView bytes) {
  constexpr auto most = std::numeric_limits<std::size_t>::max();
  Builder builder({most, most, most});
  std::size_t offset = 0;
  const std::string_view text = text_of(bytes);
  REEVE_ASSERT(msgpack::parse(text.data(), text.size(), offset, builder));
  return builder.take();
}

bool is_decodable(const Value& value) { return Census().takes(value, 0); }

Result<Value> decode(ByteView bytes) {
  if (bytes.size() > limits::message_bytes_max) {
    return too_much("bytes", limits::message_bytes_max);
  }
  Builder builder({});
  std::size_t offset = 0;
  std::string_view text = text_of(bytes);
  bool whole = msgpack::parse(text.data(), text.size(), offset, builder);
  if (builder.error()) return *builder.error();
  if (!whole) return malformed("cut short, or a byte that begins nothing");
  if (offset != bytes.size()) return malformed("trailing bytes");
  return builder.take();
}

}  // namespace reeve
