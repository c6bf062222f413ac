#include "agent/join.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/agent_limits.h"
#include "common/paths.h"

namespace reeve {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;

Status write_key(Disk& disk, std::string_view name, KeyKind kind, const FixedBytes<32>& public_key,
                 const Secret& secret) {
  return replace_file(disk, name, encode_key_file(kind, public_key, secret));
}

std::optional<KeyFile> read_key(const Disk& disk, std::string_view name, KeyKind kind) {
  const auto bytes = disk.read(name, limits::message_bytes_max);
  if (!bytes.ok() || !bytes->has_value()) return std::nullopt;
  auto key = decode_key_file(**bytes);
  if (!key.ok() || key->kind != kind) return std::nullopt;
  return std::move(*key);
}

// What is signed must lie in the token's time. A host whose clock stands before it, as after a
// start without a battery, believes the token's operator.
Result<std::int64_t> time_of_issue(const Token& token, const Clock& clock) {
  const std::int64_t now_s = clock.wall_ns() / ns_per_s;
  if (now_s < token.expires_s) return std::max(now_s, token.created_s);
  return Error{"token_expired", "this token's time is over",
               "ask for a new one: reeve token create"};
}

// The token inside is the same, and so is what the node says of itself.
bool is_same_wish(ByteView request, const TokenText& token, const JoinWishes& wishes) {
  const auto object = parse_signed_object(request, ObjectType::node_enrollment);
  if (!object.ok()) return false;
  const auto parts = split_enrollment(object->payload);
  const auto certificate = read_certificate(request);
  return parts.ok() && certificate.ok() && std::ranges::equal(parts->token, token.object) &&
         certificate->name == wishes.name && certificate->labels == wishes.labels;
}

// An earlier try came as far as finish(), which writes such a certificate last; only the move of
// the directory to its place is missing.
bool holds_operators_word(const Joining::Parts& parts, ByteView certificate) {
  if (!parse_signed_object(certificate, ObjectType::node_certificate).ok()) return false;
  const auto contact = parts.disk.read(paths::controller_contact, limits::message_bytes_max);
  if (!contact.ok() || !contact->has_value()) return false;
  const auto read = decode_contact(text_of(**contact));
  return read.ok() && read->key == parts.token.token.controller;
}

}  // namespace

Result<JoinWishes> complete_wishes(const Token& token, JoinWishes wishes) {
  for (const auto& [label, values] : token.labels) {
    if (values.size() == 1) wishes.labels.try_emplace(label, values.front());
  }
  REEVE_TRY(check_bounds(token, wishes.name, wishes.labels));
  return wishes;
}

Joining::Joining(const Parts& parts, TransportKeyPair transport, NodeCertificate certificate,
                 Bytes request)
    : parts_(parts),
      transport_(std::move(transport)),
      certificate_(std::move(certificate)),
      request_(std::move(request)) {}

Result<Joining> Joining::begin(const Parts& parts, const JoinWishes& wishes) {
  for (std::string_view directory : {std::string_view("identity"), std::string_view("trust"),
                                     paths::bundle_directory, paths::journal_directory}) {
    REEVE_TRY(parts.disk.make_directory(directory));
  }
  // Else a power cut may take the request after it was sent, and the use of the token is lost.
  REEVE_TRY(parts.disk.sync_directory(""));
  if (auto earlier = take_up(parts, wishes)) return std::move(*earlier);
  return make(parts, wishes);
}

// The request comes last: while it is missing, nothing was sent.
Result<Joining> Joining::make(const Parts& parts, const JoinWishes& wishes) {
  const auto issued_s = time_of_issue(parts.token.token, parts.clock);
  if (!issued_s.ok()) return issued_s.error();
  REEVE_TRY(parts.disk.remove(paths::certificate));
  const auto record = SigningKey::generate();
  auto transport = generate_transport_keys();
  NodeCertificate certificate;
  certificate.node = record.hash();
  certificate.name = wishes.name;
  certificate.labels = wishes.labels;
  certificate.record_key = record.public_key();
  certificate.transport_key = transport.public_key;
  certificate.issued_s = *issued_s;
  certificate.fleet = parts.token.token.fleet;
  Bytes request = seal_enrollment(certificate, parts.token, record);
  REEVE_TRY(write_key(parts.disk, paths::record_key, KeyKind::ed25519, record.public_key(),
                      record.seed()));
  REEVE_TRY(write_key(parts.disk, paths::transport_key, KeyKind::x25519, transport.public_key,
                      transport.secret));
  REEVE_TRY(replace_file(parts.disk, paths::certificate, request));
  return Joining(parts, std::move(transport), std::move(certificate), std::move(request));
}

