// What the agent hears from its courier and what it says: the closed set of docs/architecture.md
// section 4.
#include <fmt/format.h>

#include "agent/agent.h"
#include "agent/agent_limits.h"
#include "agent/moment.h"
#include "common/limits.h"
#include "common/text.h"

namespace reeve {

void Agent::hear_courier() {
  for (std::size_t i = 0; i < limits::courier_messages_per_step; ++i) {
    const auto bytes = parts_.courier.receive();
    if (!bytes) return;
    if (courier_heard_) courier_heard_ = parts_.clock.monotonic_ns();
    courier_patience_ = limits::courier_silence_ns_max;
    if (const auto message = decode_message(*bytes); message.ok()) hear(*message);
  }
}

void Agent::hear(const WireMessage& message) {
  switch (message.type) {
    case MessageType::link_state:
      return hear_link_state(message.payload);
    case MessageType::acknowledgement:
      return hear_acknowledgement(message.payload);
    case MessageType::root:
      return take(store_.offer_root(message.payload));
    case MessageType::manifest:
      return take(store_.offer_manifest(message.payload));
    case MessageType::chunk:
      if (auto chunk = decode_chunk(message.payload); chunk.ok()) take(store_.offer_chunk(*chunk));
      return;
    case MessageType::act:
      return hear_act(message.payload);
    case MessageType::recovery:
      return hear_recovery(message.payload);
    case MessageType::heartbeat:
    case MessageType::batch:
    case MessageType::fetch:
    case MessageType::succession:
    case MessageType::configure:
    case MessageType::enroll:
    case MessageType::rekey:
    case MessageType::certificate_held:
    case MessageType::checkpoint_held:
    case MessageType::cosignature:
    case MessageType::enroll_answer:
    case MessageType::configure_enrollment:
      return;  // never to a node that is enrolled
    case MessageType::newest_succession:
      return hear_newest_succession(message.payload);
    case MessageType::certificate:
      return hear_certificate(message.payload);
    case MessageType::rekeyed:
      return hear_rekeyed(message.payload);
    case MessageType::witnesses:
      return hear_witnesses(message.payload);
  }
}

void Agent::hear_link_state(ByteView payload) {
  if (payload.size() != 2) return;
  const bool is_up = payload[0] != 0;
  isolation_ = payload[1] != 0 ? "full" : "reduced";
  if (is_up == link_is_up_) return;
  link_is_up_ = is_up;
  notice_link();
  if (!is_up) return;
  transport_.session_stands();
  heartbeat_due_ = 0;
  fetch_due_ = 0;
  keys_->send_again();
  ledger_.begin_link();
  outbox_.begin_link();
}

// Whoever has the courier can say so without end, and must not fill the log with it.
void Agent::notice_link() {
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (link_is_up_ == link_told_ || now < link_tell_at_) return;
  link_told_ = link_is_up_;
  link_tell_at_ = now + limits::link_note_ns;
  parts_.notes.note(link_is_up_ ? "link up" : "link down");
}

// Proof that somebody else has, or had, a key of ours: a clone, a thief, or this host before a
// snapshot was restored. Once a start, so that nobody fills the disk with it.
void Agent::hear_newest_succession(ByteView payload) {
  const auto fork = keys_->hear_newest(payload);
  if (!fork || std::exchange(key_is_forked_, true)) return;
  parts_.notes.note(
      fmt::format("key_fork: record key {} has another successor than ours: this node's state was "
                  "copied or restored",
                  fork->ours.number - 1));
  recorder_.add("key_fork", std::nullopt,
                {{"number", fork->ours.number},
                 {"old", fork->ours.old_key},
                 {"ours", key_hash(fork->ours.key)},
                 {"other", key_hash(fork->other.key)},
                 {"made", fork->other.wall_ns}});
}

void Agent::take(PolicyEvent event) {
  if (event.root_adopted) {
    parts_.notes.note(fmt::format("root version {} adopted", store_.root().version));
    recorder_.add("root_adopted", std::nullopt, {{"version", store_.root().version}});
  }
  if (event.certificate_adopted) adopt_certificate();
  if (event.refused) record_refusal(*event.refused, event.object);
  if (event.adopted) {
    record_adoption(*event.adopted);
    enforcer_.adopt(std::move(*event.adopted), "policy");
  }
  if (event.adopted || event.root_adopted || event.certificate_adopted) apply_pauses();
  if (event.adopted) apply_owner_acts();
  if (event.adopted) heartbeat_due_ = 0;
  // An answer that brings nothing is no reason to ask again at once.
  if (store_.wanted() != asked_) fetch_due_ = 0;
  reconsider_due_ = parts_.clock.monotonic_ns() + limits::stage_retry_ns;
}

// Whoever has the courier can make up objects without end, and must not fill the disk with them.
void Agent::record_refusal(const Error& refused, const Digest& object) {
  tell_more_refusals();
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (now >= refusals_until_) {
    refusals_until_ = now + limits::refusals_interval_ns;
    refusals_ = 0;
  }
  if (refusals_ >= limits::refusals_recorded_max) {
    ++refusals_more_;
    return;
  }
  ++refusals_;
  heartbeat_due_ = 0;
  const std::string detail = shortened(printable(refused.detail), limits::text_bytes_max);
  parts_.notes.note(fmt::format("policy refused: {}: {}", refused.name, detail));
  recorder_.add("policy_refused", std::nullopt,
                {{"error", refused.name}, {"detail", detail}, {"object", object}});
}

void Agent::tell_more_refusals() {
  if (refusals_more_ == 0 || parts_.clock.monotonic_ns() < refusals_until_) return;
  const std::uint64_t more = std::exchange(refusals_more_, 0);
  const std::string detail = fmt::format("{} more objects were refused", more);
  parts_.notes.note("policy refused: too_many_refusals: " + detail);
  recorder_.add("policy_refused", std::nullopt,
                {{"error", "too_many_refusals"}, {"detail", detail}, {"more", more}});
}

void Agent::record_adoption(const ActivePolicy& policy) {
  parts_.notes.note(
      fmt::format("policy version {} adopted, rules: {}", policy.version, policy.rules.size()));
  Value::Array bundles;
  Value::Array signers;
  for (const ActiveBundle& bundle : policy.bundles) {
    bundles.push_back(Value::Map{{"policy", bundle.reference.name},
                                 {"digest", bundle.reference.digest},
                                 {"rules", std::uint64_t{bundle.rules}}});
    if (signers.empty())
      for (const KeyHash& signer : bundle.reference.signers) signers.emplace_back(signer);
  }
  recorder_.add("policy_adopted", std::nullopt,
                {{"version", policy.version},
                 {"manifest", policy.manifest},
                 {"source", policy.source_revision},
                 {"signers", std::move(signers)},
                 {"bundles", std::move(bundles)}});
}

void Agent::send_heartbeat() {
  Heartbeat beat;
  beat.node = parts_.identity.certificate.node;
  beat.epoch = recorder_.epoch();
  beat.count = heartbeats_;
  beat.made = moment_of(parts_.clock);
  beat.agent_version = REEVE_VERSION;
  beat.root_version = store_.root().version;
  beat.manifest_version = store_.version();
  beat.manifest_digest = store_.digest();
  beat.stale = store_.is_stale();
  beat.refused = store_.last_refusal();
  beat.rules = enforcer_.counts();
  beat.isolation = isolation_;
  beat.sensors = enforcer_.sensor_names();
  beat.blind_spots = enforcer_.blind_spots();
  beat.sealed = {recorder_.durable_records(Stream::urgent),
                 recorder_.durable_records(Stream::routine)};
  beat.gaps = outbox_.gaps();
  beat.pauses = pauses_.ids();
  beat.ledger = {ledger_.accepted().size, ledger_.accepted().root, ledger_trouble(),
                 recoveries_before(ledger_.origin(), store_.root()).value_or(0)};
  const Bytes object = seal_object(ObjectType::heartbeat, encode_heartbeat(beat), keys_->key());
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (parts_.courier.send(encode_message(MessageType::heartbeat, object))) {
    ++heartbeats_;
    states_told_ = enforcer_.state_records();
    heartbeat_due_ = now + limits::heartbeat_interval_ns;
  } else {
    heartbeat_due_ = now + limits::send_retry_ns;
  }
}

void Agent::fetch() {
  const auto wanted = store_.wanted();
  if (!wanted) return;
  const std::int64_t now = parts_.clock.monotonic_ns();
  const bool is_sent =
      parts_.courier.send(encode_message(MessageType::fetch, encode_fetch(*wanted)));
  if (is_sent) asked_ = wanted;
  fetch_due_ = now + (is_sent ? limits::ack_timeout_ns : limits::send_retry_ns);
}

}  // namespace reeve
