// YAML as a tree of our own with the line and column of every node. The one file behind this header
// is the gate to yaml-cpp: nothing it throws gets out, and what it would accept without a word
// (duplicate keys, exploding aliases, endless nesting, several documents, tags) is refused here
// with a position. Scalars stay the text that was written: 0640 is "0640" and 6.10 is "6.10".
#pragma once

#include <optional>

#include "controller/policy/source_error.h"
#include "controller/policy/source_limits.h"

namespace reeve {

enum class YamlShape : std::uint8_t { nothing, scalar, list, map };

using YamlIndex = std::uint32_t;

struct YamlEntry {
  YamlIndex key = 0;  // a scalar; for lists the same as value
  YamlIndex value = 0;
};

struct YamlNode {
  YamlShape shape = YamlShape::nothing;
  bool plain = false;  // a scalar without quotes
  bool alias = false;  // then `target` holds the content
  YamlIndex target = 0;
  Position at;  // in bytes; of an alias its own, not its anchor's
  std::string text;
  std::vector<YamlEntry> entries;
};

// One document. Aliases share their anchor's content, so that a tree is never larger than its
// source; walking it visits at most limits::yaml_nodes_max nodes.
class YamlTree {
 public:
  YamlTree(std::vector<YamlNode> nodes, YamlIndex root) : nodes_(std::move(nodes)), root_(root) {}

  YamlIndex root() const { return root_; }
  Position position(YamlIndex index) const { return nodes_[index].at; }
  // The content, an alias's anchor being followed.
  const YamlNode& node(YamlIndex index) const;
  // The entry of a map, the first of equal keys.
  std::optional<YamlEntry> find(YamlIndex map, std::string_view key) const;

 private:
  std::vector<YamlNode> nodes_;
  YamlIndex root_;
};

// Absent when the source cannot be read as one document; what is wrong is in the report then.
// Duplicate keys and tags are reported and the rest is read all the same. Errors:
// `source_too_large`, `not_utf8`, `control_character`, `yaml_syntax`, `alias_bomb`,
// `recursive_alias`, `too_many_nodes`, `nesting_too_deep`, `second_document`, `empty_source`,
// `duplicate_key`, `key_not_text`, `yaml_tag`.
std::optional<YamlTree> parse_yaml(std::string_view content, Report& report);

}  // namespace reeve
