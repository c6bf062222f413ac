#include "agent/courier_user.h"

#include <pwd.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "common/text.h"

namespace reeve {
namespace {

constexpr const char* passwd_file = "/etc/passwd";

Error unknown(const std::string& name, std::string_view problem) {
  Error error{"courier_user_unknown", printable(name)};
  error.detail += ": ";
  error.detail += problem;
  error.next = "make a system user for the courier, or name another by --courier-user";
  return error;
}

}  // namespace

Result<UserIds> find_courier_user(const std::string& name) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(passwd_file, "re"),
                                                             &std::fclose);
  if (!file) return os_error("courier_user_unknown", "open", passwd_file, errno);
  while (const passwd* entry = fgetpwent(file.get())) {
    if (name != entry->pw_name) continue;
    if (entry->pw_uid == 0) return unknown(name, "is root, which would isolate nothing");
    return UserIds{entry->pw_uid, entry->pw_gid};
  }
  return unknown(name, "is not in /etc/passwd");
}

}  // namespace reeve
