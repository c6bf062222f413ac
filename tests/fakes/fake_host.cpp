#include "tests/fakes/fake_host.h"

#include <fmt/format.h>

#include <deque>

#include "agent/kind_limits.h"
#include "agent/path_pattern.h"
#include "common/seal.h"

namespace reeve {

namespace {

std::string words_of(std::optional<std::uint32_t> id) {
  return id ? fmt::format("{}", *id) : std::string("-");
}

template <class Map>
std::string name_in(const Map& accounts, std::uint32_t id) {
  for (const auto& [name, known] : accounts)
    if (known == id) return name;
  return fmt::format("{}", id);
}

template <class Map>
std::optional<std::uint32_t> id_in(const Map& accounts, const std::string& name) {
  auto found = accounts.find(name);
  return found == accounts.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

FakeHost::FakeHost() : users_{{"root", 0}, {"nobody", 65534}}, groups_{{"root", 0}} {
  add("/", FileType::directory, 0755);
}

void FakeHost::add(const std::string& path, FileType type, std::uint32_t mode, std::uint32_t uid,
                   std::uint32_t gid) {
  if (names_.contains(path)) erase(path);
  std::uint64_t inode = next_inode_++;
  nodes_[inode] = Node{FileFacts{type, mode, uid, gid, 1, inode, 1, 0}, {}, {}, {}, {}};
  names_[path] = inode;
}

void FakeHost::add_link(const std::string& path, const std::string& target, std::uint32_t uid) {
  add(path, FileType::link, 0777, uid);
  nodes_.at(names_.at(path)).target = target;
}

void FakeHost::add_hard_link(const std::string& existing, const std::string& path) {
  names_[path] = names_.at(existing);
  ++nodes_.at(names_[path]).facts.links;
}

void FakeHost::set_content(const std::string& path, std::string content) {
  Node& node = nodes_.at(names_.at(path));
  node.facts.size = content.size();
  node.content = std::move(content);
}

void FakeHost::set_list(const std::string& path, AclUse use, const Acl& acl) {
  Node& node = nodes_.at(names_.at(path));
  if (use == AclUse::inheritance) {
    node.default_acl = acl;
    return;
  }
  node.acl = is_extended_acl(acl) ? acl : Acl{};
  node.facts.mode = (node.facts.mode & 07000) | mode_of_acl(acl);
}

void FakeHost::erase(const std::string& path) {
  for (auto at = names_.begin(); at != names_.end();) {
    if (at->first != path && !is_below(at->first, path)) {
      ++at;
      continue;
    }
    if (--nodes_.at(at->second).facts.links == 0) nodes_.erase(at->second);
    at = names_.erase(at);
  }
}

void FakeHost::refuse(const std::string& act, const std::string& path, Error error) {
  refusals_[{act, path}] = std::move(error);
}

FileFacts FakeHost::at(const std::string& path) const {
  const Node* node = node_at(path);
  REEVE_ASSERT(node != nullptr);
  return node->facts;
}

const std::string& FakeHost::content_at(const std::string& path) const {
  const Node* node = node_at(path);
  REEVE_ASSERT(node != nullptr);
  return node->content;
}

const FakeHost::Node* FakeHost::node_at(const std::string& real_path) const {
  auto name = names_.find(real_path);
  return name == names_.end() ? nullptr : &nodes_.at(name->second);
}

Surroundings FakeHost::around(const std::string& real_path) const {
  Surroundings out{0, true};
  std::string directory = real_path;
  do {
    directory = directory_of(directory);
    const Node* node = node_at(directory);
    if (directory == directory_of(real_path)) out.directory_uid = node->facts.uid;
    out.trusted = out.trusted && node->facts.uid == 0 && (node->facts.mode & 022) == 0;
  } while (directory != "/");
  return out;
}

bool FakeHost::has_children(const std::string& real_path) const {
  for (const auto& [name, inode] : names_)
    if (is_below(name, real_path)) return true;
  return false;
}

Status FakeHost::refusal(const std::string& act, const std::string& path) const {
  auto found = refusals_.find({act, path});
  return found == refusals_.end() ? Status() : Status(found->second);
}

Result<std::optional<std::string>> FakeHost::walk(const std::string& path,
                                                  FinalLink final_link) const {
  std::deque<std::string> pending;
  for (std::string& name : components_of(path)) pending.push_back(std::move(name));
  std::string real = "/";
  std::size_t links = 0;
  while (!pending.empty()) {
    std::string name = std::move(pending.front());
    pending.pop_front();
    std::string next = name == ".." ? std::string(directory_of(real)) : joined(real, name);
    const Node* node = node_at(next);
    if (node_at(real)->facts.type != FileType::directory || node == nullptr)
      return std::optional<std::string>{};
    bool is_final = pending.empty() && final_link == FinalLink::keep;
    if (node->facts.type == FileType::link && !is_final) {
      if (!around(next).trusted || node->facts.uid != 0 || ++links > limits::path_links_max)
        return Error{"unsafe_path", fmt::format("follow {}: others may change it", next)};
      auto target = components_of(node->target);
      pending.insert(pending.begin(), target.begin(), target.end());
      if (node->target.starts_with('/')) real = "/";
    } else {
      real = next;
    }
  }
  return std::optional(real);
}

Result<std::optional<FileFacts>> FakeHost::look(const std::string& path) const {
  ++looks_;
  REEVE_TRY(refusal("look", path));
  auto real = walk(path, FinalLink::keep);
  if (!real.ok()) return real.error();
  if (!*real) return std::optional<FileFacts>{};
  return std::optional(node_at(**real)->facts);
}

Result<std::optional<std::string>> FakeHost::resolve(const std::string& path) const {
  REEVE_TRY(refusal("resolve", path));
  return walk(path, FinalLink::follow);
}

Result<Surroundings> FakeHost::surroundings(const std::string& path) const {
  REEVE_TRY(refusal("surroundings", path));
  auto real = walk(path, FinalLink::keep);
  if (!real.ok()) return real.error();
  return *real ? around(**real) : Surroundings{};
}

Result<std::vector<std::string>> FakeHost::list(const std::string& directory) const {
  ++looks_;
  REEVE_TRY(refusal("list", directory));
  auto real = walk(directory, FinalLink::follow);
  if (!real.ok()) return real.error();
  std::vector<std::string> out;
  if (!*real) return out;
  for (const auto& [name, inode] : names_)
    if (is_below(name, **real) && directory_of(name) == **real)
      out.emplace_back(file_name_of(name));
  return out;
}

// The object itself; null when nothing is there.
Result<const FakeHost::Node*> FakeHost::find(const std::string& act,
                                             const std::string& path) const {
  REEVE_TRY(refusal(act, path));
  auto real = walk(path, FinalLink::keep);
  if (!real.ok()) return real.error();
  return *real ? node_at(**real) : nullptr;
}

Acl FakeHost::acl_of(const Node& node) {
  return node.acl.empty() ? acl_of_mode(node.facts.mode) : acl_with_mode(node.acl, node.facts.mode);
}

Result<std::optional<Acl>> FakeHost::acl(const std::string& path, AclUse use) const {
  ++looks_;
  auto node = find("acl", path);
  if (!node.ok()) return node.error();
  if (*node == nullptr) return std::optional<Acl>{};
  if (use == AclUse::access) return std::optional(acl_of(**node));
  return std::optional((*node)->default_acl);
}

Result<std::optional<ContentFacts>> FakeHost::content(const std::string& path) const {
  ++readings_;
  auto node = find("content", path);
  if (!node.ok()) return node.error();
  if (*node == nullptr) return std::optional<ContentFacts>{};
  if ((*node)->facts.type != FileType::file) return Error{"check_failed", "content " + path};
  const std::string& content = (*node)->content;
  return std::optional(ContentFacts{sha256(view_of(content)), content.size()});
}

Result<Bytes> FakeHost::read_head(const std::string& path, std::size_t bytes_max) const {
  ++readings_;
  auto node = find("read_head", path);
  if (!node.ok()) return node.error();
  return *node == nullptr ? Bytes{} : bytes_of((*node)->content.substr(0, bytes_max));
}

std::optional<std::uint32_t> FakeHost::user_id(const std::string& name) const {
  return id_in(users_, name);
}

std::optional<std::uint32_t> FakeHost::group_id(const std::string& name) const {
  return id_in(groups_, name);
}

std::string FakeHost::user_name(std::uint32_t uid) const { return name_in(users_, uid); }

std::string FakeHost::group_name(std::uint32_t gid) const { return name_in(groups_, gid); }

Result<FakeHost::Node*> FakeHost::open_again(const FileReference& object, const std::string& act) {
  REEVE_TRY(refusal(act, object.path));
  auto real = walk(object.path, FinalLink::keep);
  if (!real.ok()) return real.error();
  bool same = *real && object.is_same_object(node_at(**real)->facts);
  if (!same) return Error{"object_changed", act + " " + object.path};
  return &nodes_.at(object.facts.inode);
}

Status FakeHost::set_owner(const FileReference& object, std::optional<std::uint32_t> uid,
                           std::optional<std::uint32_t> gid) {
  auto node = open_again(object, "set_owner");
  if (!node.ok()) return node.error();
  FileFacts& facts = (*node)->facts;
  if (!may_set_owner(facts, *surroundings(object.path)))
    return Error{"unsafe_path", "set_owner " + object.path};
  acts_.push_back(fmt::format("set_owner {} {}:{}", object.path, words_of(uid), words_of(gid)));
  facts.uid = uid.value_or(facts.uid);
  facts.gid = gid.value_or(facts.gid);
  if (facts.type == FileType::file) facts.mode &= 01777;  // as chown(2) does
  return {};
}

Status FakeHost::set_mode(const FileReference& object, std::uint32_t mode) {
  auto node = open_again(object, "set_mode");
  if (!node.ok()) return node.error();
  if (!may_set_mode((*node)->facts, *surroundings(object.path), mode))
    return Error{"unsafe_path", "set_mode " + object.path};
  acts_.push_back(fmt::format("set_mode {} {:04o}", object.path, mode));
  (*node)->facts.mode = mode;
  return {};
}

Status FakeHost::set_acl(const FileReference& object, AclUse use, const Acl& acl) {
  auto node = open_again(object, "set_acl");
  if (!node.ok()) return node.error();
  if (!may_set_acl((*node)->facts, *surroundings(object.path)))
    return Error{"unsafe_path", "set_acl " + object.path};
  bool is_access = use == AclUse::access;
  if (!is_valid_acl(acl) && (is_access || !acl.empty()))
    return Error{"fix_failed", "set_acl " + object.path};
  acts_.push_back((is_access ? "set_acl " : "set_default_acl ") + object.path);
  set_list(**walk(object.path, FinalLink::keep), use, acl);
  return {};
}

Status FakeHost::put_file(const FileReference& object, const NewFile& file) {
  Node made{FileFacts{FileType::file, file.mode, 0, 0, 1, 0, 1, 0}, {}, {}, {}, {}};
  std::string real;
  if (object.facts.inode == 0) {
    REEVE_TRY(refusal("put_file", object.path));
    auto parent = walk(std::string(directory_of(object.path)), FinalLink::follow);
    if (!parent.ok()) return parent.error();
    real = *parent ? joined(**parent, file_name_of(object.path)) : "";
    if (real.empty() || names_.contains(real))
      return Error{"fix_failed", "put_file " + object.path};
  } else {
    auto old = open_again(object, "put_file");
    if (!old.ok()) return old.error();
    if (!may_replace((*old)->facts, *surroundings(object.path)))
      return Error{"unsafe_path", "put_file " + object.path};
    made.facts.uid = (*old)->facts.uid;
    made.facts.gid = (*old)->facts.gid;
    made.acl = (*old)->acl;
    real = **walk(object.path, FinalLink::keep);
  }
  acts_.push_back(fmt::format("put_file {} {}:{} {:04o} {} bytes", object.path, words_of(file.uid),
                              words_of(file.gid), file.mode, file.content.size()));
  add(real, FileType::file, file.mode, file.uid.value_or(made.facts.uid),
      file.gid.value_or(made.facts.gid));
  set_content(real, std::string(file.content));
  Node& node = nodes_.at(names_.at(real));
  node.acl = file.acl ? (is_extended_acl(*file.acl) ? *file.acl : Acl{}) : made.acl;
  return {};
}

Status FakeHost::remove(const FileReference& object) {
  auto node = open_again(object, "remove");
  if (!node.ok()) return node.error();
  std::string real = **walk(object.path, FinalLink::keep);
  if ((*node)->facts.type == FileType::directory && has_children(real))
    return Error{"directory_not_empty", "remove " + object.path};
  acts_.push_back("remove " + object.path);
  erase(real);
  return {};
}

Result<FileReference> FakeHost::make_directory(const std::string& path) {
  REEVE_TRY(refusal("make_directory", path));
  auto parent = walk(std::string(directory_of(path)), FinalLink::follow);
  if (!parent.ok()) return parent.error();
  std::string real = *parent ? joined(**parent, file_name_of(path)) : "";
  if (real.empty() || names_.contains(real)) return Error{"fix_failed", "make_directory " + path};
  acts_.push_back("make_directory " + path);
  add_directory(real, 0700);
  return FileReference{path, at(real)};
}

}  // namespace reeve
