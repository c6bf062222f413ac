// The record keys of nodes as one command has verified them: chains of successions that the
// controller was asked for, each from a key that was known before. What does not follow is left
// out, so that what it would have certified stays unknown.
#pragma once

#include "controller/cli/client.h"
#include "controller/cli/verify.h"

namespace reeve::cli {

class KeyBook {
 public:
  struct Beginning {
    NodeId node;
    RecordKey key;
    std::uint64_t leaf = 0;  // statements from here on
  };
  // Asks for what is newer of these nodes; a node that is here already goes on from where it is.
  // Errors: those of request(), `malformed`.
  Status learn(OperatorClient& controller, const std::vector<Beginning>& nodes);

  // By node; valid until learn().
  const KeyChains& chains() const { return chains_; }
  const KeyChain* chain(const NodeId& node) const;
  std::uint64_t next_leaf(const NodeId& node) const;

 private:
  struct Answer {
    std::size_t items = 0;
    bool goes_on = false;  // something is newer than before
  };
  Result<Answer> ask(OperatorClient& controller, std::span<const Beginning> nodes);
  Status take(const Value& item, Answer& answer);

  KeyChains chains_;
  std::map<NodeId, std::uint64_t> next_;
};

// From a node's certificate on.
KeyBook::Beginning beginning_of(const NodeCertificate& certificate);

}  // namespace reeve::cli
