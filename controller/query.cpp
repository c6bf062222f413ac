#include "controller/query.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "common/text.h"
#include "controller/controller_limits.h"

namespace reeve {
namespace {

// A place in the ledger as one number that only grows: the record that was seen last.
struct Cursor {
  std::uint64_t leaf = 0;
  std::uint64_t index = 0;  // in its batch
};
constexpr unsigned index_bits = 10;
constexpr std::uint64_t index_mask = (1u << index_bits) - 1;
static_assert(limits::batch_records_max <= index_mask + 1);

std::uint64_t write_cursor(const Cursor& cursor) {
  return (cursor.leaf << index_bits) | cursor.index;
}

Cursor read_cursor(std::uint64_t number) { return {number >> index_bits, number & index_mask}; }

bool names_rule(ByteView bytes, std::string_view rule) {
  const auto record = decode_record(bytes);
  if (!record.ok()) return false;
  const auto* value = record->body.find("rule");
  return value != nullptr && value->text() != nullptr && *value->text() == rule;
}

std::vector<Digest> hashes_of(const std::vector<StoredRecord>& records) {
  std::vector<Digest> hashes;
  for (const auto& record : records) hashes.push_back(record.hash);
  return hashes;
}

Value path_of(std::span<const Digest> hashes, std::size_t index) {
  const auto path = inclusion_path(hashes, index);
  return Value::Array(path.begin(), path.end());
}

// Every epoch that begins with these hexadecimal digits lies between both.
std::pair<Epoch, Epoch> epoch_range(std::string_view prefix) {
  constexpr auto digits = 2 * Epoch::size();
  std::string low(prefix);
  std::string high(prefix);
  low.resize(digits, '0');
  high.resize(digits, 'f');
  return {fixed<16>(*unhex(low)).value_or(Epoch{}), fixed<16>(*unhex(high)).value_or(Epoch{})};
}

Error unknown_node(std::string_view name) {
  return Error{"unknown_node", fmt::format("no node is called {}", printable(name)),
               "see reeve status for the nodes that are enrolled"};
}

}  // namespace

struct Query::Wanted {
  BatchFilter filter;
  std::optional<Cursor> after;
  std::optional<std::uint64_t> sequence;  // only this one
  std::size_t limit = limits::operator_reply_items_max;

