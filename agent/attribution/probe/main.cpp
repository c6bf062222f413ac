// reeve-probe: loads the kernel's half of attribution, hands its table to the agent that started
// it, and ends. A program of its own, so that libbpf and what it needs are never part of the agent.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "agent/attribution/probe_message.h"
#include "execs_object.h"

namespace {

using namespace reeve;

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};

int quiet(libbpf_print_level, const char*, va_list) { return 0; }

bool send_words(const std::string& words) {
  return ::send(probe_message_fd, words.data(), words.size(), MSG_NOSIGNAL) >= 0;
}

int fail(const char* act, int os_errno) {
  send_words(std::string(act) + ": " + std::strerror(os_errno));
  return 1;
}

bool send_descriptors(const std::array<int, probe_descriptors>& descriptors) {
  char word = '\0';
  iovec part{&word, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_SOCKET;
  head->cmsg_type = SCM_RIGHTS;
  head->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(head), descriptors.data(), sizeof descriptors);
  return ::sendmsg(probe_message_fd, &message, MSG_NOSIGNAL) == 1;
}

// The kernel's half learns which group is the agent's, and which mounts are.
int learn_group(bpf_object* object) {
  std::array<std::uint64_t, 1> arguments{probe_group_fd};
  LIBBPF_OPTS(bpf_test_run_opts, run);
  run.ctx_in = arguments.data();
  run.ctx_size_in = sizeof arguments;
  const bpf_program* program = bpf_object__find_program_by_name(object, "learn");
  const int outcome = bpf_prog_test_run_opts(bpf_program__fd(program), &run);
  if (outcome != 0) return -outcome;
  return run.retval == 1 ? 0 : EINVAL;
}

}  // namespace

int main() {
  libbpf_set_print(quiet);
  const std::unique_ptr<bpf_object, CloseObject> object(
      bpf_object__open_mem(execs_object, sizeof execs_object, nullptr));
  if (!object) return fail("open the kernel's half", errno);
  if (const int outcome = bpf_object__load(object.get()); outcome != 0)
    return fail("load the kernel's half", -outcome);
  if (const int os_errno = learn_group(object.get()); os_errno != 0)
    return fail("tell the kernel's half of the group", os_errno);
  std::array<int, probe_descriptors> descriptors{
      bpf_object__find_map_fd_by_name(object.get(), "execs")};
  std::size_t at = 1;
  // Numbers that are given anew first: no exec is to be known of an older process.
  for (const char* name : {"on_fork", "on_exec"}) {
    const bpf_link* link =
        bpf_program__attach(bpf_object__find_program_by_name(object.get(), name));
    if (link == nullptr) return fail("attach the kernel's half", errno);
    descriptors[at++] = bpf_link__fd(link);
  }
  return send_descriptors(descriptors) ? 0 : 1;
}
