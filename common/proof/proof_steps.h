// What the steps of verify_proof() share; for this room only.
#pragma once

#include "common/proof/proof_check.h"

namespace reeve::proof_steps {

// A step's own name over the error beneath it, whose name begins the detail.
Error refused(std::string_view step, const Error& beneath);

// Roots that are trusted, by version: those given, and those of the file that follow one of them.
// Every root of the file must follow the one before it, whether it is needed or not. Errors:
// `roots_do_not_follow`, `root_mismatch`.
Result<std::vector<Root>> trusted_roots(std::span<const ByteView> objects,
                                        std::span<const Root> given);

// The policy that a record names, if any, by the manifest and the roots of its time. Errors:
// `policy_missing`, `policy_not_signed`, `policy_mismatch`, `record_unreadable`.
Result<std::optional<ProvenPolicy>> prove_policy(const Record& record, ByteView manifest,
                                                 std::span<const Root> roots);

}  // namespace reeve::proof_steps
