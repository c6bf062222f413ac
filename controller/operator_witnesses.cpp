// The witness set and what witnesses have cosigned, as operators set and read them; and where a
// leaf stands in time.
#include "common/limits.h"
#include "controller/controller_limits.h"
#include "controller/node_keys.h"
#include "controller/operator_server.h"

namespace reeve {
namespace {

Value::Array one_item(Value::Map item) {
  Value::Array items;
  items.emplace_back(std::move(item));
  return items;
}

}  // namespace

Result<Value::Array> OperatorServer::perform_on_witnesses(const Request& request) {
  const auto& operation = request.body.operation;
  if (operation == "set_witnesses") return set_witnesses(request);
  if (operation == "witnesses") return witnesses();
  if (operation == "cosigned") return cosigned();
  REEVE_ASSERT(operation == "place");
  return query_.place(request.body.arguments);
}

Result<Value::Array> OperatorServer::set_witnesses(const Request& request) {
  Fields fields(arguments_of(request), "set_witnesses");
  auto object = fields.binary("witnesses");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  if (object == parts_.cosigning.set_object()) return Value::Array{};
  auto set = parts_.cosigning.check_set(object, parts_.root);
  if (!set.ok()) return set.error();
  for (const NodeId& node : set->set.nodes) {
    const auto* known = parts_.registry.find(node);
    if (known == nullptr || known->state != NodeState::registered)
      return Error{"unknown_node", "witness set: " + hex(node.view()) + " is no registered node",
                   "reeve node list names them"};
  }
  REEVE_TRY(commit_change(request, Brought{ObjectType::witness_set, object},
                          [&] { return parts_.store.put_witnesses(object); }));
  parts_.cosigning.adopt_set(*std::move(set), std::move(object));
  return Value::Array{};
}

Result<Value::Array> OperatorServer::witnesses() const {
  const auto& object = parts_.cosigning.set_object();
  return object.empty() ? Value::Array{} : one_item({{"witnesses", object}});
}

// First set and note; then, of each who has cosigned, what certifies its key: the certificate and
// the key's statement, and each succession on the way to its signer as an item of its own.
Result<Value::Array> OperatorServer::cosigned() const {
  const Cosigning& cosigning = parts_.cosigning;
  if (cosigning.set_object().empty()) return Value::Array{};
  Value::Array items =
      one_item({{"witnesses", cosigning.set_object()}, {"note", cosigning.note()}});
  for (const auto& [id, key] : cosigning.cosigners()) {
    const auto* node = parts_.registry.find(id);
    const auto signer = signer_of(key, ObjectType::cosigner_key);
    if (node == nullptr || !signer.ok()) continue;
    const auto way = NodeKeys(parts_.store).way_to(*node, *signer);
    if (!way.ok()) return way.error();
    items.emplace_back(
        Value::Map{{"node", id}, {"certificate", node->certificate_object}, {"key", key}});
    for (const Bytes& link : *way)
      items.emplace_back(Value::Map{{"node", id}, {"succession", link}});
  }
  return items;
}

}  // namespace reeve
