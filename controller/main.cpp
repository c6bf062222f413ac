// reeve-controller: takes records in, keeps the ledger, hands out policy. This file is the only
// place where its clock, store and sockets are real.
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <csignal>
#include <cstdlib>

#include "common/link/zmq_link.h"
#include "common/paths.h"
#include "common/revision.h"
#include "common/service_manager.h"
#include "common/text.h"
#include "controller/controller.h"
#include "controller/restore.h"
#include "controller/state_directory.h"
#include "controller/store/sqlite_store.h"

namespace {

using namespace reeve;
namespace options = boost::program_options;

constexpr std::string_view help_text = R"(usage: reeve-controller COMMAND [OPTION...]

Takes in what agents record, keeps it in a ledger and hands out signed policy.
It holds no key that could sign policy and cannot make an agent do anything.

  run            serve nodes and operators until SIGTERM or SIGINT
  backup FILE    copy all that was taken in and published to FILE, of one
                 moment, while a controller runs or not. The two online keys
                 and the first root are not in it: keep the directory that
                 `reeve init` made. FILE must not be there yet
  restore FILE   put a backup into --state, where only those keys and that root
                 are. Nothing is taken in then before `reeve ledger recover`

  --state DIR             the directory `controller` that `reeve init` made
                          (default: /var/lib/reeve/controller)
  --listen tcp://A:P      where nodes connect (default: tcp://0.0.0.0:7117)
  --operators tcp://A:P   where `reeve` connects (default: tcp://127.0.0.1:7118)
  --log DIR               where the ledger is written as static files, for tools
                          that others wrote (default: STATE/log, private)
  --enroll tcp://A:P      where new hosts enroll by token; without it nobody can
  --keep-bodies TIME      of run: withhold record bodies after so long, such as
                          400d; what is signed and the ledger stay (default:
                          for ever)
  --nothing-lost          of restore: the controller was stopped before the
                          backup was made, so that the ledger simply goes on
  --help, --version

A port of 0 lets the kernel choose; the log says what it chose. Exit: 0 done,
1 could not do it.
)";

struct Options {
  std::string command;
  std::string file;  // of backup and restore
  std::string state;
  std::string listen;
  std::string operators;
  std::string log;
  std::string enroll;  // empty: nobody enrolls by token
  std::int64_t keep_bodies_ns = 0;
  LedgerState restored = LedgerState::awaits_recovery;
};

