// reeve records: what nodes sealed, from the ledger, each verified here before it is shown.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/cli/cli_limits.h"
#include "controller/cli/key_book.h"
#include "controller/cli/node_list.h"
#include "controller/cli/record_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"
#include "controller/controller_limits.h"

namespace reeve::cli {
namespace {

CommandSpec records_spec() {
  return {.name = "records",
          .usage = "[--node NODE] [--rule RULE] [--since TIME] [--follow] [--json]",
          .details =
              "Lists records from the ledger, oldest first. Each is verified on this machine:\n"
              "the node's certificate by the root, the batch's signature by the chain of keys\n"
              "from the certificate,\n"
              "the record by its path to the batch's Merkle root. What cannot be verified is\n"
              "shown as `unproven`. A star marks an incident that was still open.\n"
              "Exit: 0 all hold, 2 some are unproven, 1 could not ask.",
          .options = {{"node", "NODE", "only this node's, by name or id"},
                      {"rule", "RULE", "only this rule's"},
                      {"since", "TIME", "30m, 2h, 7d, or a time such as 2026-03-04T05:06:07Z"},
                      {"follow", "", "go on as records arrive, until Ctrl-C"},
                      json_option(),
                      fleet_option()}};
}

// The listing as it goes on: where it has come to, and what was wrong with it.
class Listing {
 public:
  Listing(Session& session, const Arguments& arguments, Value::Map filter)
      : session_(session), json_(arguments.has("json")), filter_(std::move(filter)) {}

  // Prints everything that is new. Errors: those of request(), `malformed`, `wrong_record`.
  Status catch_up();
  bool all_proven() const { return all_proven_; }

 private:
  Result<std::size_t> print_page();
  Status print(const Value& item);
  Status learn_nodes();
  Result<SeenRecord> judge(const Value& item);
  bool is_meant(const SeenRecord& seen) const;

  Session& session_;
  bool json_;
  Value::Map filter_;
  Certificates certificates_;
  KeyBook keys_;
  std::map<NodeId, KeyHash> asked_;  // the last key of a node that nothing here certified
  std::optional<std::uint64_t> after_;
  bool learned_ = false;  // asked for nodes within this page
  bool heading_printed_ = false;
  bool all_proven_ = true;
};

Status Listing::learn_nodes() {
  const auto nodes = ask_nodes(session_);
  if (!nodes.ok()) return nodes.error();
  certificates_ = certificates_of(*nodes);
  return {};
}

// A controller may answer with true records of other nodes or rules. What is not proven says so in
// its line, whatever it claims to be.
bool Listing::is_meant(const SeenRecord& seen) const {
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
Result<SeenRecord> Listing::judge(const Value& item) {
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

Status Listing::print(const Value& item) {
  const auto seen = judge(item);
  if (!seen.ok()) return seen.error();
  if (after_ && seen->cursor <= *after_) {
    return Error{.name = "malformed", .detail = "the controller's cursor does not go on"};
  }
  if (!is_meant(*seen)) {
    return Error{.name = "wrong_record",
                 .detail = "the controller answered with a record that was not asked for"};
  }
  after_ = seen->cursor;
  all_proven_ = all_proven_ && seen->proven();
  if (json_) {
    print_out(record_json(*seen));
    return {};
  }
  if (!heading_printed_) print_out(records_heading(out_columns()));
  heading_printed_ = true;
  print_out(record_line(*seen, out_columns()));
  return {};
}

Result<std::size_t> Listing::print_page() {
  Value::Map arguments = filter_;
  if (after_) arguments.emplace_back("after", *after_);
  arguments.emplace_back("limit", limits::operator_reply_items_max);
  const auto items = session_.controller().request("records", std::move(arguments));
  if (!items.ok()) return items.error();
  learned_ = false;
  for (const Value& item : *items) REEVE_TRY(print(item));
  return items->size();
}

Status Listing::catch_up() {
  for (;;) {
    const auto count = print_page();
    if (!count.ok()) return count.error();
    if (*count == 0) return {};
  }
}

Result<Value::Map> filter_of(const Arguments& arguments, std::int64_t now_wall_ns) {
  Value::Map filter;
  if (const auto node = arguments.value("node")) filter.emplace_back("node", *node);
  if (const auto rule = arguments.value("rule")) filter.emplace_back("rule", *rule);
  if (const auto since = arguments.value("since")) {
    const auto moment = parse_since(*since, now_wall_ns);
    if (!moment.ok()) return moment.error();
    filter.emplace_back("since", *moment);
  }
  return filter;
}

// Whether a follower goes on without the controller: it was there before, and it will be back, with
// everything that is missed now. Said once for each time.
class Patience {
 public:
  bool bears(const Status& done) {
    const bool away = !done.ok() && done.error().name == "controller_unreachable";
    const bool bearable = done.ok() || (away && met_);
    if (away && met_ && !waiting_) {
      print_err("reeve: the controller does not answer; records go on when it is back\n");
    }
    met_ = met_ || done.ok();
    waiting_ = away;
    return bearable;
  }

 private:
  bool met_ = false;
  bool waiting_ = false;
};

int list_records(const Environment& environment, const Arguments& arguments) {
  auto filter = filter_of(arguments, environment.clock.wall_ns());
  if (!filter.ok()) return print_error(filter.error());
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  Listing listing(**session, arguments, *std::move(filter));
  const bool follow = arguments.has("follow");
  Patience patience;
  for (;;) {
    const auto done = listing.catch_up();
    // Ctrl-C is how a follower ends.
    if (!done.ok() && follow && done.error().name == "interrupted") break;
    if (!(follow ? patience.bears(done) : done.ok())) return print_error(done.error());
    if (!follow || !(*session)->controller().pause(limits::operator_poll_ns)) break;
  }
  return listing.all_proven() ? exit_code::done : exit_code::deviations;
}

}  // namespace

int run_records(const Environment& environment, CommandArguments arguments) {
  return with_arguments(records_spec(), arguments,
                        [&](const Arguments& parsed) { return list_records(environment, parsed); });
}

}  // namespace reeve::cli
