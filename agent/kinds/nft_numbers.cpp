#include "agent/kinds/nft_numbers.h"

#include <array>
#include <utility>

#include "agent/kinds/nft_text.h"

namespace reeve {

namespace {

// IANA, "Assigned Internet Protocol Numbers", under the names of Debian's netbase.
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> numbers = {
    {{"hopopt", "0"},
     {"ipencap", "4"},
     {"egp", "8"},
     {"rdp", "27"},
     {"ipv6", "41"},
     {"ipv6-route", "43"},
     {"ipv6-frag", "44"},
     {"rsvp", "46"},
     {"ipv6-icmp", "58"},
     {"ipv6-nonxt", "59"},
     {"ipv6-opts", "60"},
     {"eigrp", "88"},
     {"ospf", "89"},
     {"pim", "103"},
     {"vrrp", "112"},
     {"l2tp", "115"}}};

std::string_view number_of(const NftToken& token) {
  if (token.kind != NftTokenKind::word) return {};
  for (const auto& [name, number] : numbers)
    if (name == token.text) return number;
  return {};
}

// Between one of the keywords and the end of what it is compared with.
class ProtocolPlaces {
 public:
  bool holds(const NftToken& token) {
    const bool was_inside = is_open_ || follows_;
    if (token.kind == NftTokenKind::open) is_open_ = follows_;
    if (token.kind == NftTokenKind::close || token.kind == NftTokenKind::separator)
      is_open_ = false;
    // "!=" and "==" stand between the keyword and the name.
    const bool is_sign = token.text == "!" || token.text == "=";
    if (!is_sign) follows_ = false;
    if (token.kind == NftTokenKind::word && is_keyword(token.text)) follows_ = true;
    return was_inside;
  }

 private:
  static bool is_keyword(std::string_view word) {
    return word == "l4proto" || word == "protocol" || word == "nexthdr";
  }
  bool follows_ = false;  // the token before was a keyword, or a sign behind one
  bool is_open_ = false;  // in its braces
};

}  // namespace

std::string with_protocol_numbers(std::string_view text) {
  std::string out;
  std::size_t copied = 0;
  ProtocolPlaces places;
  NftReader reader(text);
  while (true) {
    const NftToken token = reader.next();
    if (token.kind == NftTokenKind::end || token.kind == NftTokenKind::problem) break;
    const std::string_view number = number_of(token);
    if (!places.holds(token) || number.empty()) continue;
    out += text.substr(copied, token.begin - copied);
    out += number;
    copied = token.begin + token.text.size();
  }
  out += text.substr(copied);
  return out;
}

}  // namespace reeve
