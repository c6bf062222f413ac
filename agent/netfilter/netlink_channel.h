// One kept netlink socket to nf_tables in this network namespace, through libmnl: a question at a
// time, its answers gathered without copies in one buffer that grows to the largest look and is
// given back when that was large. One thread uses it.
#pragma once

#include <memory>

#include "agent/host_ruleset.h"

namespace reeve {

// The number of a family in netfilter; absent for a word that nft does not know.
std::optional<std::uint8_t> family_number(std::string_view name);
std::string_view family_name(std::uint8_t number);  // "" for a number that nft has no word for

// The attributes of one answer, in the channel's buffer.
struct Message {
  std::size_t offset = 0;
  std::size_t length = 0;
  std::uint16_t generation = 0;  // the low bits of the ruleset's, as of this message
  std::uint8_t family = 0;
};

struct TextAttribute {
  std::uint16_t type = 0;
  std::string_view text;
};

struct Question {
  std::uint16_t type = 0;  // NFT_MSG_GETTABLE, ...
  std::uint8_t family = 0;
  bool is_dump = false;
  std::array<TextAttribute, 2> attributes{};  // without a type: none
};

struct Answer {
  enum class Told : std::uint8_t { complete, absent, interrupted };
  Told told = Told::complete;
  std::vector<Message> messages;
};

class NetlinkChannel {
 public:
  // Errors: `check_failed`.
  static Result<std::unique_ptr<NetlinkChannel>> open();
  NetlinkChannel();
  ~NetlinkChannel();
  NetlinkChannel(const NetlinkChannel&) = delete;

  // Appends to the buffer. `interrupted`: the ruleset was changed while it was told. Errors:
  // `check_failed`, with the kernel's words; the next question finds a new socket then.
  Result<Answer> ask(const Question& question);
  // Of attributes in the buffer; until the next ask() or forget().
  ByteView view(const Message& message) const;
  // Makes room: what was asked until now is not looked at again.
  void forget();

 private:
  struct Socket;
  Status connect();
  Status send(const Question& question);
  Result<Answer> receive(bool is_dump);
  // True when the last answer has been seen.
  Result<bool> take(std::size_t got, Answer& answer, bool is_dump);
  Status make_room();

  std::unique_ptr<Socket> socket_;
  Bytes buffer_;
  std::size_t used_ = 0;
  std::uint32_t sequence_ = 0;
};

}  // namespace reeve