  // Of a body that is withheld nobody can say which rule it named.
  bool wants(const BatchInStore& batch, std::size_t index) const {
    if (after && batch.leaf.index == after->leaf && index <= after->index) return false;
    if (sequence && batch.header.first + index != *sequence) return false;
    if (!filter.rule) return true;
    const bool is_there = !batch.records.empty() && batch.records[index].body.has_value();
    return is_there && names_rule(batch.records[index].body->bytes, *filter.rule);
  }
};

Result<Value::Array> Query::status() const {
  std::vector<const Node*> nodes;
  for (const auto& entry : registry_.nodes()) nodes.push_back(&entry.second);
  std::sort(nodes.begin(), nodes.end(),
            [](const Node* a, const Node* b) { return a->certificate.name < b->certificate.name; });
  Value::Array items;
  for (const auto* node : nodes) {
    const auto flags = node->flag_names();
    Value::Map item{{"certificate", node->certificate_object},
                    {"seen", node->seen_wall_ns},
                    {"connected", node->is_connected(clock_)},
                    {"flags", Value::Array(flags.begin(), flags.end())}};
    if (node->heartbeat) item.emplace_back("heartbeat", node->heartbeat_object);
    if (!node->ending.empty()) item.emplace_back("ending", node->ending);
    items.emplace_back(std::move(item));
  }
  return items;
}

Result<Value::Array> Query::successions(const Value& arguments) const {
  Fields fields(arguments, "successions");
  const auto& asked = fields.array("nodes");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  Value::Array items;
  for (const auto& one : asked) {
    Fields wanted(one, "successions");
    const auto node = wanted.bytes<32>("node");
    const auto from = wanted.natural_or("from", 0);
    REEVE_TRY(wanted.finish(UnknownFields::refuse));
    const auto room = limits::successions_per_reply - items.size();
    const auto leaves = store_.successions({node, std::nullopt, std::nullopt, from}, room);
    if (!leaves.ok()) return leaves.error();
    for (const auto& leaf : *leaves) {
      items.emplace_back(
          Value::Map{{"node", node}, {"leaf", leaf.index}, {"succession", leaf.object}});
    }
  }
  return items;
}

Result<Query::Wanted> Query::read_wanted(const Value& arguments) const {
  Fields fields(arguments, "records");
  Wanted wanted;
  const auto node = fields.text_or("node", "");
  const auto rule = fields.text_or("rule", "");
  const auto limit = fields.natural_or("limit", limits::operator_reply_items_max);
  const auto since = fields.integer_or("since", 0);
  if (fields.has("after")) wanted.after = read_cursor(fields.natural("after"));
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  wanted.limit = std::clamp<std::uint64_t>(limit, 1, limits::operator_reply_items_max);
  if (!rule.empty()) wanted.filter.rule = rule;
  if (!node.empty()) {
    const auto* known = registry_.named(node);
    if (known == nullptr) return unknown_node(node);
    wanted.filter.node = known->id();
  }
  if (since > 0) {
    const auto first = first_leaf_since(store_, since);
    if (!first.ok()) return first.error();
    wanted.filter.from_leaf = *first;
  }
  if (wanted.after) {
    wanted.filter.from_leaf = std::max(wanted.filter.from_leaf, wanted.after->leaf);
  }
  return wanted;
}

Result<Query::BatchInStore> Query::read_batch(const BatchRow& stored) const {
  const auto damaged = [&](const Error& error) {
    return Error{"store_damaged", fmt::format("leaf {}: {}", stored.leaf, error.detail)};
  };
  auto leaf = store_.leaf(stored.leaf);
  if (!leaf.ok()) return leaf.error();
  if (!*leaf) return Error{"store_damaged", fmt::format("leaf {} is missing", stored.leaf)};
  const auto opened = parse_signed_object((**leaf).object, ObjectType::batch_header);
  if (!opened.ok()) return damaged(opened.error());
  auto header = decode_batch_header(opened->payload);
  if (!header.ok()) return damaged(header.error());
  auto records = read_bodies(*header, stored.bodies);
  if (!records.ok()) return damaged(records.error());
  return BatchInStore{stored, **std::move(leaf), *std::move(header), *std::move(records)};
}

// What is left of a record: its hash, unless all bodies of its batch are withheld, and the act that
// took its body away, if one did.
Status Query::add_withheld(Value::Map& item, const BatchInStore& batch, std::size_t index) const {
  item.emplace_back("withheld", true);
  if (!batch.records.empty()) item.emplace_back("hash", batch.records[index].hash);
  const auto redactions = store_.redactions(batch.leaf.index);
  if (!redactions.ok()) return redactions.error();
  const auto found = std::ranges::find(*redactions, index, &Redaction::index);
  if (found == redactions->end()) return {};
  const auto request = store_.leaf(found->request);
  if (!request.ok()) return request.error();
  if (*request) item.emplace_back("request", (**request).object);
  return {};
}

Result<Value> Query::item_of(const BatchInStore& batch, std::size_t index) const {
  const auto* node = registry_.find(batch.row.node);
  Value::Map item{{"cursor", write_cursor({batch.leaf.index, index})},
                  {"leaf", batch.leaf.index},
                  {"node", batch.row.node},
                  {"name", node != nullptr ? node->certificate.name : std::string()},
                  {"index", std::uint64_t{index}},
                  {"stored", batch.leaf.stored_wall_ns},
                  {"header", batch.leaf.object}};
  if (!batch.records.empty()) item.emplace_back("path", path_of(hashes_of(batch.records), index));
  if (!batch.records.empty() && batch.records[index].body) {
    item.emplace_back("salt", batch.records[index].body->salt);
    item.emplace_back("record", batch.records[index].body->bytes);
  } else {
    REEVE_TRY(add_withheld(item, batch, index));
  }
  if (batch.row.standing == Standing::equivocation) item.emplace_back("equivocation", true);
  return Value(std::move(item));
}

Result<std::vector<Value>> Query::items_of(const BatchRow& stored, const Wanted& wanted,
                                           std::size_t room) const {
  const auto batch = read_batch(stored);
  if (!batch.ok()) return batch.error();
  std::vector<Value> items;
  for (std::size_t i = 0; i < batch->header.count && items.size() < room; ++i) {
    if (!wanted.wants(*batch, i)) continue;
    auto item = item_of(*batch, i);
    if (!item.ok()) return item.error();
    items.push_back(*std::move(item));
  }
  return items;
}

Result<Value::Array> Query::records(const Value& arguments) const {
  auto wanted = read_wanted(arguments);
  if (!wanted.ok()) return wanted.error();
  Value::Array items;
  // A few batches at a time: their bodies are up to 60 kB each and one may fill the page.
  constexpr std::size_t batches_at_once = 8;
  for (;;) {
    const auto batches = store_.batches(wanted->filter, batches_at_once);
    if (!batches.ok()) return batches.error();
    for (const auto& batch : *batches) {
      auto more = items_of(batch, *wanted, wanted->limit - items.size());
      if (!more.ok()) return more.error();
      std::move(more->begin(), more->end(), std::back_inserter(items));
      if (items.size() >= wanted->limit) return items;
      wanted->filter.from_leaf = batch.leaf + 1;
    }
    if (batches->size() < batches_at_once) return items;
  }
}

Result<Chain> Query::chain_named(const RecordName& name, const NodeId& node) const {
  const auto [low, high] = epoch_range(name.epoch_prefix);
  const auto chains = store_.chains_between({node, low, name.stream}, {node, high, name.stream}, 2);
  if (!chains.ok()) return chains.error();
  if (chains->empty()) {
    return Error{"unknown_record",
                 fmt::format("{} has no epoch that begins with {} in its {} stream",
                             printable(name.node), name.epoch_prefix, name_of(name.stream))};
  }
  if (chains->size() > 1) {
    return Error{"ambiguous_record",
                 fmt::format("more than one epoch begins with {}", name.epoch_prefix),
                 "write more digits of the epoch"};
  }
  return chains->front();
}

Result<Query::Place> Query::find(const std::string& text) const {
  const auto name = parse_record_name(text);
  if (!name) return Error{"malformed", "record: is not NODE/EPOCH/STREAM/SEQUENCE"};
  const auto* node = registry_.named(name->node);
  if (node == nullptr) return unknown_node(name->node);
  const auto chain = chain_named(*name, node->id());
  if (!chain.ok()) return chain.error();
  const auto batch = store_.batch_with(chain->id, name->sequence);
  if (!batch.ok()) return batch.error();
  if (*batch) return Place{**std::move(batch), name->sequence - (**batch).first};
  return Error{"unknown_record", fmt::format("{} is not in the ledger", printable(text))};
}

Result<Value::Array> Query::show(const Value& arguments) const {
  Fields fields(arguments, "show");
  const auto text = fields.text("record");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  const auto place = find(text);
  if (!place.ok()) return place.error();
  Wanted wanted;
  wanted.sequence = place->batch.first + place->index;
  auto items = items_of(place->batch, wanted, 1);
  if (!items.ok()) return items.error();
  const auto path = inclusion_path(ledger_.hashes(), place->batch.leaf, ledger_.committed().size);
  if (!path.ok()) return path.error();
  items->emplace_back(Value::Map{{"checkpoint", ledger_.checkpoint()},
                                 {"inclusion", Value::Array(path->begin(), path->end())}});
  return std::move(*items);
}

Result<Value> Query::tick_item(const Leaf& tick, std::uint64_t size) const {
  const auto path = inclusion_path(ledger_.hashes(), tick.index, size);
  if (!path.ok()) return path.error();
  return Value(Value::Map{{"leaf", tick.index},
                          {"tick", tick.object},
                          {"inclusion", Value::Array(path->begin(), path->end())}});
}

Result<Value::Array> Query::place(const Value& arguments) const {
  Fields fields(arguments, "place");
  const auto leaf = fields.natural("leaf");
  const auto size = fields.natural("size");
  if (leaf >= size) fields.fail("leaf", "is not in a tree of that size");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (size > ledger_.committed().size) {
    return Error{"ledger_too_short",
                 fmt::format("the controller's has {} leaves", ledger_.committed().size)};
  }
  const auto path = inclusion_path(ledger_.hashes(), leaf, size);
  if (!path.ok()) return path.error();
  Value::Map item{{"inclusion", Value::Array(path->begin(), path->end())}};
  for (const bool is_before : {true, false}) {
    const auto tick = is_before ? store_.tick_before(leaf) : store_.tick_after(leaf, size);
    if (!tick.ok()) return tick.error();
    if (!*tick) continue;
    auto told = tick_item(**tick, size);
    if (!told.ok()) return told.error();
    item.emplace_back(is_before ? "before" : "after", *std::move(told));
  }
  Value::Array items;
  items.emplace_back(std::move(item));
  return items;
}

Result<Value::Array> Query::checkpoint(const Value& arguments) const {
  Fields fields(arguments, "checkpoint");
  const auto from = fields.natural("from");
  const auto size = ledger_.committed().size;
  const auto to = fields.natural_or("to", size);
  if (from > to && to < size) fields.fail("to", "is below from");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (from > size || to > size) {
    return Error{"ledger_too_short", fmt::format("the controller's has {} leaves", size)};
  }
  std::vector<Digest> path;
  if (from > 0) {
    auto proof = consistency_path(ledger_.hashes(), from, to);
    if (!proof.ok()) return proof.error();
    path = *std::move(proof);
  }
  Value::Array items;
  items.emplace_back(Value::Map{{"note", ledger_.checkpoint()},
                                {"consistency", Value::Array(path.begin(), path.end())}});
  return items;
}

}  // namespace reeve
