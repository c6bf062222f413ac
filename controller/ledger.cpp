#include "controller/ledger.h"

#include <fmt/format.h>

#include "controller/controller_limits.h"

namespace reeve {

Bytes encode_tick(const Tick& tick) {
  return encode(Value::Map{
      {"origin", tick.origin}, {"wall", tick.wall_ns}, {"size", tick.size}, {"root", tick.root}});
}

Result<Tick> decode_tick(ByteView payload) {
  auto value = decode(payload);
  if (!value.ok()) return value.error();
  Fields fields(*value, "tick");
  Tick tick;
  tick.origin = fields.text("origin");
  tick.wall_ns = fields.integer("wall");
  tick.size = fields.natural("size");
  tick.root = fields.bytes<32>("root");
  REEVE_TRY(fields.finish(UnknownFields::keep));
  return tick;
}

Ledger::Ledger(Store& store, const Clock& clock, const SigningKey& key, std::string origin,
               TreeHead head, std::int64_t stored_wall_ns)
    : store_(store),
      clock_(clock),
      key_(key),
      origin_(std::move(origin)),
      head_(head),
      committed_(std::move(head)),
      stored_wall_ns_(stored_wall_ns) {}

Result<std::unique_ptr<Ledger>> Ledger::open(Store& store, const Clock& clock,
                                             const SigningKey& key, std::string origin) {
  auto head = store.tree_head();
  if (!head.ok()) return head.error();
  const auto count = store.leaf_count();
  if (!count.ok()) return count.error();
  if (head->size() != *count) {
    return Error{
        "store_damaged",
        fmt::format("the store holds {} leaves and a tree head over {}", *count, head->size()),
        "restore a backup of the store"};
  }
  std::int64_t stored_wall_ns = 0;
  if (*count > 0) {
    const auto last = store.leaf(*count - 1);
    if (!last.ok()) return last.error();
    if (*last) stored_wall_ns = (*last)->stored_wall_ns;
  }
  return std::make_unique<Ledger>(store, clock, key, std::move(origin), std::move(*head),
                                  stored_wall_ns);
}

Status Ledger::begin() { return store_.begin(); }

Result<std::uint64_t> Ledger::append(ObjectType type, ByteView object) {
  // The order of leaves is the order of time, also when the wall clock is set back.
  stored_wall_ns_ = std::max(stored_wall_ns_, clock_.wall_ns());
  Leaf leaf{head_.size(), type, stored_wall_ns_, leaf_hash(object),
            Bytes(object.begin(), object.end())};
  REEVE_TRY(store_.append_leaf(leaf));
  head_.append(leaf.hash);
  return leaf.index;
}

Status Ledger::append_tick() {
  const Tick tick{origin_, clock_.wall_ns(), head_.size(), head_.root()};
  const auto object = seal_object(ObjectType::tick, encode_tick(tick), key_);
  if (auto index = append(ObjectType::tick, object); !index.ok()) return index.error();
  ticked_ns_ = clock_.boottime_ns();
  return {};
}

bool Ledger::tick_is_due() const {
  if (head_.size() == committed_.size()) return false;
  return !ticked_ns_ || clock_.boottime_ns() - *ticked_ns_ >= limits::tick_interval_ns;
}

Status Ledger::commit() {
  if (tick_is_due()) REEVE_TRY(append_tick());
  if (head_.size() != committed_.size()) REEVE_TRY(store_.put_tree_head(head_));
  REEVE_TRY(store_.commit());
  committed_ = head_;
  return {};
}

void Ledger::rollback() {
  store_.rollback();
  // A tick may have gone with it; the next commit makes another.
  if (head_.size() != committed_.size()) ticked_ns_.reset();
  head_ = committed_;
}

}  // namespace reeve
