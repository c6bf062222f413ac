// Records whose bodies are there no more: whose act it was, and what is said of them. A controller
// that hides a body without an act can only say that its time is over.
#pragma once

#include "controller/cli/verify.h"

namespace reeve::cli {

// Who had a body taken away, by the operator's own signature.
struct Redacted {
  std::string who;
  std::string why;
  std::int64_t wall_ns = 0;
};
// The act of an operator of one of these roots with the right to administer, made for this
// controller and about this record; absent for every other.
std::optional<Redacted> read_redaction(const SeenRecord& seen, std::span<const Root> roots,
                                       const KeyHash& controller);

// A sentence for `reeve show`.
std::string withheld_page(const SeenRecord& seen, const std::optional<Redacted>& redacted);

}  // namespace reeve::cli
