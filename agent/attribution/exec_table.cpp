#include "agent/attribution/exec_table.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "agent/attribution/probe_message.h"

namespace reeve {
namespace {

constexpr int patience_ms = 10'000;

Error failed(std::string detail) { return {"attribution_failed", std::move(detail)}; }

std::string first_program(const std::vector<std::string>& places) {
  for (const std::string& place : places)
    if (::access(place.c_str(), X_OK) == 0) return place;
  return {};
}

[[noreturn]] void become_probe(const char* program, int end, int group) {
  // Away from the numbers that they are to have.
  const int end_kept = ::fcntl(end, F_DUPFD, 10);
  const int group_kept = ::fcntl(group, F_DUPFD, 10);
  if (::dup2(end_kept, probe_message_fd) >= 0 && ::dup2(group_kept, probe_group_fd) >= 0) {
    ::close_range(probe_group_fd + 1, ~0u, 0);
    std::array<char*, 2> arguments{::strdup(program), nullptr};
    std::array<char*, 1> environment{nullptr};
    ::execve(program, arguments.data(), environment.data());
  }
  ::_exit(127);
}

struct Answer {
  std::string words;  // empty: it is loaded
  std::vector<Fd> descriptors;
};

Result<Answer> receive(int end) {
  pollfd ready{end, POLLIN, 0};
  if (::poll(&ready, 1, patience_ms) != 1) return failed("the loader has not answered");
  std::array<char, probe_words_max> words{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(probe_descriptors * sizeof(int))> control{};
  iovec part{words.data(), words.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const auto got = ::recvmsg(end, &message, MSG_CMSG_CLOEXEC);
  if (got <= 0) return failed("the loader ended without a word");
  Answer answer;
  if (words[0] != '\0') answer.words.assign(words.data(), static_cast<std::size_t>(got));
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= head->cmsg_len; at += sizeof(int)) {
      int number = -1;
      std::memcpy(&number, reinterpret_cast<const char*>(head) + at, sizeof number);
      answer.descriptors.emplace_back(number);
    }
  }
  return answer;
}

}  // namespace

Result<std::unique_ptr<ExecTable>> KernelExecTable::load(const std::vector<std::string>& places,
                                                         int group) {
  const std::string program = first_program(places);
  if (program.empty()) return failed("reeve-probe is not there");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return os_error("attribution_failed", "socketpair", "AF_UNIX", errno);
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return os_error("attribution_failed", "fork", program, errno);
  if (child == 0) become_probe(program.c_str(), theirs.get(), group);
  theirs = Fd();
  auto answer = receive(ours.get());
  if (!answer.ok()) ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  if (!answer.ok()) return answer.error();
  if (!answer->words.empty()) return failed(answer->words);
  if (answer->descriptors.size() != probe_descriptors)
    return failed("the loader gave too few descriptors");
  Fd table = std::move(answer->descriptors.front());
  answer->descriptors.erase(answer->descriptors.begin());
  std::unique_ptr<ExecTable> out =
      std::make_unique<KernelExecTable>(std::move(table), std::move(answer->descriptors));
  // Older kernels ask for privileges at each look, which the agent will not have.
  if (auto looked = out->find(0); !looked.ok()) return looked.error();
  return out;
}

Result<std::optional<reeve_exec>> KernelExecTable::find(std::uint32_t pid) const {
  reeve_exec found{};
  bpf_attr look{};
  look.map_fd = static_cast<std::uint32_t>(table_.get());
  look.key = reinterpret_cast<std::uint64_t>(&pid);
  look.value = reinterpret_cast<std::uint64_t>(&found);
  if (::syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &look, sizeof look) == 0)
    return std::optional<reeve_exec>(found);
  if (errno == ENOENT) return std::optional<reeve_exec>();
  return os_error("attribution_failed", "look into", "the table of execs", errno);
}

}  // namespace reeve
