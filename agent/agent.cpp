#include "agent/agent.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "agent/moment.h"
#include "common/paths.h"
#include "common/text.h"

namespace reeve {
namespace {

Value::Map fields_of(const StopCause& cause) {
  Value::Map out;
  if (cause.signal != 0) out.emplace_back("signal", std::int64_t{cause.signal});
  if (cause.pid > 0) out.emplace_back("pid", cause.pid);
  if (cause.uid >= 0) out.emplace_back("uid", cause.uid);
  if (!cause.program.empty()) out.emplace_back("program", Value::name(cause.program));
  return out;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(const Parts& parts) {
  for (std::string_view directory : {paths::bundle_directory, std::string_view("trust")})
    static_cast<void>(parts.disk.make_directory(directory));
  Before before;
  before.last_wait_status = parts.last_wait_status;
  before.was_stuck = parts.was_stuck;
  before.agent_version = last_agent_version(parts.disk);
  for (auto [stream, half] :
       {std::pair{Stream::urgent, &before.urgent}, std::pair{Stream::routine, &before.routine}}) {
    auto recovered = recover_journal(parts.disk, stream);
    if (!recovered.ok()) return recovered.error();
    *half = std::move(*recovered);
  }
  auto keys = RecordKeys::load(parts.disk, parts.identity.certificate);
  if (!keys.ok()) return keys.error();
  const Epoch epoch = random_bytes<16>();
  (*keys)->begin(ended_before(before, (*keys)->epoch()), epoch, parts.clock.wall_ns());
  Beginning beginning = begin_from(before);
  auto agent = std::make_unique<Agent>(parts, before, std::move(beginning.incidents),
                                       std::move(*keys), epoch);
  record_start(agent->recorder_, before, std::move(beginning.untold), parts.clock.wall_ns());
  if (agent->ledger_.is_lost()) agent->recorder_.add("checkpoint_lost", std::nullopt, {});
  // Durable before the first fix, so that there is a segment for its intent.
  agent->recorder_.flush();
  keep_agent_version(parts.disk);
  agent->load_policy();
  return agent;
}

Agent::Agent(const Parts& parts, const Before& before, Incidents incidents,
             std::unique_ptr<RecordKeys> keys, const Epoch& epoch)
    : parts_(parts),
      time_(parts.clock, parts.disk),
      certificate_(parts.identity.certificate),
      transport_(parts.disk, parts.identity),
      incidents_(std::move(incidents)),
      keys_(std::move(keys)),
      recorder_({parts.clock, parts.disk, keys_->key(), parts.identity.certificate.node, epoch,
                 incidents_, parts.segment_bytes_max, parts.journal_bytes_max,
                 parts.acknowledged_bytes_max, [this] { return keys_->finish(); }},
                before.urgent, before.routine),
      store_({parts.disk, time_, parts.identity.certificate.node, parts.identity.certificate.labels,
              parts.identity.root, parts.identity.root_object}),
      pauses_({parts.clock, parts.disk, time_, certificate_.labels}),
      owner_({parts.clock, parts.disk, time_}),
      kept_(parts.disk),
      enforcer_({parts.eyes, parts.hands, parts.clock, recorder_, incidents_, parts.sensors,
                 parts.notes, ByteReader(epoch.view()).u64(), &kept_}),
      ledger_(parts.disk, parts.identity.root.origin),
      witness_(parts.disk, parts.identity.certificate.node, parts.identity.root.origin, ledger_),
      outbox_({parts.clock, parts.disk, parts.courier, parts.identity.certificate.node,
               recorder_.journal(Stream::urgent), recorder_.journal(Stream::routine), time_,
               ByteReader(epoch.view()).u64()}),
      reserve_(parts.disk, parts.reserve_bytes),
      key_due_(parts.clock.monotonic_ns() + limits::key_lifetime_ns) {}

void Agent::load_policy() {
  auto cached = store_.load();
  if (!cached.ok()) {
    const Error& error = cached.error();
    parts_.notes.note(fmt::format("the cached policy is not enforced: {}: {}", error.name,
                                  printable(error.detail)));
    recorder_.add("policy_refused", std::nullopt,
                  {{"error", error.name}, {"detail", printable(error.detail)}});
  } else if (cached->has_value()) {
    parts_.notes.note(fmt::format("policy version {} from the cache{}, rules: {}",
                                  (*cached)->version, store_.is_stale() ? " (stale)" : "",
                                  (*cached)->rules.size()));
    enforcer_.adopt(std::move(**cached), "start");
  } else {
    parts_.notes.note("no policy yet");
  }
  pauses_.load(store_.root());
  apply_pauses();
  owner_.load();
  apply_owner_acts();
}

void Agent::courier_started() {
  link_is_up_ = false;
  const auto& identity = parts_.identity;
  if (!identity.contact) return;
  courier_heard_ = parts_.clock.monotonic_ns();
  courier_patience_ = limits::courier_first_word_ns_max;
  CourierConfig config;
  config.controller_key = identity.contact->key;
  const TransportKeyPair& transport = transport_.for_next_courier();
  config.node_key = transport.public_key;
  config.node_secret = Secret(transport.secret.bytes());
  config.address = identity.contact->nodes_address;
  parts_.courier.send(encode_message(MessageType::configure, encode_courier_config(config)));
}

void Agent::courier_lost() {
  courier_heard_.reset();
  link_is_up_ = false;
  if (std::exchange(link_told_, false)) parts_.notes.note("link down: the courier is gone");
}

std::int64_t Agent::step() {
  hear_courier();
  enforcer_.work();
  notice_clock();
  notice_link();
  rotate_key();
  tell_more_refusals();
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (store_.is_waiting() && now >= reconsider_due_) {
    reconsider_due_ = now + limits::stage_retry_ns;
    take(store_.reconsider());
  }
  if (auto due = pauses_.next_due(); due && now >= *due) apply_pauses();
  if (auto due = owner_.next_due(); due && now >= *due) apply_owner_acts();
  if (auto due = recorder_.commit_due(); due && now >= *due) recorder_.commit();
  kept_.write();
  notice_disk();
  notice_key();
  notice_reserve();
  notice_courier();
  if (link_is_up_) talk();
  recorder_.tell_damage();
  keep_accounts();
  return next_due();
}

// The courier may have stood still together with us.
void Agent::froze(const Freeze& freeze) {
  if (courier_heard_) courier_heard_ = parts_.clock.monotonic_ns();
  parts_.notes.note(fmt::format("{} for {} ms: everything is looked at again", freeze.how,
                                freeze.lasted_ns / 1'000'000));
  recorder_.add("frozen", std::nullopt,
                {{"how", freeze.how},
                 {"since", freeze.since_ns},
                 {"until", freeze.until_ns},
                 {"lasted", freeze.lasted_ns}});
  enforcer_.sweep("frozen");
}

void Agent::notice_courier() {
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (!courier_heard_ || now - *courier_heard_ < courier_patience_) return;
  const std::int64_t silent = now - *std::exchange(courier_heard_, std::nullopt);
  const std::int64_t wall = parts_.clock.wall_ns();
  parts_.notes.note("the courier is stuck and will be started anew");
  recorder_.add("courier_restarted", std::nullopt, {{"since", wall - silent}, {"until", wall}});
  wants_courier_ = true;
}

void Agent::stop(const StopCause& cause) {
  refusals_until_ = 0;
  tell_more_refusals();
  enforcer_.stop();
  kept_.write();
  recorder_.begin_stop();
  recorder_.flush();
  if (recorder_.refusal()) {
    reserve_.release();
    recorder_.give_up_waiting();
    recorder_.flush();
  }
  recorder_.record_stop(fields_of(cause));
  recorder_.flush();
  ledger_.keep_now(parts_.clock.monotonic_ns());
  outbox_.keep_positions_now();
}

void Agent::talk() {
  const std::int64_t now = parts_.clock.monotonic_ns();
  // What is to be proven from, and the newest keys, so that what they sign is believed from the
  // first message on.
  if (!ledger_.send(parts_.courier, now) || !keys_->send(parts_.courier, now) ||
      !send_cosignature()) {
    heartbeat_due_ = now + limits::send_retry_ns;
    return;
  }
  const bool is_news = enforcer_.state_records() != states_told_;
  if (now >= heartbeat_due_ || is_news) send_heartbeat();
  if (now >= fetch_due_) fetch();
  if (transport_.statement() != nullptr && now >= rekey_due_) ask_for_rekeying();
  send_batches();
}

// A gap is told before what lies behind it is sent.
void Agent::send_batches() {
  outbox_.pump();
  const auto gaps = outbox_.take_new_gaps();
  if (gaps.empty()) return;
  for (const MissingRecords& missing : gaps) recorder_.tell_missing(missing.gap, missing.reason);
  send_heartbeat();
  outbox_.pump();
}

std::int64_t Agent::next_due() const {
  std::int64_t due = enforcer_.next_due();
  if (courier_heard_) due = std::min(due, *courier_heard_ + courier_patience_);
  if (auto commit = recorder_.commit_due()) due = std::min(due, *commit);
  if (store_.is_waiting()) due = std::min(due, reconsider_due_);
  if (link_is_up_ != link_told_) due = std::min(due, link_tell_at_);
  if (auto over = pauses_.next_due()) due = std::min(due, *over);
  if (auto over = owner_.next_due()) due = std::min(due, *over);
  due = std::min(due, key_due_);
  if (!link_is_up_) return due;
  if (auto ask = ledger_.next_due()) due = std::min(due, *ask);
  if (auto cosign = witness_.next_due()) due = std::min(due, *cosign);
  if (auto send = keys_->next_due()) due = std::min(due, *send);
  due = std::min(due, heartbeat_due_);
  if (transport_.statement() != nullptr) due = std::min(due, rekey_due_);
  if (store_.wanted()) due = std::min(due, fetch_due_);
  if (auto send = outbox_.next_due()) due = std::min(due, *send);
  return due;
}

void Agent::notice_clock() {
  const auto jump = time_.take_jump();
  if (!jump) return;
  parts_.notes.note("the clock jumped");
  recorder_.add("clock_jump", std::nullopt, {{"from", jump->from_ns}, {"to", jump->to_ns}});
}

void Agent::rotate_key() {
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (now < key_due_) return;
  key_due_ = now + limits::key_lifetime_ns;
  if (!keys_->is_settled()) return;
  keys_->begin({recorder_.epoch(), recorder_.sealed()}, recorder_.epoch(), parts_.clock.wall_ns());
  // What a disk refuses now is tried again before anything else is sealed.
  static_cast<void>(keys_->finish());
}

void Agent::notice_key() {
  const auto& refusal = keys_->wipe_refusal();
  const std::string name = refusal ? refusal->name : "";
  if (name == wipe_refusal_) return;
  wipe_refusal_ = name;
  if (refusal)
    parts_.notes.note(fmt::format("a record key that is no longer used could not be wiped: {}: {}",
                                  name, refusal->detail));
}

// Not before the first sweep has begun: nothing waits for it.
void Agent::notice_reserve() {
  const std::int64_t now = parts_.clock.monotonic_ns();
  if (reserve_.is_held() || parts_.reserve_bytes == 0 || now < reserve_due_) return;
  reserve_due_ = now + limits::reserve_retry_ns;
  if (auto held = reserve_.hold(); !held.ok())
    parts_.notes.note(fmt::format("no space is reserved for a stop on a full disk: {}: {}",
                                  held.error().name, held.error().detail));
}

void Agent::notice_disk() {
  const auto& refusal = recorder_.refusal();
  const std::string name = refusal ? refusal->name : "";
  if (name == disk_refusal_) return;
  disk_refusal_ = name;
  parts_.notes.note(refusal ? fmt::format("records wait in memory: {}: {}", name, refusal->detail)
                            : "records are written again");
}

}  // namespace reeve
