// reeve-agent check, fix and plan: one bundle, once, on this host, with no controller and no state.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "agent/commands/commands.h"
#include "agent/cycle.h"
#include "common/limits.h"
#include "common/paths.h"
#include "common/text.h"

namespace reeve {
namespace {

// Prints each receipt as it is made; nothing is sealed.
class PrintedAccounts final : public Accounts {
 public:
  explicit PrintedAccounts(const Options& options) : options_(options) {}
  void intend(const Receipt&, Intent) override {}
  void record(const Contention&) override {}
  void record(const Receipt& receipt) override {
    print(options_.is_json ? receipt_json(receipt) : receipt_text(receipt));
    if (receipt.outcome == outcome::fixed) ++fixed_;
  }
  void count_only(const Receipt& receipt) override { record(receipt); }
  std::size_t fixed() const { return fixed_; }

 private:
  const Options& options_;
  std::size_t fixed_ = 0;
};

std::string summary(const ActivePolicy& policy, std::size_t fixed) {
  std::array<std::size_t, rule_states> counts{};
  for (const ActiveRule& rule : policy.rules) ++counts[static_cast<std::size_t>(rule.state)];
  std::string out = fmt::format("policy {}: {}", policy.bundles.front().reference.name,
                                counted(policy.rules.size(), "rule"));
  for (std::size_t i = 0; i < counts.size(); ++i)
    if (counts[i] > 0) out += fmt::format(", {} {}", counts[i], name_of(static_cast<RuleState>(i)));
  if (fixed > 0) out += fmt::format("; {} fixed (unsealed: no journal has it)", fixed);
  return out + "\n";
}

std::string rule_json(const ActiveRule& rule) {
  return fmt::format("{{\"type\":\"rule\",\"rule\":{},\"state\":{}}}\n", json_quote(rule.rule.id),
                     json_quote(name_of(rule.state)));
}

// Whoever goes through once by hand wants all of it put right and fights nobody.
constexpr Breaker figures_by_hand{limits::breaker_figure_max, limits::breaker_figure_max,
                                  limits::breaker_figure_max, limits::breaker_figure_max, 100};

enum class Touch { nothing, host };

int go_through(const Options& options, Touch touch) {
  auto policy = load_local_policy(options.bundle);
  if (!policy.ok()) return tell_error(policy.error());
  auto host = open_local_host(options.root);
  if (!host.ok()) return tell_error(host.error());
  const SystemClock clock;
  PrintedAccounts accounts(options);
  Incidents incidents;
  CircuitBreaker breaker;
  Hands* hands = touch == Touch::host ? host->get() : nullptr;
  Cycle cycle({**host, hands, clock, accounts, incidents, breaker});
  Cause cause;
  cause.via = "command";
  for (std::size_t i = 0; i < policy->rules.size(); ++i) {
    policy->rules[i].rule.breaker = figures_by_hand;
    while (cycle.run(*policy, i, {}, cause).is_cut_short) {
    }
    if (options.is_json) print(rule_json(policy->rules[i]));
  }
  if (!options.is_json) print(summary(*policy, accounts.fixed()));
  return incidents.size() == 0 ? 0 : 2;
}

// True while an agent holds the default state directory. Root's own act must not race with it.
bool an_agent_runs() {
  const std::string lock = fmt::format("{}/{}", paths::agent_state_default, paths::agent_lock);
  Fd fd(::open(lock.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return fd.is_open() && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

std::string planned(const ActiveRule& rule, const Deviation& deviation) {
  const bool would_fix = rule.rule.mode == Mode::enforce && deviation.refusal.empty();
  return fmt::format("{:<12} {}  {}\n{:<12} {} -> {}\n", would_fix ? "would fix" : "would report",
                     printable(rule.rule.id), printable(deviation.object), "",
                     printable(deviation.found), printable(deviation.desired));
}

std::string planned_json(const ActiveRule& rule, const Deviation& deviation) {
  const bool would_fix = rule.rule.mode == Mode::enforce && deviation.refusal.empty();
  return fmt::format(
      "{{\"type\":\"plan\",\"rule\":{},\"object\":{},\"act\":{},\"found\":{},\"desired\":{}}}\n",
      json_quote(rule.rule.id), json_quote(deviation.object),
      json_quote(would_fix ? "fix" : "report"), json_quote(deviation.found),
      json_quote(deviation.desired));
}

}  // namespace

Result<Bytes> read_bundle(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd.is_open()) return os_error("bundle_unreadable", "open", path, errno);
  Bytes bytes;
  std::array<std::uint8_t, 65'536> part{};
  while (true) {
    const auto got = ::read(fd.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("bundle_unreadable", "read", path, errno);
    if (got == 0) return bytes;
    append(bytes, ByteView(part).first(static_cast<std::size_t>(got)));
    if (bytes.size() > limits::bundle_bytes_max)
      return Error{"malformed_bundle", path + " is longer than any bundle"};
  }
}

Result<ActivePolicy> load_local_policy(const std::string& path) {
  auto bytes = read_bundle(path);
  if (!bytes.ok()) return bytes.error();
  ActivePolicy policy;
  REEVE_TRY(append_bundle(policy, *bytes, PolicyReference{{}, 0, sha256(*bytes), {}}));
  return policy;
}

int check_bundle(const Options& options) { return go_through(options, Touch::nothing); }

int fix_bundle(const Options& options) {
  if (an_agent_runs())
    return tell_error({"state_in_use", fmt::format("an agent holds {}", paths::agent_state_default),
                       "let it enforce, or stop it first"});
  return go_through(options, Touch::host);
}

int plan_bundle(const Options& options) {
  auto policy = load_local_policy(options.bundle);
  if (!policy.ok()) return tell_error(policy.error());
  auto host = open_local_host(options.root);
  if (!host.ok()) return tell_error(host.error());
  std::size_t deviations = 0;
  for (const ActiveRule& rule : policy->rules) {
    const auto seen = rule.resource->check(**host, {});
    if (!seen.ok()) {
      ++deviations;
      tell_error(seen.error());
      continue;
    }
    deviations += seen->deviations.size();
    for (const Deviation& deviation : seen->deviations)
      print(options.is_json ? planned_json(rule, deviation) : planned(rule, deviation));
  }
  if (!options.is_json) print(counted(deviations, "deviation") + "\n");
  return deviations == 0 ? 0 : 2;
}

}  // namespace reeve
