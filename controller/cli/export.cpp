// reeve export: records as they come, verified here, to where other tools take them up. What was
// delivered is remembered in a file, so that a run that was ended goes on from there.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/export_sinks.h"
#include "controller/cli/files.h"
#include "controller/cli/ledger_view.h"
#include "controller/cli/options.h"
#include "controller/cli/record_stream.h"
#include "controller/cli/terminal.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

CommandSpec export_spec() {
  return {.name = "export",
          .usage = "TARGET [--follow] [--cursor FILE] [--since TIME] [--secret-file FILE]",
          .details =
              "Delivers records from the ledger, oldest first, each verified on this machine, as\n"
              "`reeve records --json` shows them. TARGET is one of\n"
              "  file:PATH                   JSON lines, appended and synced\n"
              "  syslog:tcp://HOST:PORT      RFC 5424, over TCP with octet counting\n"
              "  syslog:udp://HOST:PORT      one datagram a record\n"
              "  syslog:unix:PATH            the same, to a local socket such as /dev/log\n"
              "  webhook:URL                 POST of JSON lines, https; http to this machine only\n"
              "Each record is delivered at least once; its name tells repeats apart. With\n"
              "--secret-file a webhook's body is signed: the header Reeve-Signature holds v1= and\n"
              "the HMAC-SHA-256 of Reeve-Timestamp, a dot and the body.\n"
              "Exit: 0 all delivered, 2 some are unproven, 1 could not deliver or not ask.",
          .options = {{"follow", "", "go on as records arrive, until Ctrl-C"},
                      {"cursor", "FILE", "remembers what was delivered; made when missing"},
                      {"since", "TIME", "without a cursor: 30m, 7d, or a time; else everything"},
                      {"secret-file", "FILE", "what webhook and receiver share"},
                      fleet_option()},
          .operands_min = 1,
          .operands_max = 1};
}

constexpr std::string_view cursor_head = "reeve-export-cursor 1";

// What was delivered last: a line of text with fleet and ledger and a number.
class Cursor {
 public:
  // `origin`: the ledger's, which a recovery changes.
  Cursor(std::optional<std::string> path, const std::string& origin, const FleetId& fleet)
      : path_(std::move(path)),
        fleet_(hex(fleet.view()) + hex(sha256(view_of(origin)).view()).substr(0, 16)) {}

  // Errors: `cursor_damaged`, `wrong_ledger`, those of read_file() but `file_missing`.
  Result<std::optional<std::uint64_t>> load() const {
    if (!path_) return std::optional<std::uint64_t>{};
    const auto bytes = read_file(*path_, limits::name_bytes_max);
    if (!bytes.ok() && bytes.error().name == "file_missing") return std::optional<std::uint64_t>{};
    if (!bytes.ok()) return bytes.error();
    return read(text_of(*bytes));
  }
  Status store(std::uint64_t number) const {
    if (!path_) return {};
    return write_file(*path_, view_of(fmt::format("{} {} {}\n", cursor_head, fleet_, number)));
  }

 private:
  Result<std::optional<std::uint64_t>> read(std::string_view text) const {
    const std::string begin = std::string(cursor_head) + " ";
    const bool is_ours = text.starts_with(begin) && text.ends_with('\n') &&
                         text.size() > begin.size() + fleet_.size() + 2;
    std::uint64_t number = 0;
    if (is_ours) {
      const std::string_view digits = text.substr(begin.size() + fleet_.size() + 1,
                                                  text.size() - begin.size() - fleet_.size() - 2);
      const auto [end, code] =
          std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (code == std::errc() && end == digits.data() + digits.size()) {
        if (text.substr(begin.size(), fleet_.size()) == fleet_) return std::optional(number);
        return Error{.name = "wrong_ledger",
                     .detail = fmt::format("{} is of another ledger: another fleet's, or one "
                                           "from before a recovery",
                                           printable(*path_)),
                     .next =
                         "name another file by --cursor, with --since from where the recovery "
                         "goes on"};
      }
    }
    return Error{.name = "cursor_damaged",
                 .detail = fmt::format("{} is not what reeve export wrote", printable(*path_)),
                 .next = "remove it, and give --since where everything would be too much"};
  }

  std::optional<std::string> path_;
  std::string fleet_;
};

class Export {
 public:
  Export(Session& session, RecordStream stream, std::unique_ptr<ExportSink> sink, Cursor cursor,
         bool is_following)
      : session_(session),
        stream_(std::move(stream)),
        sink_(std::move(sink)),
        cursor_(std::move(cursor)),
        is_following_(is_following) {}

