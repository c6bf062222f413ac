// A host in memory: a tree with types, modes, owners, ACLs, content, links and hard links, walked
// by the rules of docs/architecture.md section 5. It logs every act, and refuses what a test tells
// it to. It behaves as the host seam promises; a test owns it and looks through it directly.
#pragma once

#include <map>

#include "agent/host.h"
#include "agent/no_network.h"

namespace reeve {

class FakeHost final : public Eyes, public Hands {
 public:
  // Holds "/" (root's, 0755), the user and group root (0) and nobody (65534).
  FakeHost();

  // Parents must exist. Adding over an existing name replaces it by a new inode.
  void add(const std::string& path, FileType type, std::uint32_t mode = 0644, std::uint32_t uid = 0,
           std::uint32_t gid = 0);
  void add_directory(const std::string& path, std::uint32_t mode = 0755, std::uint32_t uid = 0,
                     std::uint32_t gid = 0) {
    add(path, FileType::directory, mode, uid, gid);
  }
  void add_file(const std::string& path, std::uint32_t mode = 0644, std::uint32_t uid = 0,
                std::uint32_t gid = 0) {
    add(path, FileType::file, mode, uid, gid);
  }
  void add_link(const std::string& path, const std::string& target, std::uint32_t uid = 0);
  void add_hard_link(const std::string& existing, const std::string& path);
  void set_content(const std::string& path, std::string content);
  // An access list sets the nine permission bits too, as on a real host.
  void set_list(const std::string& path, AclUse use, const Acl& acl);
  void erase(const std::string& path);  // with everything below
  void add_user(const std::string& name, std::uint32_t id) { users_[name] = id; }
  void add_group(const std::string& name, std::uint32_t id) { groups_[name] = id; }

  // From now on `act` (a method's name, as "look" or "set_mode") on this path answers the error.
  void refuse(const std::string& act, const std::string& path, Error error);
  void allow_all() { refusals_.clear(); }

  // "set_mode /etc/x 0600", "set_owner /etc/x 0:-", "remove /etc/x", "make_directory /etc/x",
  // "set_acl /etc/x", "set_default_acl /etc", "put_file /etc/x 0:- 0644 12 bytes".
  const std::vector<std::string>& acts() const { return acts_; }
  // How often anything was looked at or listed.
  std::size_t looks() const { return looks_; }
  // How often content was digested or read: what costs a real host most.
  std::size_t readings() const { return readings_; }
  // How often everything kept was to be given back.
  std::size_t rests() const { return rests_; }
  // What is at a path, for assertions; final links are not followed. It must be there.
  FileFacts at(const std::string& path) const;
  const std::string& content_at(const std::string& path) const;

  // Without these there is no network.
  void set_ruleset(Ruleset& ruleset) { ruleset_ = &ruleset; }
  void set_sockets(Sockets& sockets) { sockets_ = &sockets; }
  const RulesetEyes& ruleset() const override { return *ruleset_; }
  const SocketEyes& sockets() const override { return *sockets_; }
  RulesetHands& ruleset_hands() override { return *ruleset_; }
  SocketHands& socket_hands() override { return *sockets_; }
  void rest() override { ++rests_; }

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

  Status set_owner(const FileReference& object, std::optional<std::uint32_t> uid,
                   std::optional<std::uint32_t> gid) override;
  Status set_mode(const FileReference& object, std::uint32_t mode) override;
  Status set_acl(const FileReference& object, AclUse use, const Acl& acl) override;
  Status put_file(const FileReference& object, const NewFile& file) override;
  Status remove(const FileReference& object) override;
  Result<FileReference> make_directory(const std::string& path) override;

 private:
  struct Node {
    FileFacts facts;
    std::string target;
    std::string content;
    Acl acl;  // empty: what the mode stands for
    Acl default_acl;
  };
  enum class FinalLink { keep, follow };

  // The path without links; absent when nothing is there.
  Result<std::optional<std::string>> walk(const std::string& path, FinalLink final_link) const;
  const Node* node_at(const std::string& real_path) const;
  Surroundings around(const std::string& real_path) const;
  bool has_children(const std::string& real_path) const;
  Result<const Node*> find(const std::string& act, const std::string& path) const;
  static Acl acl_of(const Node& node);
  Status refusal(const std::string& act, const std::string& path) const;
  Result<Node*> open_again(const FileReference& object, const std::string& act);

  NoRuleset no_ruleset_;
  NoSockets no_sockets_;
  Ruleset* ruleset_ = &no_ruleset_;
  Sockets* sockets_ = &no_sockets_;
  std::map<std::string, std::uint64_t> names_;  // real paths to inodes
  std::map<std::uint64_t, Node> nodes_;
  std::map<std::string, std::uint32_t> users_;
  std::map<std::string, std::uint32_t> groups_;
  std::map<std::pair<std::string, std::string>, Error> refusals_;
  std::vector<std::string> acts_;
  std::uint64_t next_inode_ = 1;
  mutable std::size_t looks_ = 0;
  mutable std::size_t readings_ = 0;
  std::size_t rests_ = 0;
};

}  // namespace reeve
