// The normal form of what nf_tables tells: attributes in order, without those that differ between
// two tables that do the same (the table in normal_form.cpp names each, with its reason). What it
// does not know is kept, so that it compares. Names that the kernel or nft makes up, of anonymous
// sets and of bound chains, become numbers in the order of their first use.
#pragma once

#include <map>

#include "common/bytes.h"

namespace reeve {

struct SchemaRow;
using Schema = std::span<const SchemaRow>;

// What becomes of one attribute.
enum class Treatment : std::uint8_t {
  drop,
  nest,         // attributes of its own, by the inner schema
  expression,   // one expression: a name, and data by that name's schema
  expressions,  // a list of them
  set_name,     // numbered where it is made up
  chain_name,
  quota_flags,  // without the bit that says "used up"
};

struct SchemaRow {
  std::uint16_t attribute = 0;
  Treatment treatment{};
  Schema inner{};
  std::string_view why{};  // of what is dropped
};

// One for each type of message, and of an element of a set. Objects differ by their type.
Schema table_schema();
Schema chain_schema();
Schema rule_schema();
Schema rule_meaning_schema();  // without comment and place
Schema set_schema();
Schema element_schema();
Schema object_schema(std::uint32_t object_type);
Schema flowtable_schema();

// Made-up names. They are views into the messages that told them.
class MadeUpNames {
 public:
  void add(std::string_view name) { numbers_.emplace(name, none); }
  // Of its first use, counted from 0; absent for a name that somebody chose.
  std::optional<std::uint32_t> number(std::string_view name);
  const std::vector<std::string_view>& in_order() const { return order_; }
  void forget_order();

 private:
  static constexpr std::uint32_t none = UINT32_MAX;
  std::map<std::string_view, std::uint32_t> numbers_;
  std::vector<std::string_view> order_;
};

class NormalForm {
 public:
  NormalForm(MadeUpNames& sets, MadeUpNames& chains) : sets_(sets), chains_(chains) {}

  const Bytes& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }
  void write(ByteView attributes, Schema schema);
  // A part: its length stands before it, so that no two sequences of parts have one form.
  void begin(std::uint16_t tag);
  void end();
  void append(ByteView done) { reeve::append(bytes_, done); }

 private:
  void write_one(std::uint16_t type, ByteView payload, const SchemaRow& row);
  void write_expression(ByteView payload);
  void write_name(std::uint16_t type, ByteView payload, MadeUpNames& names);
  void put(std::uint16_t type, ByteView payload);

  MadeUpNames& sets_;
  MadeUpNames& chains_;
  Bytes bytes_;
  std::vector<std::size_t> open_;
};

}  // namespace reeve
