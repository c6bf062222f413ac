// What fixes have replaced, so that the host's owner can undo them: the last ones, in two files of
// the state directory that only we can read (docs/formats.md, "undo"). Written behind the receipts
// and never synced: a power cut may cost the last undos, and no fix waits. Owned by the Agent.
#pragma once

#include <memory>

#include "agent/kind.h"
#include "common/disk.h"

namespace reeve {

struct KeptFix {
  FixedBytes<16> incident;
  std::string policy;
  std::string rule;
  Kept kept;
};

class KeptFixes {
 public:
  explicit KeptFixes(Disk& disk) : disk_(disk) {}

  void add(const Receipt& receipt, const Kept& kept);
  bool is_waiting() const { return !waiting_.empty(); }
  // All that waits. What the disk refuses is lost: it can only not be undone.
  void write();
  // By 8 or more hexadecimal digits of its incident. Errors: `no_such_fix`, `ambiguous_record`.
  Result<KeptFix> find(std::string_view digits) const;

 private:
  bool open_newer();
  void roll();

  Disk& disk_;
  Bytes waiting_;
  std::unique_ptr<DiskFile> newer_;
};

}  // namespace reeve
