// How long record bodies are kept: after that they are withheld, a few batches in a transaction of
// its own at a time, so that intake is never held up by it. Headers stay, and with them the proof
// of how many records there were. Borrows everything for its life.
#pragma once

#include <optional>

#include "common/clock.h"
#include "controller/ledger.h"

namespace reeve {

class BodyRetention {
 public:
  struct Parts {
    Store& store;
    Ledger& ledger;
    const Clock& clock;
    std::int64_t keep_ns = 0;  // 0: for ever
  };
  explicit BodyRetention(const Parts& parts) : parts_(parts) {}

  // Outside of a transaction. Errors are the store's; it is tried again.
  Status run_if_due();
  // By boot time; absent where everything is kept.
  std::optional<std::int64_t> next_due() const;

 private:
  bool is_clock_ahead();
  Status run();
  Result<bool> withhold_some();
  Status withhold(const BatchRow& batch) const;

  Parts parts_;
  std::optional<std::int64_t> first_offset_ns_;  // of the wall's clock to boot time
  std::int64_t due_ns_ = 0;
  bool is_unpurged_ = false;  // the files may still have what was withheld
};

}  // namespace reeve
