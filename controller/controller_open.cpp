// How a controller comes up: its root is judged against the roots it has had, then it begins to
// log.
#include <fmt/format.h>

#include <algorithm>

#include "controller/controller.h"

namespace reeve {
namespace {

Result<Root> read_root(ByteView root_object) {
  const auto object = parse_signed_object(root_object, ObjectType::root);
  if (!object.ok()) return object.error();
  return decode_root(object->payload);
}

bool equals(ByteView a, ByteView b) { return std::equal(a.begin(), a.end(), b.begin(), b.end()); }

bool is_one_of(ByteView given, const std::vector<Bytes>& stored) {
  return std::any_of(stored.begin(), stored.end(),
                     [&](const Bytes& one) { return equals(given, one); });
}

// The root in the state directory against the chain in the store, if any: one of it, since
// operators publish later ones over the network, or the next.
Status check_root(ByteView given, const Root& root, const std::vector<Bytes>& stored) {
  if (stored.empty() || is_one_of(given, stored)) return {};
  const auto last = read_root(stored.back());
  if (!last.ok()) return Error{"store_damaged", last.error().detail};
  if (root.version == last->version) {
    return Error{"root_mismatch",
                 fmt::format("root: version {} is another one than in the store", root.version),
                 "put back the root that belongs to this store"};
  }
  if (auto next = verify_next_root(given, *last); !next.ok()) return next.error();
  return {};
}

Status check_ledger_key(const Root& root, const SigningKey& key) {
  const auto& keys = root.ledger.keys;
  if (std::find(keys.begin(), keys.end(), key.public_key()) != keys.end()) return {};
  return Error{"key_mismatch", "ledger.key is not the ledger key that the root names",
               "copy ledger.key and root from the same fleet directory"};
}

Status log_start(Store& store, Ledger& ledger, ByteView new_root, std::uint64_t version) {
  if (ledger.awaits_recovery()) return {};
  REEVE_TRY(ledger.begin());
  if (!new_root.empty()) {
    if (auto leaf = ledger.append(ObjectType::root, new_root); !leaf.ok()) return leaf.error();
    REEVE_TRY(store.put_root(version, new_root));
  }
  REEVE_TRY(ledger.append_tick());
  return ledger.commit();
}

}  // namespace

Result<std::unique_ptr<Controller>> Controller::open(const Parts& parts) {
  auto root = verify_first_root(parts.root);
  if (!root.ok()) return root.error();
  const auto stored = parts.store.roots();
  if (!stored.ok()) return stored.error();
  REEVE_TRY(check_root(parts.root, *root, *stored));
  const auto state = parts.store.ledger_state();
  if (!state.ok()) return state.error();
  // A later root than the backup's comes with the recovery: until then no leaf is added.
  const bool waits = *state == LedgerState::awaits_recovery && !stored->empty();
  const bool is_known = waits || is_one_of(parts.root, *stored);
  if (is_known) root = read_root(stored->back());
  if (!root.ok()) return Error{"store_damaged", root.error().detail};
  REEVE_TRY(check_ledger_key(*root, parts.ledger_key));
  Recoveries recoveries;
  REEVE_TRY(recoveries.load(parts.store));
  auto ledger = Ledger::open(parts.store, parts.clock, parts.ledger_key,
                             ledger_origin(*root, recoveries.count()));
  if (!ledger.ok()) return ledger.error();
  const ByteView new_root = is_known ? ByteView{} : parts.root;
  if (auto logged = log_start(parts.store, **ledger, new_root, root->version); !logged.ok()) {
    (*ledger)->rollback();
    return logged.error();
  }
  auto roots = parts.store.roots();
  if (!roots.ok()) return roots.error();
  auto controller =
      std::make_unique<Controller>(parts, std::move(*root), std::move(*ledger), std::move(*roots));
  controller->recoveries_ = std::move(recoveries);
  if (controller->ledger_->awaits_recovery()) {
    controller->note(
        fmt::format("recovery_needed: the ledger was put back from a backup, at {} leaves: nothing "
                    "is taken in before reeve ledger recover",
                    controller->tree_size()));
  }
  REEVE_TRY(controller->registry_.load(parts.store));
  REEVE_TRY(controller->tokens_.load(parts.store));
  REEVE_TRY(controller->publisher_.load(controller->root_));
  REEVE_TRY(controller->acts_.load(parts.store, controller->root_,
                                   parts.clock.wall_ns() / 1'000'000'000));
  REEVE_TRY(controller->cosigning_.load(parts.store, controller->root_));
  if (parts.log != nullptr) REEVE_TRY(parts.log->open(*controller->ledger_));
  return controller;
}

Controller::Controller(const Parts& parts, Root root, std::unique_ptr<Ledger> ledger,
                       std::vector<Bytes> root_objects)
    : clock_(parts.clock),
      store_(parts.store),
      log_(parts.log),
      root_(std::move(root)),
      ledger_(std::move(ledger)),
      publisher_(store_, root_, std::move(root_objects)),
      enrollment_({store_, *ledger_, registry_, tokens_, publisher_, clock_, root_}),
      cosigning_(*ledger_, clock_, root_.origin),
      intake_(store_, *ledger_, registry_, clock_),
      operators_({store_, *ledger_, registry_, publisher_, tokens_, enrollment_, acts_, recoveries_,
                  cosigning_, clock_, root_, parts.ledger_key.public_key(),
                  key_hash(parts.transport_key)}),
      retention_({store_, *ledger_, clock_, parts.keep_bodies_ns}) {}

}  // namespace reeve
