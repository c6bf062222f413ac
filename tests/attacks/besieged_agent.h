// One agent with policy in force and a fleet of several keys a role, for tests that attack it: what
// an attacker sends through its courier must leave everything in Standing as it was. A test owns
// the world and plays whoever holds some of the keys.
#pragma once

#include "tests/agent/agent_world.h"

namespace reeve::testing {

// What no refusal may change: the files of trust, identity and policy, what is in force, the host,
// and what the journal already held.
struct Standing {
  std::map<std::string, Bytes> files;
  std::map<std::string, Bytes> journal;
  std::uint64_t root_version = 0;
  std::uint64_t version = 0;
  Digest manifest;
  std::vector<std::string> rules;
  std::vector<std::string> acts;  // on the host
  std::size_t adoptions = 0;      // records of adoptions
};

class Besieged : public AgentWorld {
 public:
  using Keys = std::vector<std::uint8_t>;
  // Keys by the numbers of trust_fixture.h and above; two of three must sign.
  static inline const Keys root_keys{1, 8, 21};
  static inline const Keys policy_keys{2, 9, 22};
  static inline const Keys root_signers{1, 8};
  static inline const Keys policy_signers{2, 9};
  static constexpr std::uint64_t version_in_force = 5;
  static inline const std::string watched = "/etc/secret";

  Besieged();

  Root root() const { return identity.root; }
  Root next_root() const;
  static Bytes seal(const Root& root, const Keys& keys = root_signers);
  static Bytes seal(const Manifest& manifest, const Keys& keys = policy_signers);
  // Made now, expiring as usual, one bundle of one rule.
  Signed honest(std::uint64_t version, std::string rule = "new") const;
  // The same with another payload, signed again by enough keys.
  static void resign(Signed& policy) { policy.object = seal(policy.manifest); }
  void adopt_root(const Root& next);

  Standing standing();
  // Nothing of before has changed; the journal may have grown.
  void check_unmoved(const Standing& before);
  // Records of refusals since the agent was started, their error names.
  std::vector<std::string> refusals();
  // Honest policy of the version is still adopted and enforced.
  void check_alive(std::uint64_t version);

 private:
  std::map<std::string, Bytes> files_in(const std::string& directory) const;
};

}  // namespace reeve::testing
