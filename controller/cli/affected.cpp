#include "controller/cli/affected.h"

#include <fmt/format.h>

#include "common/text.h"
#include "controller/cli/terminal.h"

namespace reeve::cli {

std::vector<std::string> matching_names(const Selector& selector,
                                        const std::vector<SeenNode>& nodes) {
  std::vector<std::string> out;
  for (const SeenNode& node : nodes) {
    if (node.certificate && selects(selector, node.certificate->labels)) out.push_back(node.name());
  }
  return out;
}

std::string affected_text(const Manifest& manifest, const std::vector<SeenNode>& nodes,
                          std::size_t columns) {
  std::string out;
  for (const ManifestBundle& bundle : manifest.bundles) {
    const auto names = matching_names(bundle.selector, nodes);
    std::string line = fmt::format("  {}: {} of {}", printable(bundle.policy), names.size(),
                                   counted(nodes.size(), "host"));
    if (!names.empty())
      line += fmt::format(": {}", printable(fmt::format("{}", fmt::join(names, " "))));
    out += (width_of(line) <= columns ? line : fit(line, columns)) + "\n";
  }
  return out;
}

}  // namespace reeve::cli
