#include "controller/cli/recovery_view.h"

#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/times.h"

namespace reeve::cli {

std::string recovery_text(const LedgerRecovery& recovery) {
  return fmt::format(
      "Recovery of the ledger {}, made {}\n"
      "  reason   {}\n"
      "  trusted  the first {} leaves, of the tree\n"
      "           {}\n"
      "  then     {}\n\n"
      "Every agent lets go of what it saw of the old ledger beyond these leaves, and sends\n"
      "again what its journal still has. What no journal has any more is lost: acknowledged\n"
      "records are kept for 7 days or 256 MiB.\n",
      printable(recovery.old_origin), moment_text(recovery.made_s * 1'000'000'000),
      printable(recovery.reason), recovery.trusted.size, hex(recovery.trusted.root.view()),
      printable(recovery.new_origin));
}

Result<ReadRecovery> read_recovery(ByteView object, const Root& root) {
  const auto opened = parse_signed_object(object, ObjectType::ledger_recovery);
  if (!opened.ok()) return opened.error();
  const auto signers = count_signatures(*opened, root.root.keys);
  if (!signers.ok()) return signers.error();
  auto recovery = decode_recovery(opened->payload);
  if (!recovery.ok()) return recovery.error();
  if (recovery->fleet != root.fleet) {
    return Error{"wrong_fleet", "recovery: it is another fleet's",
                 "name the fleet that it was prepared for with --fleet"};
  }
  const auto before = recoveries_before(recovery->old_origin, root);
  const auto after = recoveries_before(recovery->new_origin, root);
  if (!before || after != *before + 1)
    return Error{"wrong_ledger", "recovery: it does not lead from one of this fleet's ledgers on"};
  return ReadRecovery{*std::move(recovery), *signers};
}

}  // namespace reeve::cli
