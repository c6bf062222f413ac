// The ledger as static files (c2sp.org/tlog-tiles): `checkpoint`, `tile/LEVEL/N` and
// `tile/entries/N`, and `cosigned` beside them, for any file server and for tools that others
// wrote. They are derived: the store is the truth, and what is missing or of another log is written
// anew. Nothing appears that is not committed, and the checkpoint appears last. It borrows the
// disk.
#pragma once

#include <set>

#include "common/clock.h"
#include "common/disk.h"
#include "controller/ledger.h"

namespace reeve {

class LogFiles {
 public:
  LogFiles(Disk& disk, const Clock& clock) : disk_(disk), clock_(clock) {}

  // Takes up what an earlier run has published, if it is of this log; else everything is written
  // anew from the first leaf on. Errors are the disk's and the store's.
  Status open(const Ledger& ledger);
  // Writes what is committed and not published yet: of a long backlog a part, and new leaves at
  // most once in limits::log_files_interval_ns. Errors as open(); what failed is tried again.
  Status publish_if_due(const Store& store, const Ledger& ledger);
  // The newest checkpoint that enough witnesses have cosigned, over `size` leaves; written when
  // these are published. Errors are the disk's; what failed is tried again.
  Status publish_cosigned(std::string_view note, std::uint64_t size);
  // When it has something to do (CLOCK_BOOTTIME); absent when all is published.
  std::optional<std::int64_t> next_due(const Ledger& ledger) const;

  std::uint64_t published_size() const { return published_; }

 private:
  Status publish_some(const Store& store, const Ledger& ledger);
  Status write_full(const Store& store, const Ledger& ledger, std::uint64_t index);
  Status write_edge(const Store& store, const Ledger& ledger, std::uint64_t size);
  Status write_tile(const LogHashes& hashes, unsigned level, std::uint64_t index,
                    std::size_t width);
  Status write_entries(const Store& store, std::uint64_t index, std::size_t width);
  Status remove_partial(std::string_view level, std::uint64_t index);
  Status write_file(const std::string& name, ByteView content);
  Status make_parents(const std::string& name);

  Disk& disk_;
  const Clock& clock_;
  std::uint64_t published_ = 0;  // what `checkpoint` speaks of
  std::uint64_t full_ = 0;       // full tiles of leaves that are written
  std::set<std::string> made_;   // directories that are known to be there
  std::int64_t due_ns_ = 0;
  Digest cosigned_;  // of the note that is written, in this run
  std::int64_t cosigned_due_ns_ = 0;
};

// "tile/0/x001/x234/067.p/8": C2SP's path of a tile of this width; `level` is a number or
// "entries".
std::string tile_path(std::string_view level, std::uint64_t index, std::size_t width);

}  // namespace reeve
