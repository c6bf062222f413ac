// reeve-agent vet: what the kinds think of a bundle, for `reeve`, which knows no kind. Each rule is
// bound, and what only this host's abilities can tell is tried; the host itself stays as it is.
#include <fmt/format.h>

#include "agent/commands/commands.h"
#include "agent/linux_host.h"
#include "common/text.h"

namespace reeve {
namespace {

enum class Verdict : std::uint8_t { accepted, refused, untried };

struct Vetted {
  Verdict verdict = Verdict::accepted;
  Error error;
};

// What this machine lacks says nothing of the rule: a container without user namespaces, or an
// ordinary user where they are forbidden, cannot load a firewall's text anywhere.
Verdict verdict_of(const Error& error) {
  return error.name == "scratch_failed" ? Verdict::untried : Verdict::refused;
}

Vetted vet_rule(const Rule& rule, const Eyes& eyes) {
  const auto bound = bind_rule(rule);
  if (!bound.ok()) return {Verdict::refused, bound.error()};
  const Status vetted = (*bound)->vet(eyes);
  if (!vetted.ok()) return {verdict_of(vetted.error()), vetted.error()};
  return {};
}

void tell(const Rule& rule, const Vetted& vetted, const Options& options) {
  const std::string_view verdict = vetted.verdict == Verdict::refused ? "refused" : "untried";
  if (options.is_json)
    print(fmt::format("{{\"rule\":{},\"verdict\":{},\"error\":{},\"detail\":{}}}\n",
                      json_quote(rule.id), json_quote(verdict), json_quote(vetted.error.name),
                      json_quote(vetted.error.detail)));
  else
    print(fmt::format("{}: {}: {}: {}\n", printable(rule.id), verdict, vetted.error.name,
                      printable(vetted.error.detail)));
}

int vet_rules(const Bundle& bundle, const Eyes& eyes, const Options& options) {
  std::size_t refused = 0;
  std::size_t untried = 0;
  for (const Rule& rule : bundle.rules) {
    const Vetted vetted = vet_rule(rule, eyes);
    if (vetted.verdict == Verdict::accepted) continue;
    ++(vetted.verdict == Verdict::refused ? refused : untried);
    tell(rule, vetted, options);
  }
  if (!options.is_json)
    print(fmt::format("policy {}: {}, {} refused, {} untried\n", printable(bundle.policy),
                      counted(bundle.rules.size(), "rule"), refused, untried));
  return refused == 0 ? 0 : 1;
}

}  // namespace

int vet_bundle(const Options& options) {
  auto bytes = read_bundle(options.bundle);
  if (!bytes.ok()) return tell_error(bytes.error());
  auto bundle = decode_bundle(*bytes);
  if (!bundle.ok()) return tell_error(bundle.error());
  auto host = open_local_host(options.root);
  if (!host.ok()) return tell_error(host.error());
  return vet_rules(*bundle, **host, options);
}

}  // namespace reeve
