#include "agent/netfilter/netlink_channel.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "agent/netfilter/attributes.h"
#include "agent/netfilter/netfilter_limits.h"

namespace reeve {
namespace {

struct Family {
  std::string_view name;
  std::uint8_t number;
};
constexpr Family families[] = {{"ip", NFPROTO_IPV4},       {"ip6", NFPROTO_IPV6},
                               {"inet", NFPROTO_INET},     {"arp", NFPROTO_ARP},
                               {"bridge", NFPROTO_BRIDGE}, {"netdev", NFPROTO_NETDEV}};

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

// What the kernel says beside the errno (netlink extended ack), where it does.
std::string kernel_words(const nlmsghdr& head, ByteView body) {
  if (head.nlmsg_type != NLMSG_ERROR || (head.nlmsg_flags & NLM_F_ACK_TLVS) == 0 ||
      body.size() < sizeof(nlmsgerr))
    return {};
  nlmsgerr error{};
  std::memcpy(&error, body.data(), sizeof error);
  std::size_t skipped = sizeof error;
  if ((head.nlmsg_flags & NLM_F_CAPPED) == 0) {
    if (error.msg.nlmsg_len < sizeof(nlmsghdr)) return {};
    skipped += NLMSG_ALIGN(error.msg.nlmsg_len) - sizeof(nlmsghdr);
  }
  if (skipped > body.size()) return {};
  return std::string(text_attribute(body.subspan(skipped), NLMSGERR_ATTR_MSG));
}

Error refused(int os_errno, const std::string& words) {
  Error error = os_error("check_failed", "ask", "the packet filter", os_errno);
  if (!words.empty()) error.detail += fmt::format(" ({})", words);
  if (os_errno == EPERM) error.next = "the packet filter can be read by root only";
  return error;
}

}  // namespace

std::optional<std::uint8_t> family_number(std::string_view name) {
  for (const Family& family : families)
    if (family.name == name) return family.number;
  return std::nullopt;
}

std::string_view family_name(std::uint8_t number) {
  for (const Family& family : families)
    if (family.number == number) return family.name;
  return {};
}

struct NetlinkChannel::Socket {
  std::unique_ptr<mnl_socket, CloseSocket> handle;
};

NetlinkChannel::NetlinkChannel() = default;
NetlinkChannel::~NetlinkChannel() = default;

Result<std::unique_ptr<NetlinkChannel>> NetlinkChannel::open() {
  auto channel = std::make_unique<NetlinkChannel>();
  REEVE_TRY(channel->connect());
  return channel;
}

Status NetlinkChannel::connect() {
  auto socket = std::make_unique<Socket>();
  socket->handle.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (!socket->handle) return os_error("check_failed", "open", "the packet filter", errno);
  if (mnl_socket_bind(socket->handle.get(), 0, MNL_SOCKET_AUTOPID) != 0)
    return os_error("check_failed", "bind", "the packet filter's socket", errno);
  int on = 1;  // both only better the words of errors
  mnl_socket_setsockopt(socket->handle.get(), NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(socket->handle.get(), NETLINK_CAP_ACK, &on, sizeof on);
  socket_ = std::move(socket);
  return {};
}

ByteView NetlinkChannel::view(const Message& message) const {
  return ByteView(buffer_).subspan(message.offset, message.length);
}

void NetlinkChannel::forget() {
  used_ = 0;
  if (buffer_.size() > limits::ruleset_kept_bytes_max) {
    buffer_.clear();
    buffer_.shrink_to_fit();
  }
}

Result<Answer> NetlinkChannel::ask(const Question& question) {
  if (!socket_) REEVE_TRY(connect());
  Status sent = send(question);
  Result<Answer> answer = sent.ok() ? receive(question.is_dump) : Result<Answer>(sent.error());
  // What may still come on this socket would be taken for the next answer.
  if (!answer.ok()) socket_.reset();
  return answer;
}

Status NetlinkChannel::send(const Question& question) {
  alignas(nlmsghdr) std::array<char, limits::ruleset_question_bytes_max> bytes;
  nlmsghdr* head = mnl_nlmsg_put_header(bytes.data());
  head->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | question.type);
  head->nlmsg_flags =
      static_cast<std::uint16_t>(NLM_F_REQUEST | (question.is_dump ? NLM_F_DUMP : 0));
  head->nlmsg_seq = ++sequence_;
  nfgenmsg general{question.family, NFNETLINK_V0, 0};
  std::memcpy(mnl_nlmsg_put_extra_header(head, sizeof general), &general, sizeof general);
  for (const TextAttribute& attribute : question.attributes) {
    if (attribute.type == 0) continue;
    const std::string text(attribute.text);
    if (!mnl_attr_put_strz_check(head, bytes.size(), attribute.type, text.c_str()))
      return Error{"check_failed", "a name of the packet filter's is too long"};
  }
  if (mnl_socket_sendto(socket_->handle.get(), head, head->nlmsg_len) < 0)
    return os_error("check_failed", "ask", "the packet filter", errno);
  return {};
}

Status NetlinkChannel::make_room() {
  if (buffer_.size() - used_ >= limits::ruleset_receive_bytes) return {};
  if (used_ + limits::ruleset_receive_bytes > limits::ruleset_bytes_max)
    return Error{"check_failed",
                 fmt::format("what the packet filter tells of one table is more than {} bytes",
                             limits::ruleset_bytes_max)};
  buffer_.resize(std::max(buffer_.size() * 2, used_ + 2 * limits::ruleset_receive_bytes));
  return {};
}

Result<Answer> NetlinkChannel::receive(bool is_dump) {
  Answer answer;
  while (true) {
    REEVE_TRY(make_room());
    const auto got =
        mnl_socket_recvfrom(socket_->handle.get(), buffer_.data() + used_, buffer_.size() - used_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return os_error("check_failed", "read", "the packet filter", errno);
    auto done = take(static_cast<std::size_t>(got), answer, is_dump);
    if (!done.ok()) return done.error();
    used_ += (static_cast<std::size_t>(got) + 7u) & ~std::size_t{7};
    used_ = std::min(used_, buffer_.size());
    if (*done) return answer;
  }
}

Result<bool> NetlinkChannel::take(std::size_t got, Answer& answer, bool is_dump) {
  std::size_t at = used_;
  const std::size_t end = used_ + got;
  while (at + sizeof(nlmsghdr) <= end) {
    nlmsghdr head{};
    std::memcpy(&head, buffer_.data() + at, sizeof head);
    if (head.nlmsg_len < sizeof head || at + head.nlmsg_len > end) break;
    const ByteView body = ByteView(buffer_).subspan(at + sizeof head, head.nlmsg_len - sizeof head);
    const std::size_t body_at = at + sizeof head;
    at += NLMSG_ALIGN(head.nlmsg_len);
    if (head.nlmsg_seq != sequence_) continue;
    if ((head.nlmsg_flags & NLM_F_DUMP_INTR) != 0) answer.told = Answer::Told::interrupted;
    // Both begin with an errno, negated: of the request, or of a dump that broke off.
    if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) {
      int outcome = 0;
      if (body.size() >= sizeof outcome) std::memcpy(&outcome, body.data(), sizeof outcome);
      if (outcome == -ENOENT) answer.told = Answer::Told::absent;
      if (outcome < 0 && outcome != -ENOENT) return refused(-outcome, kernel_words(head, body));
      return true;
    }
    nfgenmsg general{};
    if (body.size() < sizeof general) break;
    std::memcpy(&general, body.data(), sizeof general);
    answer.messages.push_back({body_at + sizeof general, body.size() - sizeof general,
                               ntohs(general.res_id), general.nfgen_family});
    if (!is_dump) return true;
  }
  return false;
}

}  // namespace reeve
