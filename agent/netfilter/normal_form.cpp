#include "agent/netfilter/normal_form.h"

#include <linux/netfilter/nf_tables.h>

#include "agent/netfilter/attributes.h"
#include "common/result.h"

namespace reeve {
namespace {

// Younger than the oldest kernel headers that Reeve is built with (Linux 6.16).
constexpr std::uint16_t set_backend_attribute = 19;
constexpr std::uint16_t set_count_attribute = 20;

constexpr std::string_view a_handle = "the kernel's number of it, another after each load";
constexpr std::string_view a_use_count = "how often others of the table refer to it: they compare";
constexpr std::string_view a_pad = "alignment of the message";
constexpr std::string_view a_count = "what traffic did, not what the rule does";
constexpr std::string_view a_transaction_id = "valid only in the transaction that made it";
constexpr std::string_view a_place = "the handle of a neighbour: order compares by itself";

constexpr SchemaRow dropped(std::uint16_t attribute, std::string_view why) {
  return {attribute, Treatment::drop, {}, why};
}
constexpr SchemaRow nested(std::uint16_t attribute, Schema inner) {
  return {attribute, Treatment::nest, inner, {}};
}
constexpr SchemaRow with(std::uint16_t attribute, Treatment treatment) {
  return {attribute, treatment, {}, {}};
}

// Stateful expressions and objects: what they count is dropped.
constexpr SchemaRow counter_rows[] = {dropped(NFTA_COUNTER_BYTES, a_count),
                                      dropped(NFTA_COUNTER_PACKETS, a_count),
                                      dropped(NFTA_COUNTER_PAD, a_pad)};
constexpr SchemaRow quota_rows[] = {with(NFTA_QUOTA_FLAGS, Treatment::quota_flags),
                                    dropped(NFTA_QUOTA_CONSUMED, a_count),
                                    dropped(NFTA_QUOTA_PAD, a_pad)};
constexpr SchemaRow limit_rows[] = {dropped(NFTA_LIMIT_PAD, a_pad)};
constexpr SchemaRow last_rows[] = {dropped(NFTA_LAST_SET, a_count),
                                   dropped(NFTA_LAST_MSECS, a_count),
                                   dropped(NFTA_LAST_PAD, a_pad)};

constexpr SchemaRow verdict_rows[] = {with(NFTA_VERDICT_CHAIN, Treatment::chain_name),
                                      dropped(NFTA_VERDICT_CHAIN_ID, a_transaction_id)};
constexpr SchemaRow data_rows[] = {nested(NFTA_DATA_VERDICT, verdict_rows)};
constexpr SchemaRow immediate_rows[] = {nested(NFTA_IMMEDIATE_DATA, data_rows)};
constexpr SchemaRow lookup_rows[] = {with(NFTA_LOOKUP_SET, Treatment::set_name),
                                     dropped(NFTA_LOOKUP_SET_ID, a_transaction_id)};
constexpr SchemaRow dynset_rows[] = {
    with(NFTA_DYNSET_SET_NAME, Treatment::set_name), dropped(NFTA_DYNSET_SET_ID, a_transaction_id),
    with(NFTA_DYNSET_EXPR, Treatment::expression),
    with(NFTA_DYNSET_EXPRESSIONS, Treatment::expressions), dropped(NFTA_DYNSET_PAD, a_pad)};
constexpr SchemaRow objref_rows[] = {with(NFTA_OBJREF_SET_NAME, Treatment::set_name),
                                     dropped(NFTA_OBJREF_SET_ID, a_transaction_id)};

struct ExpressionRow {
  std::string_view name;
  Schema schema;
};
// The others hold configuration only, and compare as they are.
constexpr ExpressionRow expressions[] = {
    {"counter", counter_rows},     {"quota", quota_rows},   {"limit", limit_rows},
    {"last", last_rows},           {"lookup", lookup_rows}, {"dynset", dynset_rows},
    {"immediate", immediate_rows}, {"objref", objref_rows},
};

constexpr SchemaRow table_rows[] = {
    dropped(NFTA_TABLE_USE, a_use_count), dropped(NFTA_TABLE_HANDLE, a_handle),
    dropped(NFTA_TABLE_PAD, a_pad),
    dropped(NFTA_TABLE_OWNER, "the socket that owns it; that it is owned is a flag")};
constexpr SchemaRow chain_rows[] = {
    dropped(NFTA_CHAIN_HANDLE, a_handle), with(NFTA_CHAIN_NAME, Treatment::chain_name),
    dropped(NFTA_CHAIN_USE, a_use_count), nested(NFTA_CHAIN_COUNTERS, counter_rows),
    dropped(NFTA_CHAIN_PAD, a_pad),       dropped(NFTA_CHAIN_ID, a_transaction_id)};
constexpr SchemaRow rule_rows[] = {with(NFTA_RULE_CHAIN, Treatment::chain_name),
                                   dropped(NFTA_RULE_HANDLE, a_handle),
                                   with(NFTA_RULE_EXPRESSIONS, Treatment::expressions),
                                   dropped(NFTA_RULE_POSITION, a_place),
                                   dropped(NFTA_RULE_PAD, a_pad),
                                   dropped(NFTA_RULE_ID, a_transaction_id),
                                   dropped(NFTA_RULE_POSITION_ID, a_transaction_id),
                                   dropped(NFTA_RULE_CHAIN_ID, a_transaction_id)};
constexpr std::string_view asked_apart = "not part of what the rule does";
constexpr SchemaRow rule_meaning_rows[] = {dropped(NFTA_RULE_TABLE, asked_apart),
                                           dropped(NFTA_RULE_CHAIN, asked_apart),
                                           dropped(NFTA_RULE_USERDATA, asked_apart),
                                           dropped(NFTA_RULE_HANDLE, a_handle),
                                           with(NFTA_RULE_EXPRESSIONS, Treatment::expressions),
                                           dropped(NFTA_RULE_POSITION, a_place),
                                           dropped(NFTA_RULE_PAD, a_pad),
                                           dropped(NFTA_RULE_ID, a_transaction_id),
                                           dropped(NFTA_RULE_POSITION_ID, a_transaction_id),
                                           dropped(NFTA_RULE_CHAIN_ID, a_transaction_id)};
constexpr SchemaRow set_rows[] = {
    with(NFTA_SET_NAME, Treatment::set_name),
    dropped(NFTA_SET_ID, a_transaction_id),
    dropped(NFTA_SET_PAD, a_pad),
    dropped(NFTA_SET_HANDLE, a_handle),
    with(NFTA_SET_EXPR, Treatment::expression),
    with(NFTA_SET_EXPRESSIONS, Treatment::expressions),
    dropped(set_backend_attribute, "which data structure the kernel chose"),
    dropped(set_count_attribute, "how many elements: they compare")};
constexpr SchemaRow element_rows[] = {nested(NFTA_SET_ELEM_DATA, data_rows),
                                      dropped(NFTA_SET_ELEM_EXPIRATION, "how long it still lives"),
                                      with(NFTA_SET_ELEM_EXPR, Treatment::expression),
                                      dropped(NFTA_SET_ELEM_PAD, a_pad),
                                      with(NFTA_SET_ELEM_EXPRESSIONS, Treatment::expressions)};
constexpr SchemaRow object_rows[] = {dropped(NFTA_OBJ_USE, a_use_count),
                                     dropped(NFTA_OBJ_HANDLE, a_handle),
                                     dropped(NFTA_OBJ_PAD, a_pad)};
constexpr SchemaRow counter_object_rows[] = {nested(NFTA_OBJ_DATA, counter_rows), object_rows[0],
                                             object_rows[1], object_rows[2]};
constexpr SchemaRow quota_object_rows[] = {nested(NFTA_OBJ_DATA, quota_rows), object_rows[0],
                                           object_rows[1], object_rows[2]};
constexpr SchemaRow limit_object_rows[] = {nested(NFTA_OBJ_DATA, limit_rows), object_rows[0],
                                           object_rows[1], object_rows[2]};
constexpr SchemaRow flowtable_rows[] = {dropped(NFTA_FLOWTABLE_USE, a_use_count),
                                        dropped(NFTA_FLOWTABLE_HANDLE, a_handle),
                                        dropped(NFTA_FLOWTABLE_PAD, a_pad)};

// Above all attribute types, which have 14 bits.
constexpr std::uint16_t numbered = 0x4000;

}  // namespace

Schema table_schema() { return table_rows; }
Schema chain_schema() { return chain_rows; }
Schema rule_schema() { return rule_rows; }
Schema rule_meaning_schema() { return rule_meaning_rows; }
Schema set_schema() { return set_rows; }
Schema element_schema() { return element_rows; }
Schema flowtable_schema() { return flowtable_rows; }
Schema object_schema(std::uint32_t object_type) {
  if (object_type == NFT_OBJECT_COUNTER) return counter_object_rows;
  if (object_type == NFT_OBJECT_QUOTA) return quota_object_rows;
  if (object_type == NFT_OBJECT_LIMIT) return limit_object_rows;
  return object_rows;
}

std::optional<std::uint32_t> MadeUpNames::number(std::string_view name) {
  const auto found = numbers_.find(name);
  if (found == numbers_.end()) return std::nullopt;
  if (found->second == none) {
    found->second = static_cast<std::uint32_t>(order_.size());
    order_.push_back(found->first);
  }
  return found->second;
}

void MadeUpNames::forget_order() {
  for (const std::string_view name : order_) numbers_[name] = none;
  order_.clear();
}

void NormalForm::put(std::uint16_t type, ByteView payload) {
  append_u16(bytes_, type);
  append_u32(bytes_, static_cast<std::uint32_t>(payload.size()));
  append(payload);
}

void NormalForm::begin(std::uint16_t tag) {
  append_u16(bytes_, tag);
  open_.push_back(bytes_.size());
  append_u32(bytes_, 0);
}

void NormalForm::end() {
  REEVE_ASSERT(!open_.empty());
  const std::size_t at = open_.back();
  open_.pop_back();
  const auto length = static_cast<std::uint32_t>(bytes_.size() - at - 4);
  for (unsigned i = 0; i < 4; ++i)
    bytes_[at + i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
}

void NormalForm::write(ByteView attributes, Schema schema) {
  AttributeWalk walk(attributes);
  while (const auto attribute = walk.next()) {
    const SchemaRow* known = nullptr;
    for (const SchemaRow& row : schema)
      if (row.attribute == attribute->type) known = &row;
    if (known == nullptr)
      put(attribute->type, attribute->payload);
    else
      write_one(attribute->type, attribute->payload, *known);
  }
}

void NormalForm::write_one(std::uint16_t type, ByteView payload, const SchemaRow& row) {
  switch (row.treatment) {
    case Treatment::drop:
      return;
    case Treatment::set_name:
      return write_name(type, payload, sets_);
    case Treatment::chain_name:
      return write_name(type, payload, chains_);
    case Treatment::quota_flags: {
      Bytes flags;
      append_u32(flags, ByteReader(payload).u32() & ~std::uint32_t{NFT_QUOTA_F_DEPLETED});
      return put(type, flags);
    }
    case Treatment::nest:
      begin(type);
      write(payload, row.inner);
      return end();
    case Treatment::expression:
      begin(type);
      write_expression(payload);
      return end();
    case Treatment::expressions: {
      begin(type);
      AttributeWalk walk(payload);
      while (const auto one = walk.next()) {
        begin(one->type);
        write_expression(one->payload);
        end();
      }
      return end();
    }
  }
}

void NormalForm::write_expression(ByteView payload) {
  const std::string_view name = text_attribute(payload, NFTA_EXPR_NAME);
  Schema schema;
  for (const ExpressionRow& row : expressions)
    if (row.name == name) schema = row.schema;
  const SchemaRow data = nested(NFTA_EXPR_DATA, schema);
  write(payload, Schema(&data, 1));
}

void NormalForm::write_name(std::uint16_t type, ByteView payload, MadeUpNames& names) {
  const std::string_view text = text_of(payload);
  const auto number = names.number(text.substr(0, text.find('\0')));
  if (!number) return put(type, payload);
  append_u16(bytes_, static_cast<std::uint16_t>(type | numbered));
  append_u32(bytes_, *number);
}

}  // namespace reeve
