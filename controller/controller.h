// A whole controller as a value of its parts: intake, ledger, publisher, queries and the operators'
// endpoint over a store, a clock and two links. It has no thread, timer, socket or file of its own
// and moves only in step(), so that one process can run it with a fleet of agents on fakes.
#pragma once

#include "controller/body_retention.h"
#include "controller/controller_limits.h"
#include "controller/cosigning.h"
#include "controller/credits.h"
#include "controller/intake.h"
#include "controller/log_files.h"
#include "controller/operator_server.h"

namespace reeve {

class Controller {
 public:
  struct Parts {
    Store& store;
    const Clock& clock;
    const SigningKey& ledger_key;
    TransportKey transport_key;       // ours, public
    ByteView root;                    // signed object: the trust anchor
    LogFiles* log = nullptr;          // null: the ledger is not published as files
    std::int64_t keep_bodies_ns = 0;  // after this long record bodies are withheld; 0: never
  };
  // Makes root and start tick leaves. The first three parts and the log are borrowed for its life.
  // Errors: the root's own (trust.h), `root_rollback`, `root_gap` or `root_mismatch` against the
  // roots in the store, `key_mismatch` when the root does not name the ledger key, the store's.
  static Result<std::unique_ptr<Controller>> open(const Parts& parts);
  Controller(const Parts& parts, Root root, std::unique_ptr<Ledger> ledger,
             std::vector<Bytes> root_objects);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // For the transport at each new connection; every message is asked again.
  bool admits_node(const TransportKey& key) const { return registry_.admitted(key) != nullptr; }
  bool admits_operator(const TransportKey& key) const {
    return root_.operator_with_transport(key) != nullptr;
  }

  // Takes what waits at the links, at most limits::messages_per_commit messages of nodes,
  // limits::requests_per_step of operators and limits::enrollments_per_step of strangers, and
  // answers. `enroll` is null where nobody enrolls by token. The lines are for a log.
  std::vector<std::string> step(ServerLink& nodes, ServerLink& operators,
                                ServerLink* enroll = nullptr);
  // How long step() has nothing to do unless a message comes.
  std::int64_t idle_ns() const;

  // How often each verdict (intake.h) or error name was met, in this run.
  const std::map<std::string, std::uint64_t>& counters() const { return counters_; }
  std::uint64_t tree_size() const { return ledger_->size(); }
  Digest tree_root() const { return ledger_->root(); }
  Registry& registry() { return registry_; }

 private:
  struct Answer {
    TransportKey peer;
    Bytes message;
  };
  struct Waiting {
    TransportKey peer;
    Acknowledgement acknowledgement;
  };
  struct Rekeyed {
    TransportKey peer;
    Node node;
    Digest statement;
  };
  // What one turn has gathered; nothing in it has been sent.
  struct Turn {
    std::vector<Waiting> acknowledgements;  // only after the commit
    std::vector<Rekeyed> rekeyed;           // the same
    std::vector<Answer> answers;            // policy; nothing of it is this turn's news
    bool in_transaction = false;
  };

  void serve_nodes(ServerLink& link);
  void serve_operators(ServerLink& operators, ServerLink& nodes);
  void serve_enrollment(ServerLink& link);
  void tell_nodes(const OperatorServer::Outcome& outcome, ServerLink& nodes);
  Status take_messages(ServerLink& link, Turn& turn);
  Status take_message(const Node& node, const TransportKey& peer, ByteView bytes, Turn& turn);
  Status take_batch(const Node& node, const TransportKey& peer, ByteView payload, Turn& turn);
  Status take_succession(const Node& node, const TransportKey& peer, ByteView object, Turn& turn);
  Status tell_newest(const Node& node, const TransportKey& peer, Turn& turn);
  void note_flags(const Node& node, std::uint32_t before);
  Status take_heartbeat(const Node& node, const TransportKey& peer, ByteView payload, Turn& turn);
  Status take_rekey(const Node& node, const TransportKey& peer, ByteView payload, Turn& turn);
  void take_fetch(const TransportKey& peer, ByteView payload, Turn& turn);
  void take_checkpoint_held(const Node& node, const TransportKey& peer, ByteView payload,
                            Turn& turn);
  Status take_cosignature(const Node& node, ByteView payload, Turn& turn);
  void ask_witnesses(ServerLink& link);
  void tell_witnesses(ServerLink& nodes);
  void send_witness_set(ServerLink& link, const NodeId& id, const TransportKey& peer);
  Status begin(Turn& turn);
  Status commit(Turn& turn);
  void lose(const Error& error, Turn& turn);
  void send_acknowledgements(ServerLink& link, const Turn& turn);
  void send_rekeyed(ServerLink& link, const Turn& turn);
  void tell_news(ServerLink& nodes);
  std::vector<Bytes> news_for(const Node& node) const;
  void publish_log();
  void withhold_bodies();
  bool rows_are_due() const;
  bool store_rests() const;
  std::string takes_nothing_in() const;
  std::int64_t idle_without_log_ns() const;
  void count(const std::string& name) { ++counters_[name]; }
  void note(std::string line);

  const Clock& clock_;
  Store& store_;
  LogFiles* log_;
  Root root_;
  std::unique_ptr<Ledger> ledger_;
  Registry registry_;
  Publisher publisher_;
  Tokens tokens_;
  Enrollment enrollment_;
  Acts acts_;
  Recoveries recoveries_;
  Cosigning cosigning_;
  Intake intake_;
  Credits credits_;
  OperatorServer operators_;
  BodyRetention retention_;
  std::map<std::string, std::uint64_t> counters_;
  std::vector<std::string> notes_;
  std::int64_t rows_written_ns_ = 0;  // boot time
  std::optional<std::int64_t> store_failed_ns_;
  std::optional<std::int64_t> behind_told_ns_;  // that a node has seen more than this ledger has
  std::string log_refusal_;                     // of the files; each is told once
  std::string retention_refusal_;
};

}  // namespace reeve
