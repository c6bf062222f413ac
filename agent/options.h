// The options of reeve-agent's commands; the one gate to Boost.Program_options here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "agent/agent_limits.h"
#include "common/result.h"

namespace reeve {

struct Options {
  std::string bundle;  // the operand of commands that take one
  std::string token;   // the operand of `join`; empty where --token-file says it
  std::string token_file;
  std::string subject;  // the operand of `why`, a path or a port
  std::string rule;     // the operand of `pause`, RULE or POLICY/RULE
  std::string record;   // the operand of `undo`
  std::string reason;   // of `pause` and `undo`
  std::int64_t for_s = 0;
  bool is_end = false;  // of a pause
  std::string name;
  std::vector<std::string> labels;  // KEY=VALUE
  std::int64_t wait_s = 0;          // limits::join_patience_s where silent
  std::string root = "/";
  std::string state;  // paths::agent_state_default where silent
  std::string courier_user = "reeve";
  std::uint64_t journal_bytes_max = limits::journal_bytes_max;
  bool is_json = false;
  bool asks_for_help = false;
};

// Which options a command takes; --help is everybody's.
struct Usage {
  std::string_view command;
  bool takes_bundle = false;
  bool takes_token = false;
  bool takes_root = false;
  bool takes_state = false;
  bool takes_courier_user = false;
  bool takes_journal_max = false;
  bool takes_json = false;
  bool takes_subject = false;
  bool takes_pause = false;
  bool takes_undo = false;
};

// Error: `usage`.
Result<Options> parse_options(const Usage& usage, std::span<const std::string> words);
// "reeve-agent check BUNDLE [--root DIR] [--json]" and what its options mean.
std::string help_for(const Usage& usage);

}  // namespace reeve
