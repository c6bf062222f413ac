// The enrollment endpoint: the one place that strangers reach. A message is at most 4 KiB, of one
// type, counted by source and for all; nothing of it is decoded before signatures hold that begin
// with an operator's. What it asks for is then registered in a transaction of its own, and the
// answer comes after the commit. A node asks again until it has heard: whoever is registered is
// answered again, with its newest certificate.
#pragma once

#include "common/link/link.h"
#include "common/wire.h"
#include "controller/enrollment_limits.h"
#include "controller/ledger.h"
#include "controller/publisher.h"
#include "controller/rate_limit.h"
#include "controller/registry.h"
#include "controller/tokens.h"

namespace reeve {

// Whether an answer can lead from a root whose payload has this digest to the newest. Error
// `root_unknown`, also where more roots lie between than an answer has room for.
Status require_way(const Publisher& publisher, const Digest& root);

class Enrollment {
 public:
  struct Parts {
    Store& store;
    Ledger& ledger;
    Registry& registry;
    Tokens& tokens;
    const Publisher& publisher;
    const Clock& clock;
    const Root& root;
  };
  // Borrows all parts for its life.
  explicit Enrollment(const Parts& parts);

  // What one message came to: "enrolled", "enrolled_again", "pending", or an error's name.
  struct Outcome {
    std::string name;
    std::string node{};  // its name, where it is known
  };
  Outcome take(ServerLink& link, const ServerLink::Incoming& incoming);

  // A node that waits for an operator.
  struct Pending {
    Bytes object;
    NodeCertificate certificate;
    KeyHash token;
    std::int64_t asked_ns = 0;  // boot time
  };
  // Those that still ask, by name.
  const std::map<std::string, Pending>& pending();
  void forget(const std::string& name) { pending_.erase(name); }

 private:
  struct Request;
  Result<Request> open(ByteView message) const;
  Status admit(const ServerLink::Incoming& incoming);
  Result<Outcome> decide(ServerLink& link, const TransportKey& peer, const Request& request);
  Result<Outcome> keep_waiting(const Request& request);
  Status check_use(const KnownToken& token) const;
  Status register_node(const Request& request, Node node);
  Status answer(ServerLink& link, const TransportKey& peer, const Token& token,
                ByteView certificate) const;

  Parts parts_;
  RateLimit by_source_;
  Bucket at_all_;
  std::map<std::string, Pending> pending_;
};

}  // namespace reeve