void write_text(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody is left to tell
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

void log_line(std::string_view line) {
  write_text(STDERR_FILENO, fmt::format("reeve-controller: {}\n", printable(line)));
}

int fail(const Error& error) {
  log_line(fmt::format("error {}: {}", error.name, error.detail));
  if (!error.next.empty()) {
    write_text(STDERR_FILENO, fmt::format("  next: {}\n", printable(error.next)));
  }
  return 1;
}

Error usage_error(std::string detail) {
  return Error{"usage", std::move(detail), "reeve-controller --help"};
}

options::options_description describe_options() {
  options::options_description all;
  all.add_options()                                                      //
      ("help", "")                                                       //
      ("version", "")                                                    //
      ("nothing-lost", "")                                               //
      ("keep-bodies", options::value<std::string>()->default_value(""))  //
      ("command", options::value<std::string>()->default_value(""))      //
      ("file", options::value<std::string>()->default_value(""))         //
      ("state", options::value<std::string>()->default_value(
                    std::string(paths::controller_state_default)))                         //
      ("listen", options::value<std::string>()->default_value("tcp://0.0.0.0:7117"))       //
      ("operators", options::value<std::string>()->default_value("tcp://127.0.0.1:7118"))  //
      ("log", options::value<std::string>()->default_value(""))                            //
      ("enroll", options::value<std::string>()->default_value(""));
  return all;
}

Result<options::variables_map> parse_options(int argc, char** argv) {
  options::positional_options_description positions;
  positions.add("command", 1).add("file", 1);
  options::variables_map values;
  try {
    // No guessing: an option that is added later must not change what a shortened one means.
    const auto style =
        options::command_line_style::default_style & ~options::command_line_style::allow_guessing;
    options::store(options::command_line_parser(argc, argv)
                       .options(describe_options())
                       .positional(positions)
                       .style(style)
                       .run(),
                   values);
  } catch (const options::error& error) {
    return usage_error(error.what());
  }
  return values;
}

// SIGTERM and SIGINT as a descriptor, so that a stop is one more message of the main loop.
Result<Fd> signal_descriptor() {
  sigset_t stops;
  sigemptyset(&stops);
  sigaddset(&stops, SIGTERM);
  sigaddset(&stops, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &stops, nullptr) != 0) {
    return os_error("start_failed", "block", "signals", errno);
  }
  Fd fd(::signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return os_error("start_failed", "open", "a signal descriptor", errno);
  return fd;
}

bool signal_came(const Fd& signals) {
  signalfd_siginfo info{};
  return ::read(signals.get(), &info, sizeof info) == sizeof info;
}

Result<std::unique_ptr<ZmqServer>> listen(const Controller& controller, const Options& chosen,
                                          const Secret& secret) {
  const auto node = [&controller](const TransportKey& key) { return controller.admits_node(key); };
  const auto person = [&controller](const TransportKey& key) {
    return controller.admits_operator(key);
  };
  std::vector<ServerEndpoint> endpoints{{chosen.listen, "nodes", node},
                                        {chosen.operators, "operators", person}};
  // Strangers: their messages are what is judged there.
  const auto anybody = [](const TransportKey& /*key*/) { return true; };
  if (!chosen.enroll.empty()) {
    endpoints.push_back({chosen.enroll, "enroll", anybody, limits::enrollment_message_bytes_max,
                         limits::enrollment_peers_max});
  }
  return ZmqServer::create(secret, std::move(endpoints));
}

// What was met, but for what every fleet meets all the time.
std::string describe_counters(const Controller& controller) {
  std::string text;
  for (const auto& [name, count] : controller.counters()) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", name, count);
  }
  return text.empty() ? "nothing" : text;
}

// Comes round once a minute at least, and more often where a service manager wants to hear of us.
void serve(Controller& controller, ZmqServer& server, ServerLink* enroll, const Fd& signals) {
  const auto watchdog_ns = watchdog_interval_ns();
  while (!signal_came(signals)) {
    if (watchdog_ns) notify_alive();
    for (const auto& line : controller.step(server.endpoint(0), server.endpoint(1), enroll)) {
      log_line(line);
    }
    server.wait(std::min(controller.idle_ns(), watchdog_ns.value_or(INT64_MAX)), signals.get());
  }
  log_line(fmt::format("stops at {} leaves; met: {}", controller.tree_size(),
                       describe_counters(controller)));
}

// The directory of the ledger's static files: one that is named must be there, ours is made.
Result<std::unique_ptr<SystemDisk>> open_log(const Options& chosen) {
  if (!chosen.log.empty())
    return SystemDisk::open_directory(chosen.log, SystemDisk::Readers::everybody);
  const auto state = SystemDisk::open_directory(chosen.state);
  if (!state.ok()) return state.error();
  REEVE_TRY((*state)->make_directory(paths::log_directory));
  return SystemDisk::open_directory(fmt::format("{}/{}", chosen.state, paths::log_directory));
}

int run(const Options& chosen) {
  ::umask(077);
  const SystemClock clock;
  const auto signals = signal_descriptor();
  if (!signals.ok()) return fail(signals.error());
  const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const auto state = open_state_directory(chosen.state, credentials == nullptr ? "" : credentials);
  if (!state.ok()) return fail(state.error());
  const auto store = SqliteStore::open(state->store_path());
  if (!store.ok()) return fail(store.error());
  const auto log_disk = open_log(chosen);
  if (!log_disk.ok()) return fail(log_disk.error());
  LogFiles log(**log_disk, clock);
  const auto controller =
      Controller::open({**store, clock, state->ledger_key, state->transport.public_key, state->root,
                        &log, chosen.keep_bodies_ns});
  if (!controller.ok()) return fail(controller.error());
  const auto server = listen(**controller, chosen, state->transport.secret);
  if (!server.ok()) return fail(server.error());
  log_line(fmt::format("version {}, ledger of {} leaves in {}", REEVE_VERSION,
                       (*controller)->tree_size(), chosen.state));
  const bool enrolls = !chosen.enroll.empty();
  log_line(fmt::format("nodes at {}, operators at {}{}", (*server)->bound_address(0),
                       (*server)->bound_address(1),
                       enrolls ? ", enrollment at " + (*server)->bound_address(2) : ""));
  notify_ready();
  serve(**controller, **server, enrolls ? &(*server)->endpoint(2) : nullptr, *signals);
  return 0;
}

