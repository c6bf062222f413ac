// Records out of the ledger, page by page, each judged on this machine: nodes that enrolled and
// keys that followed since are asked for as they are met.
#pragma once

#include <functional>

#include "controller/cli/key_book.h"
#include "controller/cli/session.h"

namespace reeve::cli {

class RecordStream {
 public:
  // `filter`: `node`, `rule` and `since` as the operation `records` takes them; all optional.
  RecordStream(Session& session, Value::Map filter)
      : session_(session), filter_(std::move(filter)) {}

  // Begins behind the record of that cursor.
  void go_on_after(std::uint64_t cursor) { after_ = cursor; }
  // Shows what comes next, oldest first, and says how many there were; 0 where nothing is new for
  // now. A record that is not proven is shown as well, and says why. Errors: those of request(),
  // `malformed`, and `wrong_record` for a true record that was not asked for.
  Result<std::size_t> next_page(const std::function<void(const SeenRecord&)>& show);
  // All that there is by now. Errors: the same.
  Status catch_up(const std::function<void(const SeenRecord&)>& show);

 private:
  Result<SeenRecord> next(const Value& item);
  Result<SeenRecord> judge(const Value& item);
  Status learn_nodes();
  bool is_meant(const SeenRecord& seen) const;

  Session& session_;
  Value::Map filter_;
  Certificates certificates_;
  KeyBook keys_;
  std::map<NodeId, KeyHash> asked_;  // the last key of a node that nothing here certified
  std::optional<std::uint64_t> after_;
  bool learned_ = false;  // asked for nodes within this page
};

}  // namespace reeve::cli
