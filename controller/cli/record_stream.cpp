#include "controller/cli/record_stream.h"

#include <algorithm>
#include <utility>

#include "controller/cli/node_list.h"
#include "controller/controller_limits.h"

namespace reeve::cli {

Status RecordStream::learn_nodes() {
  const auto nodes = ask_nodes(session_);
  if (!nodes.ok()) return nodes.error();
  certificates_ = certificates_of(*nodes);
  return {};
}

// A controller may answer with true records of other nodes or rules. What is not proven says so in
// its line, whatever it claims to be.
bool RecordStream::is_meant(const SeenRecord& seen) const {
  return std::all_of(filter_.begin(), filter_.end(), [&](const auto& condition) {
    const std::string* wanted = condition.second.text();
    if (wanted == nullptr || !seen.proven()) return true;
    if (condition.first == "node") {
      return *wanted == seen.node || *wanted == hex(seen.header.node.view());
    }
    const Value* rule = seen.record.body.find("rule");
    return rule != nullptr && rule->text() != nullptr && *rule->text() == *wanted;
  });
}

// A node that enrolled since the last look, or a key that followed.
Result<SeenRecord> RecordStream::judge(const Value& item) {
  auto seen = judge_record(item, certificates_, {session_.known_nodes(), keys_.chains()});
  if (seen.ok() && seen->unproven == "node_unknown" && !learned_) {
    REEVE_TRY(learn_nodes());
    learned_ = true;
    seen = judge_record(item, certificates_, {session_.known_nodes(), keys_.chains()});
  }
  if (!seen.ok() || seen->unproven != "key_unknown") return seen;
  const BatchHeader& header = seen->header;
  const auto [last, first_time] = asked_.try_emplace(header.node, header.key);
  if (!first_time && std::exchange(last->second, header.key) == header.key) return seen;
  REEVE_TRY(keys_.learn(session_.controller(), {beginning_of(certificates_.at(header.node))}));
  return judge_record(item, certificates_, {session_.known_nodes(), keys_.chains()});
}

Result<SeenRecord> RecordStream::next(const Value& item) {
  auto seen = judge(item);
  if (!seen.ok()) return seen;
  if (after_ && seen->cursor <= *after_) {
    return Error{.name = "malformed", .detail = "the controller's cursor does not go on"};
  }
  if (!is_meant(*seen)) {
    return Error{.name = "wrong_record",
                 .detail = "the controller answered with a record that was not asked for"};
  }
  after_ = seen->cursor;
  return seen;
}

Result<std::size_t> RecordStream::next_page(const std::function<void(const SeenRecord&)>& show) {
  Value::Map arguments = filter_;
  if (after_) arguments.emplace_back("after", *after_);
  arguments.emplace_back("limit", limits::operator_reply_items_max);
  const auto items = session_.controller().request("records", std::move(arguments));
  if (!items.ok()) return items.error();
  learned_ = false;
  for (const Value& item : *items) {
    const auto seen = next(item);
    if (!seen.ok()) return seen.error();
    show(*seen);
  }
  return items->size();
}

Status RecordStream::catch_up(const std::function<void(const SeenRecord&)>& show) {
  for (;;) {
    const auto count = next_page(show);
    if (!count.ok()) return count.error();
    if (*count == 0) return {};
  }
}

}  // namespace reeve::cli
