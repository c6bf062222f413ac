#include "agent/no_network.h"

namespace reeve {
namespace {

Error no_network() {
  return {"no_network", "this is a tree of files without a network of its own"};
}

}  // namespace

Result<std::optional<Digest>> NoRuleset::table(const TableId&, std::span<const std::string>) const {
  return no_network();
}
Result<std::optional<std::vector<ChainRule>>> NoRuleset::chain(const TableId&,
                                                               const std::string&) const {
  return no_network();
}
Result<Digest> NoRuleset::canonical_table(const ScratchText&, std::span<const std::string>) const {
  return no_network();
}
Result<std::vector<ChainRule>> NoRuleset::canonical_chain(const ScratchText&,
                                                          const std::string&) const {
  return no_network();
}
Result<std::optional<std::string>> NoRuleset::listing(const TableId&) const { return no_network(); }
Status NoRuleset::apply(const std::string&) { return no_network(); }

Result<std::vector<Listener>> NoSockets::listeners(std::optional<Transport>) const {
  return no_network();
}
Result<std::vector<std::pair<std::uint64_t, Holder>>> NoSockets::holders(
    std::span<const Listener>) const {
  return no_network();
}
Result<bool> NoSockets::has_sessions(const Holder&) const { return no_network(); }
Status NoSockets::destroy(const Listener&) { return no_network(); }
Status NoSockets::terminate(const Holder&, const Listener&) { return no_network(); }

}  // namespace reeve
