// How an agent's certificate and transport key change while it runs.
#include <fmt/format.h>

#include "agent/agent.h"
#include "agent/agent_limits.h"
#include "agent/moment.h"
#include "common/text.h"

namespace reeve {
namespace {

// The same node in all but its labels: an operator changes nothing else without enrolling anew.
Status check_successor(const NodeCertificate& next, const NodeCertificate& held) {
  if (next.node != held.node || next.record_key != held.record_key ||
      next.transport_key != held.transport_key)
    return Error{"certificate_mismatch", "the certificate is for another node or other keys"};
  return {};
}

}  // namespace

void Agent::hear_certificate(ByteView object) {
  auto next = verify_certificate(object, store_.root());
  // An older one, or the one that is held, comes whenever the controller does not know better.
  if (next.ok() && next->version <= certificate_.version) return tell_certificate();
  auto judged = next.ok() ? check_successor(*next, certificate_) : Status(next.error());
  if (!judged.ok()) {
    PolicyEvent event;
    event.refused = judged.error();
    event.object = sha256(object);
    if (std::exchange(refused_certificate_, event.object) == event.object) return;
    return take(std::move(event));
  }
  offered_ = std::move(*next);
  take(store_.relabel(object, offered_->labels));
}

void Agent::adopt_certificate() {
  REEVE_ASSERT(offered_.has_value());
  certificate_ = std::move(*offered_);
  offered_.reset();
  tell_certificate();
  parts_.notes.note(fmt::format("certificate version {} adopted", certificate_.version));
  Value::Map labels;
  for (const auto& [label, value] : certificate_.labels) labels.emplace_back(label, value);
  recorder_.add("certificate_adopted", std::nullopt,
                {{"version", certificate_.version}, {"labels", std::move(labels)}});
}

// What is lost is asked for again: the controller goes on sending.
void Agent::tell_certificate() {
  Bytes version;
  append_u64(version, certificate_.version);
  parts_.courier.send(encode_message(MessageType::certificate_held, version));
}

Status Agent::rotate_transport_key() {
  REEVE_TRY(transport_.begin(keys_->key(), parts_.clock.wall_ns() / 1'000'000'000));
  rekey_due_ = 0;
  return {};
}

void Agent::ask_for_rekeying() {
  transport_.seal_anew(keys_->key(), parts_.clock.wall_ns() / 1'000'000'000);
  const bool is_sent =
      parts_.courier.send(encode_message(MessageType::rekey, *transport_.statement()));
  const std::int64_t now = parts_.clock.monotonic_ns();
  rekey_due_ = now + (is_sent ? limits::ack_timeout_ns : limits::send_retry_ns);
}

// The controller has the new key durably; the one before stays here too until a session by the new
// one stands.
void Agent::hear_rekeyed(ByteView payload) {
  const auto digest = fixed<32>(payload);
  if (!digest || transport_.statement() == nullptr || *digest != sha256(*transport_.statement()))
    return;
  if (auto kept = transport_.complete(); !kept.ok()) {
    parts_.notes.note(fmt::format("the new transport key waits: {}", kept.error().detail));
    rekey_due_ = parts_.clock.monotonic_ns() + limits::ack_timeout_ns;
    return;
  }
  wants_new_courier_ = true;
  parts_.notes.note("the transport key has changed");
  recorder_.add("transport_key_changed", std::nullopt, {{"version", transport_.version()}});
}

}  // namespace reeve
