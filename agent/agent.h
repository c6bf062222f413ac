// One agent as a value that is stepped: no thread, socket or clock of its own, so that many fit
// into one process. Whoever owns it polls descriptors, tells it what is readable, and calls step()
// when something happened or the time it named has come. It borrows everything in Parts for its
// life.
#pragma once

#include "agent/agent_limits.h"
#include "agent/enforcer.h"
#include "agent/freeze_watch.h"
#include "agent/identity.h"
#include "agent/kept_fixes.h"
#include "agent/ledger_watch.h"
#include "agent/outbox.h"
#include "agent/owner_acts.h"
#include "agent/pauses.h"
#include "agent/policy_store.h"
#include "agent/reserve.h"
#include "agent/start.h"
#include "agent/transport_keyring.h"
#include "agent/witness.h"

namespace reeve {

// Who asked for a stop, as far as that is known.
struct StopCause {
  int signal = 0;
  std::int64_t pid = 0;
  std::int64_t uid = -1;
  std::string program;  // of that process, if it was still there
};

class Agent {
 public:
  struct Parts {
    const Clock& clock;
    Disk& disk;
    const Eyes& eyes;
    Hands* hands;  // null: audits only
    std::vector<Sensor*> sensors;
    CourierPort& courier;
    const Identity& identity;
    Notes& notes;
    int last_wait_status = 0;
    std::size_t segment_bytes_max = limits::journal_segment_bytes_max;
    std::uint64_t journal_bytes_max = limits::journal_bytes_max;
    std::size_t reserve_bytes = limits::journal_reserve_bytes;
    bool was_stuck = false;  // the process before was killed because it had fallen silent
    std::uint64_t acknowledged_bytes_max = limits::acknowledged_bytes_max;
  };
  // Reads the journal back and loads the cached policy; nothing has been enforced yet. Errors: the
  // disk's, where the journal cannot even be listed.
  static Result<std::unique_ptr<Agent>> start(const Parts& parts);
  // For start() alone: with what it read back.
  Agent(const Parts& parts, const Before& before, Incidents incidents,
        std::unique_ptr<RecordKeys> keys, const Epoch& epoch);

  // The courier is another one: it is told whom to talk to and has no link yet.
  void courier_started();
  void courier_lost();
  // Answers whether it had anything to say, so that a step is wanted.
  bool sensor_ready(std::size_t sensor) { return enforcer_.hear(sensor); }
  // Hears the courier, does what is due, and answers when to be called again at the latest
  // (CLOCK_MONOTONIC in nanoseconds; the past: at once).
  std::int64_t step();
  // What the owner of the host asks for: docs/formats.md, "Control socket". Errors:
  // `unknown_operation`, and those of each operation.
  Result<Value::Map> answer(const Value& question, const Asker& who);
  // A new transport key, when the controller has it. Errors: the disk's.
  Status rotate_transport_key();
  // The courier has another key to speak by: whoever owns it ends it, so that it is started anew.
  bool wants_new_courier() { return std::exchange(wants_new_courier_, false); }
  // Nothing was looked at for a while: on record, and all of it is looked at now.
  void froze(const Freeze& freeze);
  // True once when the courier has been silent for too long: its launcher is to start another.
  bool take_courier_wish() { return std::exchange(wants_courier_, false); }
  // A clean stop: the last record, made durable. Nothing may be called after it.
  void stop(const StopCause& cause = {});

  Value::Map status() const;
  const Enforcer& enforcer() const { return enforcer_; }
  const PolicyStore& policy_store() const { return store_; }
  const Recorder& recorder() const { return recorder_; }
  const LedgerWatch& ledger() const { return ledger_; }
  const Witness& witness() const { return witness_; }
  bool link_is_up() const { return link_is_up_; }

