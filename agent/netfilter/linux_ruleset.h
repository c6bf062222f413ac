// The packet filter of the network namespace that this process runs in: looks by raw dumps
// (ruleset_reader.h), acts and lists by libnftables (nft_context.h), and what a text becomes by a
// scratch room (scratch_room.h), remembered by text. Opened before the process is sealed, works in
// its sandbox; one thread uses it.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "agent/host_ruleset.h"
#include "agent/netfilter/scratch_room.h"

namespace reeve {

class NftContext;
class RulesetReader;
struct ScratchRequest;
struct ScratchReply;

class LinuxRuleset final : public Ruleset {
 public:
  // Errors: `check_failed`, `nft_failed`.
  static Result<std::unique_ptr<Ruleset>> open(std::unique_ptr<ScratchRoom> room);
  LinuxRuleset(std::unique_ptr<RulesetReader> reader, std::unique_ptr<NftContext> nft,
               std::unique_ptr<ScratchRoom> room);
  ~LinuxRuleset() override;
  LinuxRuleset(const LinuxRuleset&) = delete;

  bool is_here() const override { return true; }
  Result<std::optional<Digest>> table(const TableId& table,
                                      std::span<const std::string> keep) const override;
  Result<std::optional<std::vector<ChainRule>>> chain(const TableId& table,
                                                      const std::string& chain) const override;
  Result<Digest> canonical_table(const ScratchText& text,
                                 std::span<const std::string> keep) const override;
  Result<std::vector<ChainRule>> canonical_chain(const ScratchText& text,
                                                 const std::string& chain) const override;
  Result<std::optional<std::string>> listing(const TableId& table) const override;
  Status apply(const std::string& text) override;
  void rest() override;

 private:
  class Remembered;
  Result<ScratchReply> canonical(const ScratchRequest& request) const;

  // Behind pointers, since looks are const and yet keep sockets and caches.
  std::unique_ptr<RulesetReader> reader_;
  std::unique_ptr<NftContext> nft_;
  std::unique_ptr<ScratchRoom> room_;
  std::unique_ptr<Remembered> remembered_;
};

}  // namespace reeve
