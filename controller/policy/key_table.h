// The policy format as one table: every key with its type, its bounds and a sentence of help. The
// checker and the JSON Schema are both walks over it, so they cannot disagree. What a kind's keys
// are comes from the kinds' own rows, handed over by the build as data. Values only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace reeve {

enum class KeyType : std::uint8_t {
  text,     // any text
  path,     // absolute path, no empty, "." or ".." component
  pattern,  // the same with * ? [...] within components
  user,     // a name or a number
  group,
  mode,    // octal, "0644"
  choice,  // one of `choices`
  boolean,
  number,    // from min to max
  body,      // text of several lines, kept as it is, at most limits::body_bytes_max
  digest,    // SHA-256 in hexadecimal
  ports,     // common/network_text.h
  network,   // the same
  name,      // an id, is_valid_id() of policy.h
  line,      // one line of text, at most max bytes
  lines,     // a list of such lines, at most limits::rule_controls_max
  section,   // a map with `keys`
  sections,  // a list of such maps, from min to max of them
};

// Keys of one section that depend on each other.
struct KeyGroup {
  std::vector<std::string> keys;
  bool at_most_one = false;
  bool at_least_one = false;
};

struct KeySpec {
  std::string name;
  KeyType type = KeyType::text;
  bool required = false;
  std::string help;
  std::vector<std::string> choices{};
  std::int64_t min = 0;
  std::int64_t max = 0;
  // A list of such values, from min to max of them; one alone may stand without brackets.
  bool many = false;
  std::string otherwise{};  // what holds where the key is silent, for people; may be empty
  bool is_kind = false;     // a section that is a resource
  std::vector<KeySpec> keys{};
  std::vector<KeyGroup> groups{};

  const KeySpec* find(std::string_view key) const;
};

// The kinds' rows, each a section. Error `malformed_kinds`. The gate to nlohmann-json.
Result<std::vector<KeySpec>> parse_kinds(std::string_view json);
// Those that this program was built with.
std::vector<KeySpec> embedded_kinds();

// The whole format for these kinds: the section at the top of a file.
KeySpec policy_format(std::vector<KeySpec> kinds);

// What a key wants, for messages: "octal permission bits such as 0640".
std::string expectation(const KeySpec& spec);
// One item of a list: the same row without its list.
KeySpec item_of(const KeySpec& spec);
// "a, b or c".
std::string alternatives(const std::vector<std::string>& words);

}  // namespace reeve
