// Looks at nf_tables: the digest of a table's normal form (normal_form.h), a table's rules in one
// chain, and which tables there are. A look is one view of one generation of the ruleset: a change
// in the middle of it makes it start again, a bounded number of times. Keeps its socket and buffers
// between looks. One thread uses it.
#pragma once

#include <memory>

#include "agent/netfilter/netlink_channel.h"
#include "agent/netfilter/raw_table.h"

namespace reeve {

class RulesetReader {
 public:
  // Errors: `check_failed`.
  static Result<std::unique_ptr<RulesetReader>> open();
  explicit RulesetReader(std::unique_ptr<NetlinkChannel> channel);

  // As RulesetEyes (host_ruleset.h), in the network namespace that the socket was opened in.
  Result<std::optional<Digest>> table(const TableId& table, std::span<const std::string> keep);
  Result<std::optional<std::vector<ChainRule>>> chain(const TableId& table,
                                                      const std::string& chain);
  // Everything that the kernel tells of a table, byte for byte: handles, counters, elements. For
  // proving that nothing touched it.
  Result<std::optional<Digest>> exact(const TableId& table);
  // Of all families, sorted. Errors: `check_failed`.
  Result<std::vector<TableId>> tables();

 private:
  // One try: nothing to look at, or a change in the middle of it, where it was not complete.
  struct Look {
    Answer::Told told = Answer::Told::complete;
    RawTable raw;
  };
  enum class Elements { all, compared };

  // Tries until it is not interrupted.
  template <class Attempt>
  Result<Look> settled(Attempt attempt);
  Result<Look> try_table(const TableId& table, std::span<const std::string> keep,
                         Elements elements);
  Result<Answer::Told> ask_into(std::vector<Message>& into, const Question& question,
                                const TableId& table);
  Result<Answer::Told> add_elements(RawTable& raw, const TableId& table,
                                    std::span<const std::string> keep, Elements elements);
  Result<bool> is_generation(std::uint16_t generation);
  Result<Look> try_chain(const TableId& table, const std::string& chain);
  // Of the anonymous sets that the chain's rules use.
  Result<Answer::Told> add_used_elements(RawTable& raw, const TableId& table,
                                         const std::string& chain);

  std::unique_ptr<NetlinkChannel> channel_;
};

}  // namespace reeve
