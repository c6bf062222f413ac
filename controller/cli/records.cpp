// reeve records: what nodes sealed, from the ledger, each verified here before it is shown.
#include <fmt/format.h>

#include "controller/cli/cli_limits.h"
#include "controller/cli/record_stream.h"
#include "controller/cli/record_view.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

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

// The listing as it goes on, and whether all of it holds.
class Listing {
 public:
  Listing(Session& session, const Arguments& arguments, Value::Map filter)
      : stream_(session, std::move(filter)), json_(arguments.has("json")) {}

  // Prints everything that is new. Errors: those of RecordStream.
  Status catch_up() {
    return stream_.catch_up([this](const SeenRecord& seen) { print(seen); });
  }
  bool all_proven() const { return all_proven_; }

 private:
  void print(const SeenRecord& seen);

  RecordStream stream_;
  bool json_;
  bool heading_printed_ = false;
  bool all_proven_ = true;
};

void Listing::print(const SeenRecord& seen) {
  all_proven_ = all_proven_ && seen.proven();
  if (json_) return print_out(record_json(seen));
  if (!heading_printed_) print_out(records_heading(out_columns()));
  heading_printed_ = true;
  print_out(record_line(seen, out_columns()));
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
