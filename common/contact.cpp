// Contact file, text: the line "reeve controller 1", then "nodes ADDRESS", perhaps "operators
// ADDRESS", perhaps "enroll ADDRESS", and "key" with 64 hexadecimal digits, in this order, each
// line ended by a newline.
#include <fmt/format.h>

#include "common/limits.h"
#include "common/trust.h"

namespace reeve {

namespace {

constexpr std::string_view heading = "reeve controller 1";

Error malformed_contact(std::string_view problem) {
  return Error{"malformed", "contact file: " + std::string(problem),
               "it is up to five lines, see docs/formats.md"};
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || text.front() == '0') return false;
  std::uint32_t port = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  return port <= 65'535;
}

// A name, an IPv4 number, or an IPv6 number in brackets; what it stands for is the resolver's
// business.
bool is_host(std::string_view text) {
  bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (bracketed) text = text.substr(1, text.size() - 2);
  if (text.empty()) return false;
  for (char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '.' || c == '-' || c == '_';
    if (!plain && !(bracketed && (c == ':' || c == '%'))) return false;
  }
  return true;
}

// The next line's value after its word; absent when the line is another one.
std::optional<std::string_view> take_line(std::string_view& rest, std::string_view word) {
  auto end = rest.find('\n');
  if (end == rest.npos) return std::nullopt;
  auto line = rest.substr(0, end);
  if (!line.starts_with(word)) return std::nullopt;
  rest.remove_prefix(end + 1);
  return line.substr(word.size());
}

// The address in the next line where it begins with this word, else empty; absent where that is no
// address.
std::optional<std::string> take_address(std::string_view& rest, std::string_view word) {
  auto address = take_line(rest, word);
  if (!address) return std::string();
  if (!is_contact_address(*address)) return std::nullopt;
  return std::string(*address);
}

std::string address_line(std::string_view word, std::string_view address) {
  return address.empty() ? std::string() : fmt::format("{}{}\n", word, address);
}

}  // namespace

bool is_contact_address(std::string_view text) {
  constexpr std::string_view scheme = "tcp://";
  if (text.size() > limits::address_bytes_max || !text.starts_with(scheme)) return false;
  text.remove_prefix(scheme.size());
  auto colon = text.rfind(':');
  return colon != text.npos && is_host(text.substr(0, colon)) && is_port(text.substr(colon + 1));
}

std::string encode_contact(const ControllerContact& contact) {
  return fmt::format("{}\nnodes {}\n{}{}key {}\n", heading, contact.nodes_address,
                     address_line("operators ", contact.operators_address),
                     address_line("enroll ", contact.enroll_address), hex(contact.key.view()));
}

Result<ControllerContact> decode_contact(std::string_view text) {
  auto after_heading = take_line(text, heading);
  if (!after_heading || !after_heading->empty()) {
    return malformed_contact("does not begin with 'reeve controller 1'");
  }
  auto nodes = take_line(text, "nodes ");
  if (!nodes || !is_contact_address(*nodes)) {
    return malformed_contact("needs 'nodes tcp://HOST:PORT'");
  }
  auto operators = take_address(text, "operators ");
  if (!operators) return malformed_contact("needs 'operators tcp://HOST:PORT'");
  auto enroll = take_address(text, "enroll ");
  if (!enroll) return malformed_contact("needs 'enroll tcp://HOST:PORT'");
  auto digits = take_line(text, "key ");
  auto bytes = digits ? unhex(*digits) : std::nullopt;
  auto key = bytes ? fixed<32>(*bytes) : std::nullopt;
  if (!key) return malformed_contact("needs 'key' with 64 hexadecimal digits");
  if (!text.empty()) return malformed_contact("has more lines than it should");
  return ControllerContact{std::string(*nodes), std::move(*operators), *key, std::move(*enroll)};
}

}  // namespace reeve
