#include "controller/cli/export_sinks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "common/fd.h"
#include "common/seal_hmac.h"
#include "common/text.h"
#include "controller/cli/cli_limits.h"
#include "controller/cli/json.h"
#include "controller/cli/record_view.h"
#include "controller/cli/times.h"

namespace reeve::cli {
namespace {

Error failed(std::string_view what, const std::string& where) {
  return os_error("delivery_failed", what, where, errno);
}

Error no_target(const std::string& target) {
  return Error{.name = "usage",
               .detail = fmt::format("`{}` is no target; expected file:PATH, "
                                     "syslog:tcp://HOST:PORT, syslog:udp://HOST:PORT, "
                                     "syslog:unix:PATH or webhook:URL",
                                     printable(target)),
               .next = "reeve export --help"};
}

class FileSink final : public ExportSink {
 public:
  FileSink(Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  // Whole lines or none: what a full disk has cut is taken back.
  Status deliver(std::span<const SeenRecord> records) override {
    std::string text;
    for (const SeenRecord& seen : records) text += record_json(seen);
    struct stat before {};
    if (fstat(file_.get(), &before) != 0) return failed("look at", path_);
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t count = ::write(file_.get(), text.data() + done, text.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        Error error = failed("write", path_);
        if (S_ISREG(before.st_mode) && ftruncate(file_.get(), before.st_size) != 0)
          error.detail += "; its last line may be cut";
        return error;
      }
      done += static_cast<std::size_t>(count);
    }
    const bool is_synced = !S_ISREG(before.st_mode) || fdatasync(file_.get()) == 0;
    return is_synced ? Status{} : failed("sync", path_);
  }

 private:
  Fd file_;
  std::string path_;
};

enum class Framing { datagrams, counted };

class SyslogSink final : public ExportSink {
 public:
  using Connect = std::function<Result<Fd>()>;
  SyslogSink(Connect connect, Framing framing, std::string where)
      : connect_(std::move(connect)), framing_(framing), where_(std::move(where)) {}

  // A connection that broke is made anew by the next try, which sends the page again.
  Status deliver(std::span<const SeenRecord> records) override {
    if (!socket_.is_open()) {
      auto made = connect_();
      if (!made.ok()) return made.error();
      socket_ = *std::move(made);
    }
    for (const SeenRecord& seen : records) {
      std::string line =
          syslog_line(seen, framing_ == Framing::datagrams ? limits::export_datagram_bytes_max
                                                           : std::string::npos);
      if (framing_ == Framing::counted) line = fmt::format("{} {}", line.size(), line);
      if (auto sent = send_all(line); !sent.ok()) {
        socket_ = Fd();
        return sent;
      }
    }
    return {};
  }

 private:
  Status send_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("send to", where_);
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
  }

  Connect connect_;
  Framing framing_;
  std::string where_;
  Fd socket_;
};

Result<Fd> connect_to(const std::string& host, const std::string& port, int type) {
  addrinfo hints{};
  hints.ai_socktype = type;
  addrinfo* found = nullptr;
  const std::string where = host + ":" + port;
  if (const int code = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); code != 0)
    return Error{.name = "delivery_failed",
                 .detail = fmt::format("{}: {}", printable(where), gai_strerror(code))};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  constexpr timeval patience{limits::export_timeout_s, 0};
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    Fd fd(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
    if (!fd.is_open()) continue;
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0) return fd;
  }
  return failed("connect to", where);
}

Result<Fd> connect_local(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (!fd.is_open() || ::connect(fd.get(), generic, sizeof address) != 0)
    return failed("connect to", path);
  return fd;
}

// What a power cut left of a line was not counted as delivered: a line break ends it, so that what
// follows stands by itself.
Status end_torn_line(int fd, const std::string& path) {
  struct stat found {};
  if (fstat(fd, &found) != 0) return os_error("file_unwritable", "look at", path, errno);
  if (!S_ISREG(found.st_mode) || found.st_size == 0) return {};
  char last = 0;
  if (pread(fd, &last, 1, found.st_size - 1) != 1)
    return os_error("file_unwritable", "read", path, errno);
  if (last == '\n' || ::write(fd, "\n", 1) == 1) return {};
  return os_error("file_unwritable", "write", path, errno);
}

