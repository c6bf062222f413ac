// reeve redact: takes the body of one record away. What was signed stays: the batch's header, the
// record's hash in it, and the ledger; and the act is a leaf that says who did it and why.
#include <fmt/format.h>

#include "common/limits.h"
#include "common/text.h"
#include "controller/cli/consent.h"
#include "controller/cli/record_item.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {
namespace {

CommandSpec redact_spec() {
  return {.name = "redact",
          .usage = "RECORD --reason TEXT",
          .details =
              "Takes the body of one record out of the controller's store, for good: what must\n"
              "not have been recorded. The ledger still verifies and shows `body withheld`, by\n"
              "whom and why: the act is signed with your operator's key and stands in the\n"
              "ledger. Copies elsewhere (backups, proof files, the node's journal for up to 7\n"
              "days) are not reached. Needs the right to administer.",
          .options = {{"reason", "TEXT", "why, for whoever reads the ledger"},
                      yes_option(),
                      fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

Status redact(Session& session, const Arguments& arguments) {
  const std::string& name = arguments.operands()[0];
  const std::string why = arguments.value("reason").value_or("");
  if (why.empty() || why.size() > limits::act_reason_bytes_max) {
    return Error{.name = "usage",
                 .detail = "--reason TEXT says why, in at most 256 bytes",
                 .next = "reeve redact --help"};
  }
  const auto seen = ask_record_item(session, name);
  if (!seen.ok()) return seen.error();
  print_out(fmt::format("{}: the body of this {} is to be taken away for good\n", printable(name),
                        printable(seen->record.type)));
  REEVE_TRY(ask_consent(arguments, "Take it away?"));
  const auto answer = session.controller().request("redact", {{"record", name},
                                                              {"leaf", seen->leaf},
                                                              {"index", seen->index},
                                                              {"header", seen->header_digest},
                                                              {"why", why}});
  if (!answer.ok()) return answer.error();
  print_out("redacted: the ledger shows `body withheld` from now on\n");
  return {};
}

}  // namespace

int run_redact(const Environment& environment, CommandArguments arguments) {
  return with_arguments(redact_spec(), arguments, [&](const Arguments& parsed) {
    const auto session = Session::open(environment, parsed);
    if (!session.ok()) return print_error(session.error());
    const Status done = redact(**session, parsed);
    return done.ok() ? exit_code::done : print_error(done.error());
  });
}

}  // namespace reeve::cli
