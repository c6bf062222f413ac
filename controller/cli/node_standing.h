// What stands beside a node's certificate: an operator's signed request that ended it, and the
// token that it enrolled with. Judged on this machine, like all else; a controller can neither end
// a node nor hide that a token was used too often among the nodes that it shows.
#pragma once

#include "controller/cli/verify.h"

namespace reeve::cli {

// `nodes` as judge_node() made them of `items`, one each and in the same order. Sets
// SeenNode::ended where the request holds, and marks every node of a token with more nodes than
// uses as unproven, `token_overused`: which of them are too many nobody can tell. A node that this
// machine knows to have ended is `ending_withheld` where no such request is shown any more; its own
// may be by an operator whom a later root has dropped.
struct Judges {
  const Root& root;
  const std::vector<Root>& former;
  const KnownNodes& known;
  KeyHash controller;
};
void judge_standing(std::vector<SeenNode>& nodes, const Value::Array& items, const Judges& judges);

}  // namespace reeve::cli