  Result<int> run() {
    for (;;) {
      auto count = deliver_page();
      if (!count.ok()) return count.error();
      if (*count == 0 && !is_following_) return end();
      if (*count == 0 && !session_.controller().pause(limits::operator_poll_ns)) return end();
    }
  }

 private:
  int end() const {
    print_err(fmt::format("reeve: delivered {}\n", counted(delivered_, "record")));
    return all_proven_ ? exit_code::done : exit_code::deviations;
  }

  Result<std::size_t> deliver_page() {
    std::vector<SeenRecord> page;
    const auto count = stream_.next_page([&](const SeenRecord& seen) { page.push_back(seen); });
    if (!count.ok()) {
      const bool is_away = count.error().name == "controller_unreachable" && delivered_ > 0;
      if (is_following_ && is_away) return std::size_t{0};  // it will be back, with all of it
      return is_following_ && count.error().name == "interrupted" ? Result<std::size_t>(0) : count;
    }
    if (page.empty()) return std::size_t{0};
    REEVE_TRY(deliver(page));
    for (const SeenRecord& seen : page) all_proven_ = all_proven_ && seen.proven();
    delivered_ += page.size();
    REEVE_TRY(cursor_.store(page.back().cursor));
    return page.size();
  }

  // A receiver that is away is tried again, later and later; a follower waits for it for ever.
  Status deliver(std::span<const SeenRecord> page) {
    std::int64_t delay = limits::export_retry_min_ns;
    for (std::size_t attempt = 1;; ++attempt) {
      const auto done = sink_->deliver(page);
      if (done.ok() || done.error().name != "delivery_failed") return done;
      if (!is_following_ && attempt >= limits::export_tries) return done;
      if (attempt == 1) print_err(error_text(done.error()) + "\n");
      if (!session_.controller().pause(delay))
        return Error{.name = "interrupted", .detail = "before everything was delivered"};
      delay = std::min(delay * 2, limits::export_retry_max_ns);
    }
  }

  Session& session_;
  RecordStream stream_;
  std::unique_ptr<ExportSink> sink_;
  Cursor cursor_;
  bool is_following_;
  bool all_proven_ = true;
  std::size_t delivered_ = 0;
};

// Its last line break is not part of it.
Result<Bytes> read_secret(const Arguments& arguments) {
  const auto path = arguments.value("secret-file");
  if (!path) return Bytes{};
  auto secret = read_file(*path, limits::export_secret_bytes_max);
  if (!secret.ok()) return secret;
  while (!secret->empty() && (secret->back() == '\n' || secret->back() == '\r')) secret->pop_back();
  if (secret->size() >= limits::export_secret_bytes_min) return secret;
  return Error{.name = "usage",
               .detail = fmt::format("{} holds less than {} bytes", printable(*path),
                                     limits::export_secret_bytes_min),
               .next = "make one: openssl rand -hex 32"};
}

Result<int> export_records(Session& session, const Arguments& arguments) {
  auto secret = read_secret(arguments);
  if (!secret.ok()) return secret.error();
  auto sink = open_sink(arguments.operands()[0], *std::move(secret));
  if (!sink.ok()) return sink.error();
  REEVE_TRY(session.take_up_roots());
  const auto ledger = ask_ledger(session);
  if (!ledger.ok()) return ledger.error();
  Cursor cursor(arguments.value("cursor"), ledger->checkpoint.origin, session.fleet().root.fleet);
  const auto after = cursor.load();
  if (!after.ok()) return after.error();
  Value::Map filter;
  if (const auto since = arguments.value("since"); since && !*after) {
    const auto moment = parse_since(*since, session.now_wall_ns());
    if (!moment.ok()) return moment.error();
    filter.emplace_back("since", *moment);
  }
  RecordStream stream(session, std::move(filter));
  if (*after) stream.go_on_after(**after);
  Export job(session, std::move(stream), *std::move(sink), std::move(cursor),
             arguments.has("follow"));
  return job.run();
}

int run(const Environment& environment, const Arguments& arguments) {
  const auto session = Session::open(environment, arguments);
  if (!session.ok()) return print_error(session.error());
  const auto done = export_records(**session, arguments);
  return done.ok() ? *done : print_error(done.error());
}

}  // namespace

int run_export(const Environment& environment, CommandArguments arguments) {
  return with_arguments(export_spec(), arguments,
                        [&](const Arguments& parsed) { return run(environment, parsed); });
}

}  // namespace reeve::cli
