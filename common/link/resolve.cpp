// Names to numbers for the courier, which loses the right to look names up when it seals itself.
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "common/limits.h"
#include "common/link/address.h"
#include "common/link/link_limits.h"
#include "common/link/zmq_link.h"
#include "common/text.h"

namespace reeve {
namespace {

constexpr std::string_view scheme = "tcp://";

Error unusable(std::string_view address, std::string_view problem) {
  Error error{"address_unusable", printable(shortened(address, limits::name_bytes_max))};
  error.detail += ": ";
  error.detail += problem;
  error.next = "write tcp://HOST:PORT, or tcp://[ADDRESS]:PORT for IPv6";
  return error;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= 65'535;
}

// What a host may consist of: names, numbers, IPv6 with a zone. No slash, semicolon or blank, to
// which libzmq would give a meaning of its own.
bool is_host(std::string_view text) {
  if (text.empty() || text.size() > limits::host_bytes_max) return false;
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == ':' ||
           c == '%';
  });
}

std::string numeric_address(const addrinfo& info, const std::string& port) {
  char host[NI_MAXHOST] = {};
  if (getnameinfo(info.ai_addr, info.ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST) !=
      0) {
    return {};
  }
  std::string text(scheme);
  text += info.ai_family == AF_INET6 ? "[" + std::string(host) + "]" : std::string(host);
  return text + ":" + port;
}

}  // namespace

Result<TcpAddress> parse_tcp_address(std::string_view address) {
  if (!address.starts_with(scheme)) return unusable(address, "it does not begin with tcp://");
  const std::string_view rest = address.substr(scheme.size());
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return unusable(address, "the port is missing");
  std::string_view host = rest.substr(0, colon);
  const std::string_view port = rest.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) {
    return unusable(address, "an IPv6 address needs brackets");
  }
  if (host != "*" && !is_host(host)) return unusable(address, "the host is not a name or number");
  if (port != "*" && !is_port(port)) return unusable(address, "the port is not 0 to 65535");
  return TcpAddress{std::string(host), std::string(port), bracketed};
}

Result<std::vector<std::string>> resolve_address(const std::string& address) {
  auto parsed = parse_tcp_address(address);
  if (!parsed) return parsed.error();
  if (parsed->host == "*" || parsed->port == "*" || parsed->port == "0") {
    return unusable(address, "a client needs a host and a port");
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int outcome = getaddrinfo(parsed->host.c_str(), nullptr, &hints, &list);
  if (outcome != 0) {
    return Error{"name_not_found", printable(parsed->host) + ": " + gai_strerror(outcome),
                 "check the controller's name and this host's resolver"};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(list, &freeaddrinfo);
  std::vector<std::string> found;
  for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
    if (found.size() == limits::resolved_addresses_max) break;
    if (item->ai_family != AF_INET && item->ai_family != AF_INET6) continue;
    std::string text = numeric_address(*item, parsed->port);
    const bool known = std::find(found.begin(), found.end(), text) != found.end();
    if (!text.empty() && !known) found.push_back(std::move(text));
  }
  if (found.empty()) return Error{"name_not_found", printable(parsed->host) + ": no IP address"};
  return found;
}

}  // namespace reeve
