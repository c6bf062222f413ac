// The host as it is: Eyes and Hands over Linux's system calls, under a root directory
// (docs/architecture.md section 5). Made only in mains and in tests of real trees. Holds the root's
// descriptor, what passwd and group said last and digests of files; one thread uses it. Works
// inside the deciding process's sandbox: its calls are openat2, openat, fstat, newfstatat,
// readlinkat, getdents64, read, fcntl, fchmodat2 or fchmodat, fchownat, unlinkat, mkdirat and
// close; for lists getxattr, setxattr and removexattr; for content write, fchmod, fchown,
// listxattr, fsetxattr, fsync and renameat2.
#pragma once

#include <memory>

#include "agent/account_files.h"
#include "agent/file_content.h"
#include "agent/host_ruleset.h"
#include "agent/host_sockets.h"

namespace reeve {

class LinuxHost final : public Eyes, public Hands {
 public:
  // What is not a tree of files; made by whoever runs on the host that is looked at.
  struct Network {
    std::unique_ptr<Ruleset> ruleset;
    std::unique_ptr<Sockets> sockets;
  };
  static Network no_network();

  // Errors: `root_missing`.
  static Result<std::unique_ptr<LinuxHost>> open(const std::string& root,
                                                 Network network = no_network());

  LinuxHost(SafePath paths, Network network);
  LinuxHost(const LinuxHost&) = delete;  // its parts refer to each other

  const RulesetEyes& ruleset() const override { return *network_.ruleset; }
  const SocketEyes& sockets() const override { return *network_.sockets; }
  Result<std::optional<FileFacts>> look(const std::string& path) const override;
  Result<std::optional<std::string>> resolve(const std::string& path) const override;
  Result<Surroundings> surroundings(const std::string& path) const override;
  Result<std::vector<std::string>> list(const std::string& directory) const override;
  Result<std::optional<Acl>> acl(const std::string& path, AclUse use) const override;
  Result<std::optional<ContentFacts>> content(const std::string& path) const override;
  Result<Bytes> read_head(const std::string& path, std::size_t bytes_max) const override;
  std::optional<std::uint32_t> user_id(const std::string& name) const override;
  std::optional<std::uint32_t> group_id(const std::string& name) const override;
  std::string user_name(std::uint32_t uid) const override;
  std::string group_name(std::uint32_t gid) const override;

  RulesetHands& ruleset_hands() override { return *network_.ruleset; }
  void rest() override { network_.ruleset->rest(); }
  SocketHands& socket_hands() override { return *network_.sockets; }
  Status set_owner(const FileReference& object, std::optional<std::uint32_t> uid,
                   std::optional<std::uint32_t> gid) override;
  Status set_mode(const FileReference& object, std::uint32_t mode) override;
  Status set_acl(const FileReference& object, AclUse use, const Acl& acl) override;
  Status put_file(const FileReference& object, const NewFile& file) override;
  Status remove(const FileReference& object) override;
  Result<FileReference> make_directory(const std::string& path) override;

 private:
  // An object opened for an act, the same that was looked at.
  struct Opened {
    Fd fd;
    FileFacts facts;
    Surroundings around;  // only looked at for objects with other names
  };

  Result<Opened> open_again(const FileReference& object) const;
  AccountFile& users() const;
  AccountFile& groups() const;
  // At most once a tick of the kernel's (1 to 10 ms): a check asks for accounts several times, and
  // two stat calls each would cost more than all of its looks. An account that is changed within
  // the tick counts from the next look on, as one does that is changed just after a check.
  void refresh_accounts() const;

  SafePath paths_;
  Network network_;
  // Caches that the const looks refresh, hence behind pointers.
  std::unique_ptr<AccountFile> users_;
  std::unique_ptr<AccountFile> groups_;
  std::unique_ptr<std::int64_t> accounts_tick_;
  std::unique_ptr<FileContents> contents_;
};

}  // namespace reeve
