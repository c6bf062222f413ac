// Who has adopted a manifest, by the nodes' own signed heartbeats. A value that is fed with what
// `status` answers and asked for words; no clock, no output.
#pragma once

#include "controller/cli/cli_limits.h"
#include "controller/cli/verify.h"

namespace reeve::cli {

class Adoption {
 public:
  // `before` is how the nodes stood just before the manifest was published.
  Adoption(std::uint64_t version, const Digest& digest, const std::vector<SeenNode>& before);

  // True when anything is different from the last look.
  bool look(const std::vector<SeenNode>& nodes, std::int64_t now_wall_ns);

  // Nodes that count: connected as the controller says, or with a fresh heartbeat.
  std::size_t expected() const { return nodes_.size(); }
  std::size_t adopted() const { return count(Stand::adopted); }
  std::size_t refused() const { return count(Stand::refused); }
  bool all_adopted() const { return adopted() == expected(); }
  // Nodes enrolled within the last limits::newcomer_age_s that never spoke and are not connected:
  // they do not count, but are about to.
  std::size_t newcomers() const { return newcomers_; }
  // Nobody is undecided; refusals may still be overtaken by an adoption.
  bool all_decided() const { return count(Stand::waiting) == 0; }

  // "adopted 12 of 14, waiting for db3 web2", names cut short beyond `columns`.
  std::string progress(std::size_t columns) const;
  // One line a node that has not adopted: "  db3  refused: bad_signature".
  std::string laggards() const;
  // The same as members "adopted", "expected", "refused", "late" of one JSON object.
  std::string json_members() const;

 private:
  enum class Stand { adopted, refused, waiting };
  struct Node {
    Stand stand = Stand::waiting;
    std::string why;  // the refusal's error name, or what is known of a late one
    bool operator==(const Node&) const = default;
  };
  Node judge(const SeenNode& node, std::int64_t now_wall_ns) const;
  std::size_t count(Stand stand) const;

  std::uint64_t version_;
  Digest digest_;
  std::map<NodeId, Digest> before_;  // the heartbeat of each node before
  std::map<std::pair<std::string, NodeId>, Node> nodes_;
  std::size_t newcomers_ = 0;
};

}  // namespace reeve::cli
