#include "controller/policy/key_table.h"

#include <fmt/format.h>

#include "common/limits.h"
#include "common/policy.h"

namespace reeve {
namespace {

std::vector<std::string> severity_names() { return {"low", "medium", "high", "critical"}; }
std::vector<std::string> mode_names() { return {"audit", "enforce"}; }

KeySpec figure(std::string name, std::uint32_t otherwise, std::int64_t max, std::string help) {
  return {.name = std::move(name),
          .type = KeyType::number,
          .help = std::move(help),
          .min = 1,
          .max = max,
          .otherwise = std::to_string(otherwise)};
}

KeySpec breaker_key() {
  const Breaker silent;
  const auto most = limits::breaker_figure_max;
  return {.name = "breaker",
          .type = KeyType::section,
          .help = "How often a fix may be repeated before Reeve concludes that somebody fights it.",
          .keys = {
              figure("fixes_first_minute", silent.fixes_first_minute, most,
                     "Fixes of one object in the first minute, then the hourly figure counts."),
              figure("fixes_per_hour", silent.fixes_per_hour, most,
                     "Fixes of one object in an hour, then its fixes back off."),
              figure("ceiling_per_second", silent.ceiling_per_second, most,
                     "Fixes a second of a contested object of severity high or critical."),
              figure("agent_fixes_per_minute", silent.agent_fixes_per_minute, most,
                     "Fixes a minute of the whole agent; critical rules are never held back."),
              figure("rule_share_percent", silent.rule_share_percent, 100,
                     "How much of the agent's figure one rule may use, in percent."),
          }};
}

KeySpec owner_key() {
  return {.name = "owner",
          .type = KeyType::line,
          .help = "Who answers for the rule: a team, a person or a mailbox.",
          .max = limits::name_bytes_max};
}

KeySpec severity_key() {
  return {.name = "severity",
          .type = KeyType::choice,
          .help = "How bad a deviation is; high and critical ones are reported before all others.",
          .choices = severity_names(),
          .otherwise = "medium"};
}

KeySpec mode_key() {
  return {.name = "mode",
          .type = KeyType::choice,
          .help = "audit reports deviations, enforce puts them right as well.",
          .choices = mode_names(),
          .otherwise = "audit"};
}

KeySpec owner_pause_key() {
  return {.name = "owner_pause_minutes",
          .type = KeyType::number,
          .help =
              "How much of any 24 hours the host's owner may pause the rule, or hold what they "
              "undid of it; 0 never.",
          .min = 0,
          .max = limits::owner_pause_minutes_max};
}

KeySpec defaults_key() {
  return {.name = "defaults",
          .type = KeyType::section,
          .help = "What holds for the rules of this file that are silent about it.",
          .keys = {owner_key(), severity_key(), mode_key(), breaker_key(), owner_pause_key()}};
}

std::vector<KeySpec> describing_keys() {
  return {
      {.name = "id",
       .type = KeyType::name,
       .required = true,
       .help = "The rule's name in every record and report; unique in the policy, kept for ever."},
      {.name = "title",
       .type = KeyType::line,
       .required = true,
       .help = "One line that says what the rule wants.",
       .max = limits::text_bytes_max},
      severity_key(),
      owner_key(),
      {.name = "controls",
       .type = KeyType::lines,
       .help = "The controls that the rule answers for, such as \"CIS Debian 12 7.1.5\".",
       .max = limits::name_bytes_max},
      mode_key(),
      {.name = "rationale", .type = KeyType::text, .help = "Why the rule is there."},
  };
}

std::vector<KeySpec> behaviour_keys() {
  return {
      breaker_key(),
      {.name = "intent",
       .type = KeyType::choice,
       .help = "durable has the intent on disk before the act, for acts that cannot be repeated.",
       .choices = {"durable", "plain"},
       .otherwise = "plain"},
      {.name = "show_content",
       .type = KeyType::boolean,
       .help = "Whether records may show content of what is checked instead of its digest.",
       .otherwise = "false"},
      {.name = "keep_content",
       .type = KeyType::boolean,
       .help = "Whether content that a fix replaces or removes is kept on the host, so that its "
               "owner can undo the fix.",
       .otherwise = "false"},
      owner_pause_key(),
  };
}

KeySpec rules_key(std::vector<KeySpec> kinds) {
  KeySpec rules{.name = "rules",
                .type = KeyType::sections,
                .required = true,
                .help = "The rules, each about exactly one resource.",
                .min = 1,
                .max = limits::bundle_rules_max};
  rules.keys = describing_keys();
  for (KeySpec& key : behaviour_keys()) rules.keys.push_back(std::move(key));
  KeyGroup resource{.keys = {}, .at_most_one = true, .at_least_one = true};
  for (KeySpec& kind : kinds) {
    resource.keys.push_back(kind.name);
    rules.keys.push_back(std::move(kind));
  }
  rules.groups.push_back(std::move(resource));
  return rules;
}

}  // namespace

const KeySpec* KeySpec::find(std::string_view key) const {
  for (const KeySpec& spec : keys) {
    if (spec.name == key) return &spec;
  }
  return nullptr;
}

KeySpec policy_format(std::vector<KeySpec> kinds) {
  KeySpec top{.name = "", .type = KeyType::section, .required = true, .help = "A Reeve policy."};
  top.keys = {{.name = "policy",
               .type = KeyType::name,
               .required = true,
               .help = "The policy's name; files of one name are compiled into one bundle."},
              {.name = "description",
               .type = KeyType::text,
               .help = "What the policy is for; stays in the source."},
              defaults_key(),
              rules_key(std::move(kinds))};
  return top;
}

std::string alternatives(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

KeySpec item_of(const KeySpec& spec) {
  KeySpec item = spec;
  item.many = false;
  if (spec.type == KeyType::sections) item.type = KeyType::section;
  if (spec.type == KeyType::lines) item.type = KeyType::line;
  return item;
}

std::string expectation(const KeySpec& spec) {
  if (spec.many && spec.min > 1) return "a list, each item " + expectation(item_of(spec));
  if (spec.many) return expectation(item_of(spec)) + ", or a list of such";
  switch (spec.type) {
    case KeyType::text:
      return fmt::format("text of at most {} bytes", limits::text_bytes_max);
    case KeyType::path:
      return "an absolute path such as /etc/passwd";
    case KeyType::pattern:
      return "an absolute path with *, ? or [...], such as /etc/ssh/*_key";
    case KeyType::user:
      return "a user's name or number";
    case KeyType::group:
      return "a group's name or number";
    case KeyType::mode:
      return "octal permission bits such as 0640";
    case KeyType::choice:
      return alternatives(spec.choices);
    case KeyType::boolean:
      return "true or false";
    case KeyType::number:
      return fmt::format("a whole number from {} to {}", spec.min, spec.max);
    case KeyType::body:
      return fmt::format("text of at most {} bytes, such as a block behind \"|\"",
                         limits::body_bytes_max);
    case KeyType::digest:
      return "a SHA-256 digest, 64 hexadecimal digits";
    case KeyType::ports:
      return "a port or a range such as 22 or 8000-8100";
    case KeyType::network:
      return "an IPv4 or IPv6 address or network such as 10.0.0.0/8 or 2001:db8::/32";
    case KeyType::name:
      return fmt::format(
          "1 to {} letters, digits, \".\", \"_\", \":\" or \"-\", a letter or digit "
          "first",
          limits::name_bytes_max);
    case KeyType::line:
      return fmt::format("one line of text of at most {} bytes", spec.max);
    case KeyType::lines:
      return "a list of texts such as [\"CIS 7.1.5\"]";
    case KeyType::section:
      return "a map of keys and values";
    case KeyType::sections:
      return "a list of maps, each behind \"- \"";
  }
  return {};
}

}  // namespace reeve
