// A host without a network to look at: a mounted image, or the tree under a test's root. Kinds that
// ask is_here() find that their rules do not apply; whatever is asked nevertheless is refused.
#pragma once

#include "agent/host_ruleset.h"
#include "agent/host_sockets.h"

namespace reeve {

class NoRuleset final : public Ruleset {
 public:
  bool is_here() const override { return false; }
  Result<std::optional<Digest>> table(const TableId&, std::span<const std::string>) const override;
  Result<std::optional<std::vector<ChainRule>>> chain(const TableId&,
                                                      const std::string&) const override;
  Result<Digest> canonical_table(const ScratchText&, std::span<const std::string>) const override;
  Result<std::vector<ChainRule>> canonical_chain(const ScratchText&,
                                                 const std::string&) const override;
  Result<std::optional<std::string>> listing(const TableId&) const override;
  Status apply(const std::string&) override;
  void rest() override {}
};

class NoSockets final : public Sockets {
 public:
  bool is_here() const override { return false; }
  Result<std::vector<Listener>> listeners(std::optional<Transport> of) const override;
  Result<std::vector<std::pair<std::uint64_t, Holder>>> holders(
      std::span<const Listener>) const override;
  Result<bool> has_sessions(const Holder&) const override;
  Status destroy(const Listener&) override;
  Status terminate(const Holder&, const Listener&) override;
};

}  // namespace reeve