Result<std::unique_ptr<ExportSink>> open_file(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
  if (!file.is_open()) return os_error("file_unwritable", "open", path, errno);
  REEVE_TRY(end_torn_line(file.get(), path));
  return std::unique_ptr<ExportSink>(std::make_unique<FileSink>(std::move(file), path));
}

Result<std::unique_ptr<ExportSink>> open_syslog(const std::string& target, std::string_view rest) {
  SyslogSink::Connect connect;
  Framing framing = Framing::datagrams;
  if (rest.starts_with("unix:")) {
    std::string path(rest.substr(5));
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) return no_target(target);
    connect = [path] { return connect_local(path); };
  } else {
    const bool is_tcp = rest.starts_with("tcp://");
    if (!is_tcp && !rest.starts_with("udp://")) return no_target(target);
    rest.remove_prefix(6);
    const auto colon = rest.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || colon + 1 == rest.size())
      return no_target(target);
    std::string host(rest.substr(0, colon));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const std::string port(rest.substr(colon + 1));
    framing = is_tcp ? Framing::counted : Framing::datagrams;
    const int type = is_tcp ? SOCK_STREAM : SOCK_DGRAM;
    connect = [host, port, type] { return connect_to(host, port, type); };
  }
  return std::unique_ptr<ExportSink>(
      std::make_unique<SyslogSink>(std::move(connect), framing, target));
}

// RFC 5424 section 6.2.1: facility 13, log audit; the severities that come nearest.
int priority_of(const SeenRecord& seen) {
  constexpr int audit = 13 * 8;
  if (!seen.proven()) return audit + 1;
  if (!seen.record.severity) return audit + 6;
  switch (*seen.record.severity) {
    case Severity::critical:
      return audit + 2;
    case Severity::high:
      return audit + 3;
    case Severity::medium:
      return audit + 4;
    case Severity::low:
      return audit + 5;
  }
  return audit + 6;
}

// A header's field: printable ASCII without blanks, or "-" (RFC 5424 section 6).
std::string header_field(std::string_view text, std::size_t max) {
  std::string out;
  for (const char c : text.substr(0, max)) out += c > ' ' && c < '\x7f' ? c : '?';
  return out.empty() ? "-" : out;
}

}  // namespace

std::string syslog_line(const SeenRecord& seen, std::size_t bytes_max) {
  std::string time = moment_text(seen.record.sealed.wall_ns);  // "2026-03-04 05:06:07 UTC"
  time = seen.record.sealed.wall_ns > 0 ? time.substr(0, 10) + "T" + time.substr(11, 8) + "Z" : "-";
  std::string json = record_json(seen);
  json.pop_back();
  const std::string head =
      fmt::format("<{}>1 {} {} reeve - {} - ", priority_of(seen), time,
                  header_field(seen.node, 255), header_field(seen.record.type, 32));
  if (head.size() + json.size() <= bytes_max) return head + json;
  // Its name is enough to ask for all of it.
  JsonObject cut;
  cut.text("record", seen.name).text("node", seen.node).text("type", seen.record.type);
  return head + cut.claim("truncated", true).claim("proven", seen.proven()).object();
}

std::string webhook_signature(ByteView secret, std::int64_t now_s, std::string_view body) {
  const std::string signed_text = fmt::format("{}.{}", now_s, body);
  return "v1=" + hex(hmac_sha256(secret, view_of(signed_text)).view());
}

Result<std::unique_ptr<ExportSink>> open_sink(const std::string& target, Bytes secret) {
  const std::string_view view = target;
  if (view.starts_with("file:") && view.size() > 5) return open_file(target.substr(5));
  if (view.starts_with("syslog:")) return open_syslog(target, view.substr(7));
  if (view.starts_with("webhook:")) return open_webhook(target.substr(8), std::move(secret));
  return no_target(target);
}

}  // namespace reeve::cli