std::optional<Joining> Joining::take_up(const Parts& parts, const JoinWishes& wishes) {
  auto request = parts.disk.read(paths::certificate, limits::message_bytes_max);
  if (!request.ok() || !request->has_value()) return std::nullopt;
  const bool is_whole = holds_operators_word(parts, **request);
  if (!is_whole && !is_same_wish(**request, parts.token, wishes)) return std::nullopt;
  auto certificate = read_certificate(**request);
  const auto record = read_key(parts.disk, paths::record_key, KeyKind::ed25519);
  auto transport = read_key(parts.disk, paths::transport_key, KeyKind::x25519);
  if (!record || !transport || record->public_key != certificate->record_key ||
      transport->public_key != certificate->transport_key) {
    return std::nullopt;
  }
  Joining joining(parts, {transport->public_key, std::move(transport->secret)},
                  std::move(*certificate), std::move(**request));
  joining.was_sent_ = true;  // by the earlier try, for all that is known here
  if (is_whole) joining.progress_ = Progress::complete;
  return joining;
}

void Joining::courier_started() {
  link_is_up_ = false;
  CourierConfig config;
  config.controller_key = parts_.token.token.controller;
  config.node_key = transport_.public_key;
  config.node_secret = Secret(transport_.secret.bytes());
  config.address = parts_.token.token.enroll_address;
  parts_.courier.send(
      encode_message(MessageType::configure_enrollment, encode_courier_config(config)));
}

Result<Joining::Progress> Joining::step() {
  for (std::size_t i = 0; i < limits::courier_messages_per_step; ++i) {
    const auto bytes = parts_.courier.receive();
    if (!bytes) break;
    const auto message = decode_message(*bytes);
    if (!message.ok()) continue;
    auto progress = hear(*message);
    if (!progress.ok()) return progress;
    progress_ = *progress;
    if (progress_ == Progress::complete) return progress_;
  }
  if (link_is_up_ && parts_.clock.monotonic_ns() >= ask_due_) ask();
  return progress_;
}

void Joining::ask() {
  const bool is_sent = parts_.courier.send(encode_message(MessageType::enroll, request_));
  was_sent_ = was_sent_ || is_sent;
  ask_due_ =
      parts_.clock.monotonic_ns() + (is_sent ? limits::join_retry_ns : limits::send_retry_ns);
}

// Every other message is none that this conversation has.
Result<Joining::Progress> Joining::hear(const WireMessage& message) {
  if (message.type == MessageType::link_state && message.payload.size() == 2) {
    const bool was_up = std::exchange(link_is_up_, message.payload[0] != 0);
    if (link_is_up_ && !was_up) ask_due_ = 0;
  }
  if (message.type == MessageType::root) REEVE_TRY(hear_root(message.payload));
  if (message.type == MessageType::enroll_answer) return hear_answer(message.payload);
  if (message.type != MessageType::certificate || !root_) return progress_;
  REEVE_TRY(finish(message.payload));
  return Progress::complete;
}

// The first is the one that the token's operator named, each further one is signed by the one
// before it and by itself.
Status Joining::hear_root(ByteView object) {
  const auto opened = parse_signed_object(object, ObjectType::root);
  if (!opened.ok()) return opened.error();
  const bool is_first = sha256(opened->payload) == parts_.token.token.root;
  if (!is_first && !root_) {
    return Error{"root_mismatch", "the controller's root is not the one that the token names",
                 "do not trust this controller; ask whoever made the token"};
  }
  auto root = is_first ? verify_first_root(object) : verify_next_root(object, *root_);
  if (!root.ok()) return root.error();
  root_ = std::move(*root);
  root_object_.assign(object.begin(), object.end());
  return {};
}

Result<Joining::Progress> Joining::hear_answer(ByteView payload) {
  const auto answer = decode_enroll_answer(payload);
  if (!answer.ok()) return answer.error();
  if (answer->request != sha256(request_)) return progress_;  // to an earlier question
  if (answer->verdict == EnrollAnswer::Verdict::pending) return Progress::pending;
  if (answer->name == "controller_busy") return progress_;
  was_refused_ = true;
  return Error{answer->name, answer->detail, answer->next};
}

// Nothing but our own words, perhaps with an operator's signature more; or what an operator has
// made of them since, when the answer was late, for our keys and no others. It must hold.
Status Joining::finish(ByteView certificate) {
  const auto given = read_certificate(certificate);
  const bool is_ours = given.ok() && given->node == certificate_.node &&
                       given->record_key == certificate_.record_key &&
                       given->transport_key == certificate_.transport_key;
  if (!is_ours || (token_behind(certificate, *root_) && *given != certificate_)) {
    return Error{"certificate_mismatch", "the controller's certificate is not what was asked for",
                 "do not trust this controller; ask whoever made the token"};
  }
  if (auto holds = verify_certificate(certificate, *root_); !holds.ok()) return holds.error();
  certificate_ = *given;
  const auto& token = parts_.token.token;
  if (root_->fleet != token.fleet) {
    return Error{"root_mismatch", "the controller's root is another fleet's"};
  }
  const ControllerContact contact{token.nodes_address, {}, token.controller, {}};
  REEVE_TRY(replace_file(parts_.disk, paths::controller_contact, view_of(encode_contact(contact))));
  REEVE_TRY(replace_file(parts_.disk, paths::trusted_root, root_object_));
  REEVE_TRY(replace_file(parts_.disk, paths::certificate_root, root_object_));
  REEVE_TRY(replace_file(parts_.disk, paths::certificate, certificate));
  return parts_.disk.sync_directory("");
}

}  // namespace reeve
