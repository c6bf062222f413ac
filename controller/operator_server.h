// The operators' endpoint. A request counts only when the key that the transport authenticated and
// the key that signed it belong to one operator in the root, who has the right it needs; it was
// made for this controller, just now, and was never seen before. Everybody else gets no answer.
// Replies wait here until the link takes them, within bounds: whole or not at all.
#pragma once

#include <deque>
#include <set>

#include "common/link/link.h"
#include "controller/acts.h"
#include "controller/cosigning.h"
#include "controller/enrollment.h"
#include "controller/ledger.h"
#include "controller/operator_protocol.h"
#include "controller/publisher.h"
#include "controller/query.h"
#include "controller/recoveries.h"
#include "controller/uploads.h"

namespace reeve {

class OperatorServer {
 public:
  struct Parts {
    Store& store;
    Ledger& ledger;
    Registry& registry;
    Publisher& publisher;
    Tokens& tokens;
    Enrollment& enrollment;
    Acts& acts;
    Recoveries& recoveries;
    Cosigning& cosigning;
    const Clock& clock;
    Root& root;            // the newest; replaced when operators publish the next
    PublicKey ledger_key;  // ours
    KeyHash controller;    // hash of our transport key
  };
  // Borrows all parts for its life.
  explicit OperatorServer(const Parts& parts);

  // What a message did, for the caller's counters and log.
  struct Outcome {
    std::string name;         // "answered", or an error's name
    std::string operation{};  // of a valid request
    std::string who{};        // the operator's name
    bool published = false;   // nodes are to be told
    // Transport keys whose sessions are to be ended, and a node that is to hear of its certificate.
    std::vector<TransportKey> ended{};
    std::optional<NodeId> relabelled{};
  };
  // Handles one message. Whatever changes something is a transaction of its own: the request itself
  // and what it brings become leaves, and the reply comes after the commit.
  Outcome take(const TransportKey& peer, ByteView message);
  // Hands waiting replies to the link; those of peers that take none for a while are dropped.
  void send_replies(ServerLink& link);
  bool has_replies() const { return !replies_.empty(); }

 private:
  // A request whose two keys belong to one operator.
  struct Request {
    TransportKey peer;
    const Operator* who = nullptr;
    OperatorRequest body;
    ByteView object;  // as it was signed
  };
  struct Reply {
    TransportKey peer;
    Bytes message;
    std::int64_t until_ns = 0;
  };
  Result<Request> authenticate(const TransportKey& peer, ByteView message) const;
  Status admit(const Request& request);
  Result<Value::Array> perform(const Request& request, Outcome& outcome);
  Result<Value::Array> perform_on_nodes(const Request& request, Outcome& outcome);
  Result<Value::Array> perform_on_witnesses(const Request& request);
  Result<Value::Array> set_witnesses(const Request& request);
  Result<Value::Array> witnesses() const;
  Result<Value::Array> cosigned() const;
  Result<Value::Array> ping() const;
  Result<Value::Array> upload(const Request& request);
  Result<Value::Array> publish(const Request& request);
  Result<Value::Array> enroll(const Request& request, Outcome& outcome);
  Result<Value::Array> end_node(const Request& request, NodeState state, Outcome& outcome);
  Result<Value::Array> register_token(const Request& request);
  Result<Value::Array> revoke_token(const Request& request);
  Result<Value::Array> list_tokens() const;
  Result<Value::Array> list_pending();
  Result<Value::Array> publish_root(const Request& request);
  Result<Value::Array> roots(const Request& request) const;
  Result<Value::Array> enter_act(const Request& request);
  Result<Value::Array> acts() const;
  Result<Value::Array> redact(const Request& request);
  Result<Value::Array> recover(const Request& request);
  struct LaterRoots {
    Root newest;
    std::vector<Bytes> objects;  // each after the one before, the first after ours
  };
  Status take_up(LaterRoots later);
  Result<LaterRoots> later_roots(const Value::Array& objects, const Operator& who) const;
  Result<Value::Array> recoveries(const Request& request) const;
  Result<Value::Array> manifests(const Request& request) const;
  static const Value& arguments_of(const Request& request);
  Result<Value::Array> manifest() const;
  Result<Value::Array> bundle(const Request& request) const;
  // What a request brings besides itself.
  struct Brought {
    ObjectType type;
    ByteView object;
  };
  Status commit_change(const Request& request, std::optional<Brought> brought,
                       const std::function<Status()>& write);
  void answer(const Request& request, Value::Array items);
  void refuse(const Request& request, const Error& error);
  bool queue(const TransportKey& peer, const std::vector<OperatorReply>& parts);
  void forget_old_requests();

  Parts parts_;
  Query query_;
  Uploads uploads_;
  std::set<std::pair<KeyHash, std::uint64_t>> seen_;
  std::deque<std::pair<std::int64_t, std::pair<KeyHash, std::uint64_t>>> seen_in_order_;
  std::deque<Reply> replies_;
  std::size_t reply_bytes_ = 0;
};

// Items in as few replies as fit limits::message_bytes_max and the decoder's bounds; at least one.
std::vector<OperatorReply> split_reply(std::uint64_t id, Value::Array items);

}  // namespace reeve
