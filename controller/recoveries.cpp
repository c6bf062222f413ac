#include "controller/recoveries.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/wire.h"
#include "controller/controller_limits.h"

namespace reeve {

Status Recoveries::load(const Store& store) {
  auto rows = store.recoveries();
  if (!rows.ok()) return rows.error();
  rows_ = *std::move(rows);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].number != i + 1)
      return Error{"store_damaged", "the recoveries in the store do not follow each other"};
  }
  return {};
}

bool Recoveries::holds(ByteView object) const {
  return std::ranges::any_of(
      rows_, [&](const RecoveryRow& row) { return std::ranges::equal(row.object, object); });
}

Result<VerifiedRecovery> Recoveries::check(ByteView object, const Root& root,
                                           const Ledger& ledger) const {
  auto verified = verify_recovery(object, root);
  if (!verified.ok()) return verified;
  const LedgerRecovery& recovery = verified->recovery;
  if (recovery.old_origin != ledger.origin() || verified->number != count() + 1) {
    return Error{"wrong_ledger",
                 fmt::format("recovery: it goes on from {}, and this ledger is {}",
                             recovery.old_origin, ledger.origin()),
                 "prepare it anew: reeve ledger recover --prepare FILE"};
  }
  const std::uint64_t size = recovery.trusted.size;
  if (size <= ledger.committed().size) {
    const auto own = tree_root(ledger.hashes(), size);
    if (!own.ok()) return own.error();
    if (*own == recovery.trusted.root) return verified;
  }
  return Error{"recovery_mismatch",
               fmt::format("recovery: it trusts a tree of {} leaves that is not this ledger's, "
                           "which has {}",
                           size, ledger.committed().size),
               "prepare it anew: reeve ledger recover --prepare FILE"};
}

const RecoveryRow* Recoveries::lacked_by(const Heartbeat& heartbeat) const {
  const auto& seen = heartbeat.ledger;
  return seen.size > 0 && seen.recoveries < rows_.size() ? &rows_[seen.recoveries] : nullptr;
}

std::optional<Bytes> Recoveries::message_for(const Heartbeat& heartbeat) const {
  const RecoveryRow* row = lacked_by(heartbeat);
  if (row == nullptr) return std::nullopt;
  const bool has_root = heartbeat.root_version + limits::roots_per_heartbeat >= row->root_version;
  if (!has_root) return std::nullopt;
  return encode_message(MessageType::recovery, row->object);
}

std::uint64_t Recoveries::root_max(const Heartbeat& heartbeat) const {
  const RecoveryRow* row = lacked_by(heartbeat);
  const bool waits = row != nullptr && heartbeat.ledger.error != "recovery_refused" &&
                     heartbeat.root_version <= row->root_version;
  return waits ? row->root_version : UINT64_MAX;
}

}  // namespace reeve
