#include "controller/enrollment.h"

#include <fmt/format.h>

#include <algorithm>

namespace reeve {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr Rate source_rate{limits::enrollments_of_source_max, limits::enrollments_of_source_per_s};
constexpr Rate rate_at_all{limits::enrollments_at_all_max, limits::enrollments_at_all_per_s};

Error unknown_token() {
  return {"token_unknown", "this controller was told of no such token",
          "ask for a new one: reeve token create"};
}

// Asked by the node that it made: the answer was lost. Its certificate may have moved on since.
bool is_of(ByteView request, const Node& known) {
  const auto asked = read_certificate(request);
  return asked.ok() && asked->node == known.id() &&
         asked->record_key == known.certificate.record_key &&
         asked->transport_key == known.certificate.transport_key;
}

}  // namespace

Status require_way(const Publisher& publisher, const Digest& root) {
  const auto roots = publisher.roots_from(root);
  if (!roots.empty() && roots.size() <= limits::enrollment_roots_max) return {};
  const bool is_unknown = roots.empty();
  return Error{"root_unknown",
               is_unknown
                   ? "this controller cannot lead from the token's root to its own"
                   : fmt::format("the token's root is {} roots old; an answer has room for {}",
                                 roots.size() - 1, limits::enrollment_roots_max - 1),
               is_unknown ? "give it the newest root, or make a new token"
                          : "make a new token by the newest root: reeve token create"};
}

// A message whose token is one that operators registered, byte for byte.
struct Enrollment::Request {
  Bytes object;
  const KnownToken* token = nullptr;
};

Enrollment::Enrollment(const Parts& parts)
    : parts_(parts),
      by_source_(source_rate, limits::enrollment_sources_max),
      at_all_(rate_at_all, parts.clock.boottime_ns()) {}

Enrollment::Outcome Enrollment::take(ServerLink& link, const ServerLink::Incoming& incoming) {
  auto done = Result<Outcome>(Outcome{});
  const auto message = decode_message(incoming.message);
  if (incoming.message.size() > limits::enrollment_message_bytes_max) {
    return {"limit_exceeded"};
  }
  if (!message.ok()) return {message.error().name};
  if (message->type != MessageType::enroll) return {"wrong_type"};
  if (auto admitted = admit(incoming); !admitted.ok()) {
    done = admitted.error();
  } else if (auto request = open(message->payload); !request.ok()) {
    done = request.error();
  } else {
    done = decide(link, incoming.peer, *request);
  }
  if (done.ok() && done->name != "pending") return *done;
  const auto error =
      done.ok() ? Error{"pending", "an operator has to approve this node"} : done.error();
  if (error.name != "rate_limited") {  // which an answer would only make worse
    EnrollAnswer answer;
    answer.verdict = done.ok() ? EnrollAnswer::Verdict::pending : EnrollAnswer::Verdict::refused;
    answer.request = sha256(message->payload);
    answer.name = error.name;
    answer.detail = error.detail;
    answer.next = error.next;
    link.send(incoming.peer,
              encode_message(MessageType::enroll_answer, encode_enroll_answer(answer)));
  }
  return done.ok() ? *done : Outcome{error.name};
}

Status Enrollment::admit(const ServerLink::Incoming& incoming) {
  const auto now_ns = parts_.clock.boottime_ns();
  const Error busy{"rate_limited", "too many requests", "ask again"};
  if (!by_source_.allows(source_of(incoming.source), now_ns)) return busy;
  return {};
}

// By the key hashes in the frame: a map's look for whoever knows no token. Only the others come as
// far as the budget for signatures.
Result<Enrollment::Request> Enrollment::open(ByteView message) const {
  auto object = parse_signed_object(message, ObjectType::node_enrollment);
  if (!object.ok()) return object.error();
  const auto parts = split_enrollment(object->payload);
  if (!parts.ok()) return parts.error();
  for (const auto& signature : object->signatures) {
    const auto* token = parts_.tokens.find(signature.key);
    if (token == nullptr || !std::ranges::equal(token->object, parts->token)) continue;
    return Request{Bytes(message.begin(), message.end()), token};
  }
  return unknown_token();
}

