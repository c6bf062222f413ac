// reeve-agent's commands, one file each. A command prints to stdout, tells its error to stderr, and
// gives the exit status of its contract: 0 compliant or done, 1 could not do it, 2 deviations
// remain. The real clock, disk and host are made here, and nowhere below.
#pragma once

#include "agent/active_policy.h"
#include "agent/linux_host.h"
#include "agent/netfilter/scratch_room.h"
#include "agent/options.h"
#include "common/codec.h"
#include "common/fd.h"
#include "common/record.h"

namespace reeve {

int run_agent(const Options& options);       // reeve-agent run
int join_fleet(const Options& options);      // reeve-agent join
int check_bundle(const Options& options);    // reeve-agent check: looks, changes nothing
int fix_bundle(const Options& options);      // reeve-agent fix: the local root's own act, unsealed
int show_status(const Options& options);     // reeve-agent status
int show_why(const Options& options);        // reeve-agent why: what speaks about a thing
int pause_rule(const Options& options);      // reeve-agent pause
int undo_fix(const Options& options);        // reeve-agent undo
int explain_bundle(const Options& options);  // reeve-agent explain: its rules in words
int rotate_key(const Options& options);      // reeve-agent rotate: a new transport key
int vet_bundle(const Options& options);      // reeve-agent vet: what the kinds think of a bundle
int plan_bundle(const Options& options);     // reeve-agent plan: what a fix would do

// "reeve-agent: error NAME: detail" and the next step, on stderr. Gives 1.
int tell_error(const Error& error);
void print(std::string_view text);  // to stdout
// Of what an agent answers: its maps become objects, in their order.
std::string json_of(const Value& value);
// A text, a claim as "yes" or "no", a number; empty where there is none of that name.
std::string text_at(const Value& map, std::string_view key);
const Value::Array& items_at(const Value& map, std::string_view key);
std::string until_text(const Value& map);                       // its `until`, seconds since 1970
std::string counted(std::size_t count, std::string_view what);  // "1 rule", "2 rules"

// The agent's hold on its state directory until the descriptor is closed. Errors: `state_in_use`,
// `disk_failed`.
Result<Fd> lock_state(int directory, const std::string& path);
// SIGTERM, SIGINT and SIGHUP as a descriptor. Error: `launch_failed`.
Result<Fd> signals_to_stop();

// A bundle's bytes. Errors: `bundle_unreadable`, `malformed_bundle` (beyond the limit).
Result<Bytes> read_bundle(const std::string& path);
// One bundle as a policy of its own, without a manifest.
Result<ActivePolicy> load_local_policy(const std::string& path);

// The network of the namespace that the program runs in, for a host; texts for the packet filter
// are tried in that room. Errors: `check_failed`, `nft_failed`.
Result<LinuxHost::Network> open_network(std::unique_ptr<ScratchRoom> room);
// The host under the root; it has a network where that is the program's own root. Errors:
// `root_missing`, `check_failed`.
Result<std::unique_ptr<LinuxHost>> open_local_host(const std::string& root);

// A receipt that nobody sealed, for people (two lines) and as one JSON object.
std::string receipt_text(const Receipt& receipt);
std::string receipt_json(const Receipt& receipt);

}  // namespace reeve