 private:
  void load_policy();
  void hear_courier();
  void hear(const WireMessage& message);
  void hear_link_state(ByteView payload);
  void hear_acknowledgement(ByteView payload);
  void hear_witnesses(ByteView object);
  bool send_cosignature();
  void record_rewrite(const LedgerWatch::Rewrite& rewrite);
  void hear_recovery(ByteView object);
  void refuse_recovery(const Error& refused, const Digest& object);
  void record_recovery(const VerifiedRecovery& verified);
  std::string ledger_trouble() const;
  void keep_accounts();
  void hear_certificate(ByteView object);
  void adopt_certificate();
  void tell_certificate();
  void hear_rekeyed(ByteView payload);
  void ask_for_rekeying();
  void take(PolicyEvent event);
  void hear_act(ByteView payload);
  void apply_pauses();
  void record_pause(const VerifiedAct& act);
  void record_resumption(const VerifiedAct& act);
  void record_refusal(const Error& refused, const Digest& object);
  void tell_more_refusals();
  void record_adoption(const ActivePolicy& policy);
  Result<Value::Map> why(const Value& question) const;
  Value::Map rule_told(const ActiveRule& active, const Subject& subject) const;
  Value::Map deviation_told(const ActiveRule& active, const Deviation& deviation) const;
  // What would be done (`put_right`, `report`, `wait`), and why not at once.
  std::pair<std::string, std::string> course_for(const ActiveRule& active,
                                                 const Deviation& deviation) const;
  Result<Value::Map> pause(const Value& question, const Asker& who);
  Result<OwnerAct> begin_owner_act(OwnerAct act, const Value& question, const Rule& rule);
  Result<Value::Map> undo(const Value& question, const Asker& who);
  Result<Value::Map> record_undo(const KeptFix& fix, const OwnerAct& act, const ActiveRule& active);
  Result<Value::Map> end_pause(const Value& question, const Asker& who);
  Result<const ActiveRule*> rule_named(const std::string& name) const;
  const ActiveRule* rule_of(const OwnerAct& act) const;
  Value::Array owner_acts_told() const;
  void end_what_policy_forbids();
  void apply_owner_acts();
  void record_owner_act(const OwnerAct& act);
  void record_owner_end(const OwnerAct& act);
  void hear_newest_succession(ByteView payload);
  void rotate_key();
  void notice_key();
  void send_heartbeat();
  void fetch();
  void talk();
  void send_batches();
  void notice_clock();
  void notice_link();
  void notice_disk();
  void notice_reserve();
  void notice_courier();
  std::int64_t next_due() const;

  Parts parts_;
  TrustedTime time_;
  NodeCertificate certificate_;               // adopted; later ones than at the start too
  std::optional<NodeCertificate> offered_{};  // waits for what its labels select
  Digest refused_certificate_{};              // told of once
  TransportKeyring transport_;
  Incidents incidents_;
  std::unique_ptr<RecordKeys> keys_;
  Recorder recorder_;
  PolicyStore store_;
  Pauses pauses_;
  OwnerActs owner_;
  KeptFixes kept_;
  Enforcer enforcer_;
  LedgerWatch ledger_;
  Witness witness_;
  Outbox outbox_;
  Reserve reserve_;
  std::int64_t reserve_due_ = 0;  // when it is tried again
  bool link_is_up_ = false;
  bool link_told_ = false;         // as the last note said
  std::int64_t link_tell_at_ = 0;  // not before, when it has changed again
  bool wants_new_courier_ = false;
  std::int64_t rekey_due_ = 0;
  bool wants_courier_ = false;
  std::optional<std::int64_t> courier_heard_;  // absent: there is no courier
  std::int64_t courier_patience_ = 0;
  std::string isolation_ = "none";
  std::uint64_t heartbeats_ = 0;
  std::uint64_t states_told_ = 0;  // state records before the last heartbeat
  std::int64_t heartbeat_due_ = 0;
  std::int64_t fetch_due_ = 0;
  std::optional<FetchRequest> asked_;  // the last fetch
  std::int64_t reconsider_due_ = 0;
  std::vector<VerifiedAct> pausing_;  // what is on record as having begun and not ended
  std::vector<OwnerAct> letting_be_;  // the same, of the host's owner
  struct Ending {
    std::string_view why;
    std::optional<Asker> who;
  };
  std::map<ActId, Ending> endings_;        // of those that end before their time
  std::int64_t acknowledged_wall_ns_ = 0;  // when a batch was acknowledged last; 0: never yet
  std::int64_t key_due_ = 0;               // when another key is to follow
  bool key_is_forked_ = false;
  std::string wipe_refusal_;
  std::string disk_refusal_;
  std::int64_t refusals_until_ = 0;  // when the records of refusals are counted anew
  std::size_t refusals_ = 0;         // that got a record of their own since
  std::uint64_t refusals_more_ = 0;  // that got none
  std::pair<Digest, std::string> refused_recovery_{};  // the last one, and why
};

}  // namespace reeve