Result<Enrollment::Outcome> Enrollment::decide(ServerLink& link, const TransportKey& peer,
                                               const Request& request) {
  if (!at_all_.take(parts_.clock.boottime_ns())) {
    return Error{"rate_limited", "too many requests", "ask again"};
  }
  // First, since what once was enough may not be so any more: a token that is used up, over or
  // revoked, an operator whom the root has dropped. Whoever speaks by a node's key is that node.
  const auto* known = parts_.registry.admitted(peer);
  if (known != nullptr && is_of(request.object, *known)) {
    REEVE_TRY(answer(link, peer, request.token->token, known->certificate_object));
    return Outcome{"enrolled_again", known->certificate.name};
  }
  const auto verified = verify_certificate(request.object, parts_.root);
  const bool waits = !verified.ok() && verified.error().name == "approval_needed";
  if (!verified.ok() && !waits) return verified.error();
  // All signatures hold by now but, where it waits, the operator's.
  const auto certificate = read_certificate(request.object);
  if (!certificate.ok()) return certificate.error();
  if (certificate->transport_key != peer) {
    return Error{"wrong_transport_key", "the request came by another key than it names"};
  }
  REEVE_TRY(check_use(*request.token));
  // Nothing changes for a node that could not be answered.
  REEVE_TRY(require_way(parts_.publisher, request.token->token.root));
  if (waits) return keep_waiting(request);
  auto node = parts_.registry.check_enrollment(request.object, parts_.root);
  if (!node.ok()) return node.error();
  const auto object = node->certificate_object;
  REEVE_TRY(register_node(request, std::move(*node)));
  REEVE_TRY(answer(link, peer, request.token->token, object));
  return Outcome{"enrolled", certificate->name};
}

Status Enrollment::check_use(const KnownToken& token) const {
  if (token.state == TokenState::revoked) {
    return Error{"token_revoked", "an operator has revoked this token",
                 "ask for a new one: reeve token create"};
  }
  if (parts_.clock.wall_ns() / ns_per_s >= token.token.expires_s) {
    return Error{"token_expired", "this token's time is over",
                 "ask for a new one: reeve token create"};
  }
  if (token.used >= token.token.uses) {
    return Error{"token_used_up", fmt::format("all of its uses, {}, are used up", token.token.uses),
                 "ask for a new one: reeve token create"};
  }
  return {};
}

Status Enrollment::register_node(const Request& request, Node node) {
  auto token = *request.token;
  ++token.used;
  auto& ledger = parts_.ledger;
  const auto change = [&]() -> Status {
    REEVE_TRY(ledger.begin());
    auto leaf = ledger.append(ObjectType::node_enrollment, request.object);
    if (!leaf.ok()) return leaf.error();
    REEVE_TRY(parts_.store.put_node(row_of(node)));
    REEVE_TRY(parts_.store.put_token(row_of(token)));
    return ledger.commit();
  };
  if (auto done = change(); !done.ok()) {
    ledger.rollback();
    return Error{"controller_busy", done.error().detail, "it is asked again"};
  }
  parts_.registry.put(std::move(node));
  parts_.tokens.put(std::move(token));
  return {};
}

// One a name, the newest: whoever has the token can take the place of another who waits, and the
// operator compares the node's id. No token has more that wait than it has uses.
Result<Enrollment::Outcome> Enrollment::keep_waiting(const Request& request) {
  auto certificate = read_certificate(request.object);
  if (!certificate.ok()) return certificate.error();
  const auto* namesake = parts_.registry.named(certificate->name);
  if (namesake != nullptr && namesake->state == NodeState::registered) {
    return Error{"name_taken", fmt::format("{} names another node", certificate->name)};
  }
  const auto id = request.token->token.id();
  const auto& waiting = pending();
  const auto others = std::ranges::count_if(waiting, [&](const auto& entry) {
    return entry.second.token == id && entry.first != certificate->name;
  });
  if (request.token->used + static_cast<std::uint64_t>(others) >= request.token->token.uses ||
      (waiting.size() >= limits::enrollments_pending_max && !waiting.contains(certificate->name))) {
    return Error{"token_used_up", "as many nodes wait for approval as it has uses",
                 "let an operator look: reeve node list --pending"};
  }
  const std::string name = certificate->name;
  pending_.insert_or_assign(
      name, Pending{request.object, std::move(*certificate), id, parts_.clock.boottime_ns()});
  return Outcome{"pending", name};
}

const std::map<std::string, Enrollment::Pending>& Enrollment::pending() {
  const auto oldest = parts_.clock.boottime_ns() - limits::enrollment_pending_ns;
  std::erase_if(pending_, [&](const auto& entry) { return entry.second.asked_ns < oldest; });
  return pending_;
}

// The roots from the token's to the newest, then the certificate. What the link does not take is
// asked for again.
Status Enrollment::answer(ServerLink& link, const TransportKey& peer, const Token& token,
                          ByteView certificate) const {
  REEVE_TRY(require_way(parts_.publisher, token.root));
  for (const auto* root : parts_.publisher.roots_from(token.root))
    link.send(peer, encode_message(MessageType::root, *root));
  link.send(peer, encode_message(MessageType::certificate, certificate));
  return {};
}

}  // namespace reeve