// On a terminal only.
void show_progress(int done, int all) {
  if (::isatty(STDERR_FILENO) == 0 || all <= 0) return;
  const auto percent = 100 * std::int64_t{done} / all;
  write_text(STDERR_FILENO, fmt::format("\r{} %{}", percent, done == all ? "\r     \r" : ""));
}

int backup(const Options& chosen) {
  ::umask(077);
  const auto source = fmt::format("{}/{}", chosen.state, paths::controller_store);
  const auto done = backup_sqlite_store(source, chosen.file, show_progress);
  if (!done.ok()) return fail(done.error());
  log_line(fmt::format("{} holds a copy of {}: the ledger, record bodies, nodes and policy",
                       chosen.file, source));
  log_line(fmt::format("not in it: {}, {} and {}, which `reeve init` made", paths::ledger_key,
                       paths::controller_transport_key, paths::controller_root));
  return 0;
}

int restore(const Options& chosen) {
  ::umask(077);
  const auto done = restore_state(chosen.file, chosen.state, chosen.restored, show_progress);
  if (!done.ok()) return fail(done.error());
  log_line(fmt::format("{} holds what was in {}", chosen.state, chosen.file));
  if (chosen.restored == LedgerState::awaits_recovery)
    log_line("run it, then let the root's holders say from where it goes on: reeve ledger recover");
  return 0;
}

// Whole days or hours, such as 400d; nothing for what is neither.
std::optional<std::int64_t> parse_period_ns(std::string_view text) {
  constexpr std::int64_t hour_ns = 3'600'000'000'000;
  constexpr std::int64_t hours_max = 24 * 36'500;
  if (text.empty()) return 0;
  const std::int64_t hours_each = text.back() == 'd' ? 24 : 1;
  if (text.back() != 'd' && text.back() != 'h') return std::nullopt;
  text.remove_suffix(1);
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || number > hours_max / hours_each) return std::nullopt;
  return number * hours_each * hour_ns;
}

int run_command(const options::variables_map& values) {
  const auto keep_bodies_ns = parse_period_ns(values["keep-bodies"].as<std::string>());
  if (!keep_bodies_ns) return fail(usage_error("--keep-bodies takes days or hours, such as 400d"));
  const Options chosen{
      values["command"].as<std::string>(),
      values["file"].as<std::string>(),
      values["state"].as<std::string>(),
      values["listen"].as<std::string>(),
      values["operators"].as<std::string>(),
      values["log"].as<std::string>(),
      values["enroll"].as<std::string>(),
      *keep_bodies_ns,
      values.contains("nothing-lost") ? LedgerState::goes_on : LedgerState::awaits_recovery};
  if (chosen.command == "run" && chosen.file.empty()) return run(chosen);
  if (chosen.command == "backup" && !chosen.file.empty()) return backup(chosen);
  if (chosen.command == "restore" && !chosen.file.empty()) return restore(chosen);
  if (chosen.command.empty()) return fail(usage_error("no command given"));
  if (chosen.command == "run") return fail(usage_error("run takes no argument"));
  if (chosen.command == "backup") return fail(usage_error("backup needs the file to write"));
  if (chosen.command == "restore") return fail(usage_error("restore needs the file to read"));
  return fail(usage_error(fmt::format("there is no command `{}`", chosen.command)));
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads any more ends no controller
  if (auto ready = init_crypto(); !ready.ok()) return fail(ready.error());
  const auto values = parse_options(argc, argv);
  if (!values.ok()) return fail(values.error());
  if (values->contains("help")) {
    write_text(STDOUT_FILENO, help_text);
    return 0;
  }
  if (values->contains("version")) {
    write_text(STDOUT_FILENO, version_line("reeve-controller"));
    return 0;
  }
  return run_command(*values);
}
