// The commands of `reeve`: one function and one file each, listed in main.cpp's
// table. Each gets the arguments after its own name, answers --help itself (options.h) and returns
// the exit code. Nothing is thrown out of a command but OutputLost (terminal.h).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "common/clock.h"
#include "common/link/zmq_link.h"
#include "common/trust.h"

namespace reeve::cli {

// Exit codes, the same for every command.
namespace exit_code {
inline constexpr int done = 0;        // done, and all is compliant
inline constexpr int failed = 1;      // could not do it; usage errors too
inline constexpr int deviations = 2;  // deviations remain, hosts refused or are late, a proof fails
}  // namespace exit_code

// What commands reach outside the process with; made in main, and by tests on fakes.
struct Environment {
  const Clock& clock;
  // A connection to the operators' socket of the contact's controller.
  std::function<Result<std::unique_ptr<ZmqClient>>(const ControllerContact&,
                                                   const TransportKey& own, const Secret& secret)>
      connect;
};

using CommandArguments = std::span<const std::string>;

// These need nothing but files.
int run_lint(std::span<const std::string> arguments);
int run_compile(std::span<const std::string> arguments);
int run_sign(std::span<const std::string> arguments);
int run_key_new(std::span<const std::string> arguments);
int run_key_show(std::span<const std::string> arguments);
int run_key_passphrase(std::span<const std::string> arguments);
int run_ledger_compare(std::span<const std::string> arguments);
int run_node_forget(std::span<const std::string> arguments);

int run_init(const Environment& environment, CommandArguments arguments);
int run_diff(const Environment& environment, CommandArguments arguments);
int run_push(const Environment& environment, CommandArguments arguments);
int run_status(const Environment& environment, CommandArguments arguments);
int run_records(const Environment& environment, CommandArguments arguments);
int run_show(const Environment& environment, CommandArguments arguments);
int run_ledger_checkpoint(const Environment& environment, CommandArguments arguments);
int run_redact(const Environment& environment, CommandArguments arguments);
int run_ledger_recover(const Environment& environment, CommandArguments arguments);
int run_ledger_prove(const Environment& environment, CommandArguments arguments);
int run_ledger_verify(const Environment& environment, CommandArguments arguments);
int run_ledger_witnesses(const Environment& environment, CommandArguments arguments);
int run_node_enroll(const Environment& environment, CommandArguments arguments);
int run_node_list(const Environment& environment, CommandArguments arguments);
int run_node_show(const Environment& environment, CommandArguments arguments);
int run_node_approve(const Environment& environment, CommandArguments arguments);
int run_node_revoke(const Environment& environment, CommandArguments arguments);
int run_node_retire(const Environment& environment, CommandArguments arguments);
int run_node_label(const Environment& environment, CommandArguments arguments);
int run_token_create(const Environment& environment, CommandArguments arguments);
int run_token_list(const Environment& environment, CommandArguments arguments);
int run_token_revoke(const Environment& environment, CommandArguments arguments);
int run_root_show(const Environment& environment, CommandArguments arguments);
int run_root_rotate(const Environment& environment, CommandArguments arguments);
int run_root_add_key(const Environment& environment, CommandArguments arguments);
int run_root_remove_key(const Environment& environment, CommandArguments arguments);
int run_root_set_threshold(const Environment& environment, CommandArguments arguments);
int run_root_add_operator(const Environment& environment, CommandArguments arguments);
int run_root_remove_operator(const Environment& environment, CommandArguments arguments);
int run_root_submit(const Environment& environment, CommandArguments arguments);
int run_export(const Environment& environment, CommandArguments arguments);
int run_report(const Environment& environment, CommandArguments arguments);
int run_explain(const Environment& environment, CommandArguments arguments);
int run_policy_log(const Environment& environment, CommandArguments arguments);
int run_pause(const Environment& environment, CommandArguments arguments);

}  // namespace reeve::cli
