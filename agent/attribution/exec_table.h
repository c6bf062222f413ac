// The kernel's table of execs, as the agent looks into it, and where it comes from: a program that
// loads the kernel's half, hands over the table and what keeps it filled, and ends. That is done
// before the agent is sealed; afterwards the agent can only look.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/attribution/exec_record.h"
#include "common/fd.h"
#include "common/result.h"

namespace reeve {

class ExecTable {
 public:
  virtual ~ExecTable() = default;
  // The last exec under this number. Absent: none since the table was begun or since the number was
  // given anew, or so many others ago that it was forgotten. Errors: `attribution_failed`.
  virtual Result<std::optional<reeve_exec>> find(std::uint32_t pid) const = 0;
};

class KernelExecTable final : public ExecTable {
 public:
  // `places` are where the loader may lie; `group` is the fanotify group whose events will be asked
  // about. Errors: `attribution_failed`, with what the kernel or the loader said.
  static Result<std::unique_ptr<ExecTable>> load(const std::vector<std::string>& places, int group);
  KernelExecTable(Fd table, std::vector<Fd> links)
      : table_(std::move(table)), links_(std::move(links)) {}
  Result<std::optional<reeve_exec>> find(std::uint32_t pid) const override;

 private:
  Fd table_;
  std::vector<Fd> links_;  // while they are open, the kernel's half runs
};

}  // namespace reeve
