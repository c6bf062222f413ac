#include "agent/sandbox_filter.h"

#include <cap-ng.h>
#include <seccomp.h>
#include <sys/prctl.h>

#include <cerrno>
#include <string>
#include <vector>

namespace reeve {

struct Filter::Context {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  std::string refused;  // the first call whose rule libseccomp did not take
  int why = 0;

  ~Context() { seccomp_release(filter); }

  int resolve(std::string_view call) {
    const int number = seccomp_syscall_resolve_name(std::string(call).c_str());
    if (number == __NR_SCMP_ERROR) note(call, EINVAL);
    return number;
  }

  void note(std::string_view call, int os_errno) {
    if (os_errno == 0 || !refused.empty()) return;
    refused = call;
    why = os_errno;
  }

  void add(std::string_view call, std::uint32_t action, const std::vector<scmp_arg_cmp>& rules) {
    const int number = resolve(call);
    if (number == __NR_SCMP_ERROR) return;
    note(call, -seccomp_rule_add_array(filter, action, number, static_cast<unsigned>(rules.size()),
                                       rules.data()));
  }
};

Filter::Filter() : context_(std::make_unique<Context>()) {}
Filter::~Filter() = default;

void Filter::allow(std::initializer_list<std::string_view> calls) {
  for (const auto call : calls) context_->add(call, SCMP_ACT_ALLOW, {});
}

void Filter::allow_by_number(std::initializer_list<int> calls) {
  for (const int call : calls) {
    const std::string name = std::to_string(call);
    context_->note(name, -seccomp_rule_add(context_->filter, SCMP_ACT_ALLOW, call, 0));
  }
}

void Filter::allow_when(std::string_view call, std::initializer_list<Compare> comparisons) {
  std::vector<scmp_arg_cmp> rules;
  for (const auto& compare : comparisons) {
    rules.push_back({compare.argument, SCMP_CMP_MASKED_EQ, compare.mask, compare.value});
  }
  context_->add(call, SCMP_ACT_ALLOW, rules);
}

void Filter::allow_values(std::string_view call, unsigned argument,
                          std::initializer_list<std::uint64_t> values) {
  for (const auto value : values) {
    context_->add(call, SCMP_ACT_ALLOW, {{argument, SCMP_CMP_EQ, value, 0}});
  }
}

void Filter::answer(std::string_view call, int os_errno) {
  context_->add(call, SCMP_ACT_ERRNO(static_cast<std::uint16_t>(os_errno)), {});
}

Status Filter::load() {
  if (context_->filter == nullptr) return Error{"sandbox_failed", "seccomp_init: out of memory"};
  if (!context_->refused.empty()) {
    return os_error("sandbox_failed", "allow", context_->refused, context_->why);
  }
  // A binary tree: the kernel remembers calls that are allowed whatever their arguments, and walks
  // the tree only for the few others.
  seccomp_attr_set(context_->filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  const int outcome = seccomp_load(context_->filter);
  if (outcome != 0) return os_error("sandbox_failed", "load", "seccomp filter", -outcome);
  return {};
}

Status keep_capabilities(std::initializer_list<unsigned> wanted) {
  if (capng_get_caps_process() != 0) {
    return os_error("sandbox_failed", "read", "own capabilities", errno);
  }
  std::vector<unsigned> kept;
  for (const unsigned capability : wanted) {
    if (capng_have_capability(CAPNG_PERMITTED, capability) != 0) kept.push_back(capability);
  }
  const bool may_empty_bounds = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
  capng_clear(CAPNG_SELECT_ALL);
  if (may_empty_bounds) static_cast<void>(capng_apply(CAPNG_SELECT_BOUNDS));
  for (const unsigned capability : kept) {
    capng_update(CAPNG_ADD, static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED),
                 capability);
  }
  // Fails where the kernel has no ambient set, in which case there is nothing to clear.
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) {
    return os_error("sandbox_failed", "drop", "capabilities", errno);
  }
  return {};
}

bool has_capability(unsigned capability) {
  if (capng_get_caps_process() != 0) return false;
  return capng_have_capability(CAPNG_EFFECTIVE, capability) != 0;
}

}  // namespace reeve
