// reeve-agent join: enrolls this host by a token. The state directory is made beside its place and
// moved there when it is whole. The network is the courier's alone, sealed as always; the process
// that holds the keys is sealed as the deciding process is.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "agent/commands/commands.h"
#include "agent/join.h"
#include "agent/launcher.h"
#include "agent/sandbox.h"
#include "common/paths.h"
#include "common/text.h"
#include "common/token_limits.h"

namespace reeve {
namespace {

constexpr std::int64_t ns_per_s = 1'000'000'000;
constexpr std::int64_t ns_per_ms = 1'000'000;

Result<std::string> read_token_text(const Options& options) {
  if (options.token_file.empty()) return options.token;
  const bool is_stdin = options.token_file == "-";
  const Fd file(is_stdin ? ::dup(STDIN_FILENO)
                         : ::open(options.token_file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) return os_error("token_unreadable", "open", options.token_file, errno);
  std::string text(limits::token_text_bytes_max + 1, '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("token_unreadable", "read", options.token_file, errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return text;
}

Result<Labels> read_labels(const std::vector<std::string>& words) {
  Labels labels;
  for (const std::string& word : words) {
    const auto equals = word.find('=');
    const std::string value = equals == word.npos ? "" : word.substr(equals + 1);
    const std::string label = word.substr(0, equals);
    const bool is_valid = is_valid_id(label) && is_valid_id(value);
    if (!is_valid || !labels.emplace(label, value).second)
      return Error{"usage", fmt::format("`{}` is no label, or a label given twice", word),
                   "reeve-agent join --help"};
  }
  return labels;
}

// As it was asked for, as the token has it, or as the host is called.
Result<std::string> choose_name(const Options& options, const Token& token) {
  std::string name = options.name;
  if (name.empty() && token.name.find('*') == token.name.npos) name = token.name;
  utsname host{};
  if (name.empty() && ::uname(&host) == 0) name = host.nodename;
  if (is_valid_id(name)) return name;
  const std::string shown = printable(name);
  return Error{"name_invalid", "`" + shown + "` is no name of a node: letters, digits and ._:-",
               "give one: reeve-agent join TOKEN --name NAME"};
}

Result<JoinWishes> wishes_of(const Options& options, const Token& token) {
  auto name = choose_name(options, token);
  if (!name.ok()) return name.error();
  auto labels = read_labels(options.labels);
  if (!labels.ok()) return labels.error();
  return complete_wishes(token, {std::move(*name), std::move(*labels)});
}

// An empty directory in its place is as good as none: a package may have made it.
bool is_free(const std::string& state) {
  std::error_code problem;
  const auto found = std::filesystem::symlink_status(state, problem);
  if (!std::filesystem::exists(found)) return true;
  return std::filesystem::is_directory(found) && std::filesystem::is_empty(state, problem);
}

Status require_free(const std::string& state) {
  if (is_free(state)) return {};
  return Error{"state_exists", state + " is there and not empty; nothing was changed",
               fmt::format("run the agent that is enrolled there: reeve-agent run --state {}; or "
                           "name another directory by --state",
                           state)};
}

Status make_directory(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return {};
  return os_error("state_unwritable", "create", path, errno);
}

// What was made or renamed there outlasts a power cut.
Status sync_parent(const std::string& state) {
  const auto parent = std::filesystem::path(state).parent_path();
  const Fd directory(
      ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.is_open() || ::fsync(directory.get()) != 0)
    return os_error("state_unwritable", "sync", parent.string(), errno);
  return {};
}

// The keys lie where the state will be, and not where somebody's link points to.
Status make_draft(const std::string& state, const std::string& draft) {
  const auto parent = std::filesystem::path(state).parent_path().string();
  if (!parent.empty()) REEVE_TRY(make_directory(parent, 0755));
  REEVE_TRY(make_directory(draft, 0700));
  std::error_code problem;
  if (std::filesystem::is_symlink(std::filesystem::symlink_status(draft, problem)))
    return Error{"state_permissions", draft + " is a link", "remove it"};
  return sync_parent(state);
}

// The moment at which the host is enrolled: all of it is in its place, or nothing.
Status move_to_place(const std::string& draft, const std::string& state) {
  if (::rename(draft.c_str(), state.c_str()) != 0)
    return os_error("state_unwritable", "rename to", state, errno);
  return sync_parent(state);
}

// The state directory in the making. One in which an earlier try has left a request may hold the
// keys of a node that is registered by now: it is never removed, only taken up or written over.
class Draft {
 public:
  Draft(std::string path, const Disk& disk) : path_(std::move(path)) {
    const auto request = disk.read(paths::certificate, limits::message_bytes_max);
    had_request_ = !request.ok() || request->has_value();
  }
  const std::string& path() const { return path_; }
  void remove_if_fresh() const {
    if (had_request_) return;
    std::error_code problem;  // what stays is taken up or written over by the next try
    std::filesystem::remove_all(path_, problem);
  }

 private:
  std::string path_;
  bool had_request_ = false;
};

// One conversation, from a courier's first word to the directory in its place.
class Joiner {
 public:
  Joiner(const Options& options, const Draft& draft, Joining joining, LauncherChannel launcher,
         SocketCourierPort& courier, const Token& token)
      : options_(options),
        draft_(draft),
        joining_(std::move(joining)),
        launcher_(std::move(launcher)),
        courier_(courier),
        token_(token) {}

  int run() {
    const std::int64_t until_ns = clock_.monotonic_ns() + options_.wait_s * ns_per_s;
    while (true) {
      const auto progress = joining_.step();
      launcher_.report_alive();
      if (!progress.ok()) return fail(progress.error());
      if (*progress == Joining::Progress::complete) return finish();
      const bool is_pending = *progress == Joining::Progress::pending;
      if (is_pending) tell_pending();
      if (!is_pending && clock_.monotonic_ns() >= until_ns) return fail(unreachable());
      wait();
    }
  }

 private:
  void wait() {
    pollfd waits[] = {{launcher_.fd(), POLLIN, 0}, {courier_.fd(), POLLIN, 0}};
    constexpr std::int64_t look_around_ns = 500 * ns_per_ms;
    ::poll(waits, std::size(waits), static_cast<int>(look_around_ns / ns_per_ms));
    if (auto courier = launcher_.receive_courier()) {
      courier_.connect(std::move(*courier));
      joining_.courier_started();
    }
  }

  void tell_pending() {
    if (std::exchange(told_pending_, true)) return;
    // By its id: another host may come to wait under this name meanwhile.
    const std::string id = hex(joining_.certificate().node.view());
    print(
        fmt::format("An operator has to approve this node; waiting. They run:\n"
                    "  reeve node approve {} --id {}\n  id {}\n",
                    joining_.certificate().name, id.substr(0, 16), id));
    std::fflush(stdout);
  }

  Error unreachable() const {
    return {"controller_unreachable",
            fmt::format("no controller with the token's key has answered at {} within {} s",
                        token_.enroll_address, options_.wait_s),
            joining_.was_sent() ? "run the same command again: it goes on where it was"
                                : "see that this host reaches that address, and try again"};
  }

  int fail(const Error& error) {
    // Where nothing was sent or the controller said no, nobody waits for these keys.
    if (!joining_.was_sent() || joining_.was_refused()) draft_.remove_if_fresh();
    return tell_error(error);
  }

  int finish() {
    if (auto moved = move_to_place(draft_.path(), options_.state); !moved.ok())
      return tell_error(moved.error());
    const auto& certificate = joining_.certificate();
    std::string labels;
    for (const auto& [label, value] : certificate.labels)
      labels += fmt::format(" {}={}", label, value);
    const bool is_default = options_.state == paths::agent_state_default;
    print(
        fmt::format("Node {} of fleet {} is enrolled{}{}; its state is in {}\n\n"
                    "next: reeve-agent run{}\n"
                    "      or, where it is installed as a service: systemctl start reeve-agent\n",
                    certificate.name, printable(joining_.fleet()), labels.empty() ? "" : ", labels",
                    labels, options_.state, is_default ? "" : " --state " + options_.state));
    return 0;
  }

  const Options& options_;
  const Draft& draft_;
  SystemClock clock_;
  Joining joining_;
  LauncherChannel launcher_;
  SocketCourierPort& courier_;
  const Token& token_;
  bool told_pending_ = false;
};

int converse(const Options& options, const Draft& draft, Disk& disk, const TokenText& token,
             const JoinWishes& wishes, LauncherChannel launcher) {
  if (auto sealed = seal_deciding_process(); !sealed.ok()) return tell_error(sealed.error());
  const SystemClock clock;
  SocketCourierPort courier;
  auto joining = Joining::begin({clock, disk, courier, token}, wishes);
  if (!joining.ok()) {
    draft.remove_if_fresh();
    return tell_error(joining.error());
  }
  return Joiner(options, draft, std::move(*joining), std::move(launcher), courier, token.token)
      .run();
}

Result<int> join(const Options& options) {
  const auto text = read_token_text(options);
  if (!text.ok()) return text.error();
  const auto token = decode_token_text(*text);
  if (!token.ok()) return token.error();
  const auto wishes = wishes_of(options, token->token);
  if (!wishes.ok()) return wishes.error();
  REEVE_TRY(require_free(options.state));
  const std::string path = options.state + std::string(paths::joining_suffix);
  REEVE_TRY(make_draft(options.state, path));
  auto disk = SystemDisk::open_directory(path);
  if (!disk.ok()) return disk.error();
  const auto lock = lock_state((*disk)->directory_fd(), path);
  if (!lock.ok()) return lock.error();
  const Draft draft(path, **disk);
  REEVE_TRY((*disk)->make_directory(paths::courier_root));
  LaunchPlan plan;
  plan.courier_user = options.courier_user;
  plan.empty_root = fmt::format("{}/{}", path, paths::courier_root);
  plan.runs_once = true;
  plan.decide = [&](LauncherChannel channel, const LastDeath&) {
    return converse(options, draft, **disk, *token, *wishes, std::move(channel));
  };
  return launch(plan);
}

}  // namespace

int join_fleet(const Options& options) {
  const auto joined = join(options);
  return joined.ok() ? *joined : tell_error(joined.error());
}

}  // namespace reeve
