#include "tests/attacks/besieged_agent.h"

#include <algorithm>

#include "common/paths.h"
#include "controller/cli/cli_limits.h"

namespace reeve::testing {

namespace fixture = trust_fixture;

Besieged::Besieged() {
  identity.root.root = fixture::role(root_keys, 2);
  identity.root.policy = fixture::role(policy_keys, 2);
  identity.root_object = seal(identity.root);
  REQUIRE(disk.make_directory("trust").ok());
  REQUIRE(replace_file(disk, paths::trusted_root, identity.root_object).ok());
  host.add_file(watched, 0644);
  start();
  link_up();
  push(honest(version_in_force, "good"));
  REQUIRE(agent->policy_store().version() == version_in_force);
  REQUIRE(host.at(watched).mode == 0600);
}

Root Besieged::next_root() const {
  Root next = agent->policy_store().root();
  next.version += 1;
  return next;
}

Bytes Besieged::seal(const Root& root, const Keys& keys) {
  return fixture::sealed(ObjectType::root, encode_root(root), keys);
}

Bytes Besieged::seal(const Manifest& manifest, const Keys& keys) {
  return fixture::sealed(ObjectType::manifest, encode_manifest(manifest), keys);
}

AgentWorld::Signed Besieged::honest(std::uint64_t version, std::string rule) const {
  Signed policy = sign(version, {file_rule(std::move(rule), watched)});
  resign(policy);
  return policy;
}

void Besieged::adopt_root(const Root& next) {
  hear(MessageType::root, seal(next));
  REQUIRE(agent->policy_store().root().version == next.version);
}

std::map<std::string, Bytes> Besieged::files_in(const std::string& directory) const {
  std::map<std::string, Bytes> out;
  const auto names = disk.list(directory);
  if (!names.ok()) return out;
  for (const std::string& name : *names) {
    const auto bytes = disk.read(directory + "/" + name, 64u << 20);
    if (bytes.ok() && bytes->has_value()) out.emplace(directory + "/" + name, **bytes);
  }
  return out;
}

Standing Besieged::standing() {
  Standing now;
  for (const char* directory : {"identity", "trust", "policy"})
    now.files.merge(files_in(directory));
  // Record keys follow one another daily, whatever anybody says.
  std::erase_if(now.files, [](const auto& file) {
    return file.first.starts_with("identity/record") || file.first == paths::successions;
  });
  now.journal = files_in(std::string(paths::journal_directory));
  now.journal.erase(std::string(paths::acknowledged));
  now.root_version = agent->policy_store().root().version;
  now.version = agent->policy_store().version();
  now.manifest = agent->policy_store().digest();
  for (const auto& active : agent->enforcer().policy().rules) now.rules.push_back(active.rule.id);
  now.acts = host.acts();
  now.adoptions = records("policy_adopted").size() + records("root_adopted").size();
  return now;
}

void Besieged::check_unmoved(const Standing& before) {
  const Standing now = standing();
  CHECK(now.files == before.files);
  CHECK(now.root_version == before.root_version);
  CHECK(now.version == before.version);
  CHECK(now.manifest == before.manifest);
  CHECK(now.rules == before.rules);
  CHECK(now.acts == before.acts);
  CHECK(now.adoptions == before.adoptions);
  for (const auto& [name, bytes] : before.journal) {
    const std::string& segment = name;  // Clang 14 takes no binding into a lambda
    CAPTURE(segment);
    const auto kept = now.journal.find(name);
    REQUIRE(kept != now.journal.end());
    REQUIRE(kept->second.size() >= bytes.size());
    CHECK(std::ranges::equal(ByteView(kept->second).first(bytes.size()), bytes));
  }
}

std::vector<std::string> Besieged::refusals() {
  std::vector<std::string> out;
  for (const Record& record : records("policy_refused"))
    out.push_back(*record.body.find("error")->text());
  return out;
}

void Besieged::check_alive(std::uint64_t version) {
  push(honest(version, "after"));
  CHECK(agent->policy_store().version() == version);
  host.add_file(watched, 0666);
  wake(0, watched);
  CHECK(host.at(watched).mode == 0600);
}

}  // namespace reeve::testing
