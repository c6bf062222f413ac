// reeve-agent vet: what the kinds think of a bundle, for `reeve push`, which knows no kind.
#include <fmt/format.h>

#include "agent/commands/commands.h"
#include "common/text.h"

namespace reeve {

int vet_bundle(const Options& options) {
  auto bytes = read_bundle(options.bundle);
  if (!bytes.ok()) return tell_error(bytes.error());
  auto bundle = decode_bundle(*bytes);
  if (!bundle.ok()) return tell_error(bundle.error());
  std::size_t refused = 0;
  for (const Rule& rule : bundle->rules) {
    const auto bound = bind_rule(rule);
    if (bound.ok()) continue;
    ++refused;
    if (options.is_json)
      print(fmt::format("{{\"rule\":{},\"error\":{},\"detail\":{}}}\n", json_quote(rule.id),
                        json_quote(bound.error().name), json_quote(bound.error().detail)));
    else
      print(fmt::format("{}: {}: {}\n", printable(rule.id), bound.error().name,
                        printable(bound.error().detail)));
  }
  if (!options.is_json)
    print(fmt::format("policy {}: {}, {} refused\n", printable(bundle->policy),
                      counted(bundle->rules.size(), "rule"), refused));
  return refused == 0 ? 0 : 1;
}

}  // namespace reeve
