// Operators' acts on nodes and tokens: each is a transaction in which its request becomes a leaf.
#include <fmt/format.h>

#include <algorithm>

#include "common/limits.h"
#include "controller/operator_server.h"

namespace reeve {
namespace {

ObjectType type_of(ByteView certificate) {
  return parse_signed_object(certificate, ObjectType::node_enrollment).ok()
             ? ObjectType::node_enrollment
             : ObjectType::node_certificate;
}

// The token that an approved enrollment uses up by one; absent for every other certificate.
std::optional<KnownToken> token_used_by(ByteView certificate, const Tokens& tokens) {
  const auto object = parse_signed_object(certificate, ObjectType::node_enrollment);
  if (!object.ok()) return std::nullopt;
  for (const auto& signature : object->signatures) {
    if (const auto* token = tokens.find(signature.key)) {
      auto used = *token;
      ++used.used;
      return used;
    }
  }
  return std::nullopt;
}

Value::Map item_of(const KnownToken& token) {
  return {{"token", token.object}, {"used", token.used}, {"state", name_of(token.state)}};
}

}  // namespace

Result<Value::Array> OperatorServer::perform_on_nodes(const Request& request, Outcome& outcome) {
  const auto& operation = request.body.operation;
  if (operation == "enroll") return enroll(request, outcome);
  if (operation == "revoke") return end_node(request, NodeState::revoked, outcome);
  if (operation == "retire") return end_node(request, NodeState::retired, outcome);
  if (operation == "token") return register_token(request);
  if (operation == "token_revoke") return revoke_token(request);
  if (operation == "tokens") return list_tokens();
  REEVE_ASSERT(operation == "pending");
  return list_pending();
}

// A new node's certificate, one that waited for approval, or a later one of a node that is known.
Result<Value::Array> OperatorServer::enroll(const Request& request, Outcome& outcome) {
  Fields fields(request.body.arguments, "enroll");
  const auto object = fields.binary("certificate");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  const auto& nodes = parts_.registry.nodes();
  // Asked again it was done; of a node that has ended since, the check below says so.
  const bool known = std::any_of(nodes.begin(), nodes.end(), [&](const auto& entry) {
    return entry.second.certificate_object == object && entry.second.state == NodeState::registered;
  });
  if (known) return Value::Array{};
  auto node = parts_.registry.check_enrollment(object, parts_.root);
  if (!node.ok()) return node.error();
  auto token = token_used_by(object, parts_.tokens);
  const auto write = [&]() -> Status {
    if (token) REEVE_TRY(parts_.store.put_token(row_of(*token)));
    return parts_.store.put_node(row_of(*node));
  };
  REEVE_TRY(commit_change(request, Brought{type_of(object), object}, write));
  if (token) parts_.tokens.put(std::move(*token));
  parts_.enrollment.forget(node->certificate.name);
  outcome.relabelled = node->id();
  parts_.registry.put(std::move(*node));
  return Value::Array{};
}

Result<Value::Array> OperatorServer::end_node(const Request& request, NodeState state,
                                              Outcome& outcome) {
  Fields fields(request.body.arguments, request.body.operation);
  const auto id = fields.bytes<32>("node");
  const auto why = fields.text("why");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (why.size() > limits::text_bytes_max) {
    return Error{"limit_exceeded", "the reason is too long"};
  }
  auto node = parts_.registry.check_ending(id, state, request.object);
  if (!node.ok()) return node.error();
  REEVE_TRY(
      commit_change(request, std::nullopt, [&] { return parts_.store.put_node(row_of(*node)); }));
  outcome.ended = node->transport_keys();
  parts_.registry.put(std::move(*node));
  return Value::Array{};
}

Result<Value::Array> OperatorServer::register_token(const Request& request) {
  Fields fields(request.body.arguments, "token");
  const auto object = fields.binary("token");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  auto token = parts_.tokens.check(object, parts_.root, parts_.clock.wall_ns() / 1'000'000'000);
  if (!token.ok()) return token.error();
  if (key_hash(token->token.controller) != parts_.controller) {
    return Error{"wrong_controller", "the token is for another controller"};
  }
  REEVE_TRY(require_way(parts_.publisher, token->token.root));
  REEVE_TRY(commit_change(request, Brought{ObjectType::enrollment_token, object},
                          [&] { return parts_.store.put_token(row_of(*token)); }));
  parts_.tokens.put(std::move(*token));
  return Value::Array{};
}

Result<Value::Array> OperatorServer::revoke_token(const Request& request) {
  Fields fields(request.body.arguments, "token_revoke");
  const auto id = fields.bytes<32>("token");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  const auto* known = parts_.tokens.find(id);
  if (known == nullptr) {
    return Error{"token_unknown", fmt::format("no token has the id {}", hex(id.view())),
                 "reeve token list"};
  }
  auto token = *known;
  token.state = TokenState::revoked;
  REEVE_TRY(
      commit_change(request, std::nullopt, [&] { return parts_.store.put_token(row_of(token)); }));
  parts_.tokens.put(std::move(token));
  return Value::Array{};
}

Result<Value::Array> OperatorServer::list_tokens() const {
  Value::Array items;
  for (const auto& [id, token] : parts_.tokens.all()) items.emplace_back(item_of(token));
  return items;
}

Result<Value::Array> OperatorServer::list_pending() {
  Value::Array items;
  for (const auto& [name, waiting] : parts_.enrollment.pending()) {
    items.emplace_back(Value::Map{{"enrollment", waiting.object}});
  }
  return items;
}

}  // namespace reeve
