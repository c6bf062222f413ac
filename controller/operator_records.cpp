// What operators may do to records: take the body of one away. Its request is a leaf, and says who
// did it and why; the batch's header and the ledger stay as they were signed.
#include <fmt/format.h>

#include "common/limits.h"
#include "controller/operator_server.h"

namespace reeve {
namespace {

Error not_redactable(std::string detail) {
  return Error{"not_redactable", std::move(detail), "reeve show names what is there"};
}

// What is left of the batch's bodies without that one.
Result<Bytes> without(const Query::BatchInStore& batch, std::uint64_t index) {
  auto records = batch.records;
  if (records.empty() || !records[index].body)
    return not_redactable("its body is withheld already");
  if (accounts_for_missing(records[index].body->bytes))
    return not_redactable("it accounts for records that are missing, and stays");
  records[index].body.reset();
  return encode_bodies(records);
}

}  // namespace

// The request names the record by its place and its batch's header too: what was signed is about
// nothing else, whatever a name may come to mean.
Result<Value::Array> OperatorServer::redact(const Request& request) {
  Fields fields(arguments_of(request), "redact");
  const auto name = fields.text("record");
  const auto leaf = fields.natural("leaf");
  const auto index = fields.natural("index");
  const auto header = fields.bytes<32>("header");
  const auto why = fields.text("why");
  if (why.empty() || why.size() > limits::act_reason_bytes_max)
    fields.fail("why", "is empty or too long");
  REEVE_TRY(fields.finish(UnknownFields::refuse));
  const auto place = query_.find(name);
  if (!place.ok()) return place.error();
  if (place->batch.leaf != leaf || place->index != index || place->batch.header != header)
    return not_redactable("the name and the place are not of one record");
  const auto batch = query_.read_batch(place->batch);
  if (!batch.ok()) return batch.error();
  const auto bodies = without(*batch, index);
  if (!bodies.ok()) return bodies.error();
  const std::uint64_t own_leaf = parts_.ledger.size();
  const auto write = [&]() -> Status {
    REEVE_TRY(parts_.store.put_bodies(leaf, *bodies));
    return parts_.store.put_redaction({leaf, index, own_leaf});
  };
  REEVE_TRY(commit_change(request, std::nullopt, write));
  // Who reads the store now keeps its log from being cut; what is there goes with the next one.
  static_cast<void>(parts_.store.purge());
  return Value::Array{};
}

}  // namespace reeve
