// The bounds of what one look and one fix may take: for the kinds and for the host that serves
// them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "common/limits.h"

namespace reeve::limits {

// A rule covers at most this many objects in one check, and so many components of their paths,
// which is what looks at deep ones cost; more are reported as `too_many_objects`. Directories with
// more names than the last are entered after all others.
inline constexpr std::size_t rule_objects_max = 100'000;
inline constexpr std::size_t rule_steps_max = 20 * rule_objects_max;
inline constexpr std::size_t large_directory_names = 1'000;
// Deviations that one check hands to the cycle: of those that can be put right (the rest are found
// when some of these are over), and of those that cannot (the rest are counted).
inline constexpr std::size_t check_fixable_max = 900;
inline constexpr std::size_t check_refused_max = 100;
inline constexpr std::size_t check_deviations_max = check_fixable_max + check_refused_max;
inline constexpr std::size_t path_links_max = 40;        // symbolic links on one path, as in Linux
inline constexpr std::size_t file_name_bytes_max = 255;  // one component of a path, as in Linux
// passwd and group under the root: a larger one answers `check_failed`, its names are unknown.
inline constexpr std::size_t accounts_bytes_max = 16u << 20;

// The packet filter: the longest comment of a rule that nft takes; elements of kept sets that a fix
// puts back (beyond: `elements_lost`); what a record shows of a table (beyond: cut).
inline constexpr std::size_t nft_comment_bytes_max = 128;
inline constexpr std::size_t kept_elements_bytes_max = 4u << 20;
inline constexpr std::size_t shown_table_bytes_max = 4'096;

// Content of files: a larger file answers `too_large`, since its digest would hold up everything
// else; a digest is remembered for so many files in each of two generations, the rest are read
// again, and so is what changed in the last two seconds (the coarsest clock of a filesystem).
inline constexpr std::size_t digested_bytes_max = 64u << 20;
inline constexpr std::size_t content_read_bytes = 16'384;
inline constexpr std::size_t digests_remembered_max = 4'096;
inline constexpr std::int64_t content_settled_ns = 2'000'000'000;
inline constexpr std::size_t content_shown_bytes_max = 1'024;  // of what a rule lets be shown
static_assert(body_bytes_max <= digested_bytes_max, "what policy asks for can be looked at");
// Attributes (xattr(7)) that a replaced file hands to its successor; users' beyond that are lost.
inline constexpr std::size_t attributes_bytes_max = 1u << 20;
inline constexpr std::size_t acl_words_bytes_max = 1'024;  // of an ACL as found, for people
// A block's comment names a socket's object (51 bytes at most) and the rule's id.
inline constexpr std::size_t port_block_id_bytes_max = 64;
static_assert(port_block_id_bytes_max + 51 + 12 < nft_comment_bytes_max);
inline constexpr std::size_t closes_max = 128;         // sockets of one address that one fix closes
inline constexpr std::size_t port_blocks_max = 1'000;  // more sockets are not blocked

}  // namespace reeve::limits
