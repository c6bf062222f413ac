// The packet filter's half of the host seam: nftables tables, looked at by digests of their raw
// dumps and changed by text (docs/architecture.md section 5). Two tables have one digest where the
// kernel does the same with both: handles, counters, quotas, and dynamic and timed elements do not
// count. Tables are those of the network namespace that the agent runs in.
#pragma once

#include <compare>

#include "common/bytes.h"
#include "common/result.h"
#include "common/seal.h"

namespace reeve {

// In nft's words: "ip", "ip6", "inet", "arp", "bridge" or "netdev", and the table's name.
struct TableId {
  std::string family;
  std::string name;
  auto operator<=>(const TableId&) const = default;
};
std::string to_text(const TableId& table);  // "inet filter"

// One rule of a chain.
struct ChainRule {
  std::uint64_t handle = 0;  // the kernel's number of it, in this table
  std::string comment;       // as nft writes it into the rule's user data; any bytes
  Digest meaning;            // of what it does, its comment apart
};

// A text to be loaded into an empty scratch network namespace, and what of it is asked for.
struct ScratchText {
  TableId table;     // the one table that it may make
  std::string text;  // nft's syntax
};

class RulesetEyes {
 public:
  virtual ~RulesetEyes() = default;
  // False where there is no network to look at: under another root than the host's own.
  virtual bool is_here() const = 0;
  // `keep` names sets and maps whose elements are not compared. Absent: there is no such table.
  // Errors: `check_failed`.
  virtual Result<std::optional<Digest>> table(const TableId& table,
                                              std::span<const std::string> keep) const = 0;
  // In order. Absent: there is no such table or chain. Errors: `check_failed`.
  virtual Result<std::optional<std::vector<ChainRule>>> chain(const TableId& table,
                                                              const std::string& chain) const = 0;
  // What a text becomes in this host's kernel: the digest of its table, or the rules of a chain of
  // it. Remembered by text, so that only the first look costs a child process. Errors:
  // `firewall_escape` where it made or changed anything but the table, `ruleset_refused` with nft's
  // words, `scratch_failed` where no scratch namespace can be had.
  virtual Result<Digest> canonical_table(const ScratchText& text,
                                         std::span<const std::string> keep) const = 0;
  virtual Result<std::vector<ChainRule>> canonical_chain(const ScratchText& text,
                                                         const std::string& chain) const = 0;
  // The table as nft lists it, without handles and counters; for people, and slow. Absent: there is
  // no such table. Errors: `check_failed`.
  virtual Result<std::optional<std::string>> listing(const TableId& table) const = 0;
};

class RulesetHands {
 public:
  virtual ~RulesetHands() = default;
  // One nft transaction: all of it or nothing. Errors: `fix_failed` with nft's words.
  virtual Status apply(const std::string& text) = 0;
  // Gives back what earlier looks and acts have left for the next ones.
  virtual void rest() = 0;
};

class Ruleset : public RulesetEyes, public RulesetHands {};

}  // namespace reeve
