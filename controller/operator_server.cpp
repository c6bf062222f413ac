#include "controller/operator_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "common/limits.h"
#include "common/text.h"
#include "controller/controller_limits.h"

namespace reeve {
namespace {

struct OperationRow {
  std::string_view name;
  Right right;
};
constexpr std::array operations{
    OperationRow{"ping", Right::view},
    OperationRow{"upload", Right::publish},
    OperationRow{"publish", Right::publish},
    OperationRow{"enroll", Right::enroll},
    OperationRow{"manifest", Right::view},
    OperationRow{"bundle", Right::view},
    OperationRow{"status", Right::view},
    OperationRow{"records", Right::view},
    OperationRow{"checkpoint", Right::view},
    OperationRow{"show", Right::view},
    OperationRow{"token", Right::enroll},
    OperationRow{"tokens", Right::view},
    OperationRow{"token_revoke", Right::enroll},
    OperationRow{"pending", Right::view},
    OperationRow{"revoke", Right::enroll},
    OperationRow{"retire", Right::enroll},
    OperationRow{"root", Right::administer},
    OperationRow{"roots", Right::view},
    OperationRow{"act", Right::operate},
    OperationRow{"acts", Right::view},
    OperationRow{"manifests", Right::view},
    OperationRow{"successions", Right::view},
    OperationRow{"recover", Right::administer},
    OperationRow{"recoveries", Right::view},
    OperationRow{"redact", Right::administer},
    OperationRow{"witnesses", Right::view},
    OperationRow{"set_witnesses", Right::administer},
    OperationRow{"cosigned", Right::view},
    OperationRow{"place", Right::view},
};

constexpr std::int64_t ns_per_s = 1'000'000'000;

Value::Array one_item(Value::Map item) {
  Value::Array items;
  items.emplace_back(std::move(item));
  return items;
}

}  // namespace

OperatorServer::OperatorServer(const Parts& parts)
    : parts_(parts),
      query_(parts.store, parts.ledger, parts.registry, parts.clock),
      uploads_(parts.clock) {}

Result<OperatorServer::Request> OperatorServer::authenticate(const TransportKey& peer,
                                                             ByteView message) const {
  const auto* who = parts_.root.operator_with_transport(peer);
  if (who == nullptr) return Error{"not_an_operator", "no operator has this transport key"};
  const auto object = parse_signed_object(message, ObjectType::operator_request);
  if (!object.ok()) return object.error();
  const std::array keys{who->key};
  REEVE_TRY(require_signatures(*object, keys, 1));
  auto body = decode_operator_request(object->payload);
  if (!body.ok()) return body.error();
  return Request{peer, who, std::move(*body), message};
}

void OperatorServer::forget_old_requests() {
  // A request is admitted up to request_age_ns early or late, so its id matters for twice as long.
  const auto oldest = parts_.clock.boottime_ns() - 2 * limits::request_age_ns;
  while (!seen_in_order_.empty() && seen_in_order_.front().first < oldest) {
    seen_.erase(seen_in_order_.front().second);
    seen_in_order_.pop_front();
  }
}

Status OperatorServer::admit(const Request& request) {
  if (request.body.controller != parts_.controller) {
    return Error{"wrong_controller", "the request was made for another controller"};
  }
  const auto now = parts_.clock.wall_ns();
  const auto made = request.body.made_wall_ns;
  if (made < now - limits::request_age_ns || made > now + limits::request_age_ns) {
    return Error{"stale_request", "the request was not made within five minutes of our clock",
                 "compare the clocks of both machines"};
  }
  forget_old_requests();
  if (seen_.size() >= limits::request_ids_max) {
    return Error{"too_many_requests", "too many requests within ten minutes", "wait a while"};
  }
  const auto id = std::pair{key_hash(request.who->key), request.body.id};
  if (!seen_.insert(id).second) return Error{"replayed_request", "this request was seen before"};
  seen_in_order_.emplace_back(parts_.clock.boottime_ns(), id);

  const auto* row = std::find_if(operations.begin(), operations.end(), [&](const auto& candidate) {
    return candidate.name == request.body.operation;
  });
  if (row == operations.end()) {
    return Error{"unknown_operation", fmt::format("this controller does not know {}",
                                                  printable(request.body.operation))};
  }
  if (has_right(*request.who, row->right)) return {};
  return Error{"not_permitted",
               fmt::format("{} may not {}: the right {} is missing", request.who->name, row->name,
                           name_of(row->right)),
               "let the root's keepers grant it"};
}

OperatorServer::Outcome OperatorServer::take(const TransportKey& peer, ByteView message) {
  const auto request = authenticate(peer, message);
  if (!request.ok()) return Outcome{request.error().name};
  Outcome outcome{"answered", printable(request->body.operation), request->who->name};
  auto items = Result<Value::Array>(Value::Array{});
  if (auto admitted = admit(*request); !admitted.ok()) {
    items = admitted.error();
  } else {
    items = perform(*request, outcome);
  }
  if (items.ok()) {
    const auto& operation = request->body.operation;
    constexpr std::array news{"publish", "root", "act", "recover"};
    outcome.published = std::ranges::find(news, operation) != news.end();
    answer(*request, std::move(*items));
  } else {
    outcome.name = items.error().name;
    refuse(*request, items.error());
  }
  return outcome;
}

Result<Value::Array> OperatorServer::perform(const Request& request, Outcome& outcome) {
  const auto& operation = request.body.operation;
  if (operation == "ping") return ping();
  if (operation == "upload") return upload(request);
  if (operation == "publish") return publish(request);
  if (operation == "manifest") return manifest();
  if (operation == "bundle") return bundle(request);
  if (operation == "status") return query_.status();
  if (operation == "root") return publish_root(request);
  if (operation == "roots") return roots(request);
  if (operation == "act") return enter_act(request);
  if (operation == "acts") return acts();
  if (operation == "redact") return redact(request);
  if (operation == "recover") return recover(request);
  if (operation == "recoveries") return recoveries(request);
  if (operation == "manifests") return manifests(request);
  if (operation == "successions") return query_.successions(request.body.arguments);
  if (operation == "records") return query_.records(request.body.arguments);
  if (operation == "checkpoint") return query_.checkpoint(request.body.arguments);
  if (operation == "show") return query_.show(request.body.arguments);
  if (operation == "witnesses" || operation == "set_witnesses" || operation == "cosigned" ||
      operation == "place")
    return perform_on_witnesses(request);
  return perform_on_nodes(request, outcome);
}

const Value& OperatorServer::arguments_of(const Request& request) { return request.body.arguments; }

Result<Value::Array> OperatorServer::ping() const {
  return one_item({{"origin", parts_.root.origin}, {"version", REEVE_VERSION}});
}

Result<Value::Array> OperatorServer::upload(const Request& request) {
  Fields fields(request.body.arguments, "upload");
  Uploads::Part part;
  part.digest = fields.bytes<32>("digest");
  part.offset = fields.natural("offset");
  part.total = fields.natural("total");
  const auto bytes = fields.binary("bytes");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  part.bytes = bytes;
  REEVE_TRY(uploads_.add(key_hash(request.who->key), part));
  return Value::Array{};
}

// The request is a leaf as well: it says who did it.
Status OperatorServer::commit_change(const Request& request, std::optional<Brought> brought,
                                     const std::function<Status()>& write) {
  auto& ledger = parts_.ledger;
  const auto change = [&]() -> Status {
    REEVE_TRY(ledger.begin());
    auto leaf = ledger.append(ObjectType::operator_request, request.object);
    if (leaf.ok() && brought) leaf = ledger.append(brought->type, brought->object);
    if (!leaf.ok()) return leaf.error();
    REEVE_TRY(write());
    return ledger.commit();
  };
  auto done = change();
  if (!done.ok()) ledger.rollback();
  return done;
}

Result<Value::Array> OperatorServer::publish(const Request& request) {
  Fields fields(request.body.arguments, "publish");
  auto object = fields.binary("manifest");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  // The manifest that is published already: its reply was lost.
  if (object == parts_.publisher.manifest_object()) return Value::Array{};
  auto manifest =
      parts_.publisher.check(object, parts_.root, uploads_, parts_.clock.wall_ns() / ns_per_s);
  if (!manifest.ok()) return manifest.error();
  REEVE_TRY(commit_change(request, Brought{ObjectType::manifest, object}, [&] {
    return Publisher::write(parts_.store, *manifest, object, uploads_);
  }));
  for (const auto& bundle : manifest->manifest.bundles) uploads_.remove(bundle.digest);
  parts_.publisher.adopt(std::move(*manifest), std::move(object));
  return Value::Array{};
}

Result<Value::Array> OperatorServer::manifest() const {
  if (parts_.publisher.manifest_object().empty()) return Value::Array{};
  return one_item({{"manifest", parts_.publisher.manifest_object()}});
}

Result<Value::Array> OperatorServer::bundle(const Request& request) const {
  Fields fields(request.body.arguments, "bundle");
  const auto digest = fields.bytes<32>("digest");
  const auto offset = fields.natural("offset");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  const auto bytes = parts_.publisher.bundle(digest);
  if (!bytes.ok()) return bytes.error();
  if (!*bytes || offset >= (*bytes)->size()) {
    return Error{"unknown_bundle", "no bundle of that digest is here, or it ends before"};
  }
  const auto rest = ByteView(**bytes).subspan(offset);
  const auto part = rest.first(std::min(rest.size(), limits::chunk_bytes_max));
  return one_item({{"total", std::uint64_t{(*bytes)->size()}}, {"bytes", part}});
}

void OperatorServer::answer(const Request& request, Value::Array items) {
  if (queue(request.peer, split_reply(request.body.id, std::move(items)))) return;
  refuse(request, Error{"controller_busy", "too many replies wait for operators to take them",
                        "try again in a moment"});
}

void OperatorServer::refuse(const Request& request, const Error& error) {
  static_cast<void>(queue(request.peer, {OperatorReply{request.body.id, false, error, {}}}));
}

// All parts or none: nothing in a reply tells its reader that a part in the middle is missing. They
// are nobody's at the same moment, too.
bool OperatorServer::queue(const TransportKey& peer, const std::vector<OperatorReply>& parts) {
  const auto until_ns = parts_.clock.boottime_ns() + limits::reply_patience_ns;
  std::vector<Reply> waiting;
  std::size_t bytes = 0;
  for (const auto& part : parts) {
    waiting.push_back({peer, encode_operator_reply(part), until_ns});
    bytes += waiting.back().message.size();
  }
  if (reply_bytes_ + bytes > limits::replies_waiting_bytes_max) return false;
  reply_bytes_ += bytes;
  std::move(waiting.begin(), waiting.end(), std::back_inserter(replies_));
  return true;
}

void OperatorServer::send_replies(ServerLink& link) {
  std::set<TransportKey> full;  // what comes later for these must wait for its turn
  std::deque<Reply> kept;
  const auto now_ns = parts_.clock.boottime_ns();
  for (auto& reply : replies_) {
    const bool sent = !full.contains(reply.peer) && link.send(reply.peer, reply.message);
    if (!sent) full.insert(reply.peer);
    if (sent || now_ns > reply.until_ns) {
      reply_bytes_ -= reply.message.size();
    } else {
      kept.push_back(std::move(reply));
    }
  }
  replies_ = std::move(kept);
}

}  // namespace reeve
