// Fixes of the kind `file` on real files, taken back: what was there before is there again,
// exactly.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "agent/kind.h"
#include "agent/linux_host.h"
#include "common/limits.h"
#include "common/seal.h"
#include "tests/fakes/dice.h"
#include "tests/host/temporary_tree.h"

namespace reeve {

namespace {

const std::string object = "/etc/x";

// All that an undo has to bring back.
struct State {
  std::optional<FileFacts> facts;
  std::optional<Acl> acl;
  std::string content;
};

State state_of(const LinuxHost& host) {
  State out;
  out.facts = *host.look(object);
  if (!out.facts) return out;
  if (auto acl = host.acl(object, AclUse::access); acl.ok()) out.acl = *acl;
  if (out.facts->type == FileType::file)
    out.content = std::string(text_of(*host.read_head(object, limits::body_bytes_max)));
  return out;
}

std::string words(const State& state) {
  if (!state.facts) return "nothing";
  std::string out = fmt::format("{} {}:{} {:o} {}", name_of(state.facts->type), state.facts->uid,
                                state.facts->gid, state.facts->mode, state.content);
  for (const AclEntry& entry : state.acl.value_or(Acl{}))
    out += fmt::format(" {}:{}:{}", int(entry.tag), entry.id, entry.bits);
  return out;
}

std::string octal(std::uint64_t mode) { return fmt::format("{:04o}", mode); }

// One rule and one object that deviates from it in a way that chance decides.
class Trial {
 public:
  explicit Trial(Dice& dice) : dice_(dice) {
    tree_.add_directory("/etc");
    host_ = *LinuxHost::open(tree_.root());
  }

  // Empty where all is as it was; else what it was and what it is.
  std::string run() {
    make_object();
    const auto resource = bind_rule(make_rule());
    REQUIRE_MESSAGE(resource.ok(), (resource.ok() ? "" : resource.error().detail));
    const std::string before = words(state_of(*host_));
    const auto found = (*resource)->check(*host_, Scope{object});
    REQUIRE(found.ok());
    if (found->holds()) return {};
    const Deviation& deviation = found->deviations.front();
    const Replaced replaced = (*resource)->replaced_by_fix(deviation, *host_);
    REQUIRE(replaced.can_be_undone);
    const Status fixed = (*resource)->fix(deviation, *host_, *host_);
    REQUIRE_MESSAGE(fixed.ok(), (fixed.ok() ? "" : fixed.error().detail));
    REQUIRE((*resource)->check(*host_, Scope{object})->holds());
    REQUIRE(words(state_of(*host_)) != before);
    const Status undone = (*resource)->undo(
        {deviation.object, deviation.found, deviation.reference, replaced}, *host_, *host_);
    if (!undone.ok()) return fmt::format("{}: {}", undone.error().name, undone.error().detail);
    ++undone_;
    const std::string after = words(state_of(*host_));
    return after == before ? "" : before + " -> " + after;
  }
  std::size_t undone() const { return undone_; }

 private:
  bool coin() { return dice_.below(2) == 0; }
  std::uint32_t random_mode() { return static_cast<std::uint32_t>(dice_.below(01000)) | 0400; }
  std::uint32_t random_id() {
    return can_change_users() ? static_cast<std::uint32_t>(dice_.below(5)) : geteuid();
  }

  void make_object() {
    kind_ = static_cast<int>(dice_.below(4));
    if (kind_ == 3) return;  // nothing there: the fix makes it
    is_directory_ = kind_ == 2 && coin();
    if (is_directory_)
      tree_.add_directory(object, random_mode());
    else
      tree_.add_file(object, 0600, fmt::format("content {}\n", dice_.below(1'000)));
    FileReference reference{object, tree_.facts(object)};
    if (can_change_users()) REQUIRE(host_->set_owner(reference, random_id(), random_id()).ok());
    REQUIRE(host_->set_mode(reference, random_mode()).ok());
    if (!is_directory_ && coin()) {
      const Acl list{{AclTag::owner, 0, 6},
                     {AclTag::user, 3, static_cast<std::uint32_t>(dice_.below(8))},
                     {AclTag::owning_group, 0, 4},
                     {AclTag::mask, 0, 7},
                     {AclTag::other, 0, 0}};
      const Status given = host_->set_acl(reference, AclUse::access, list);
      has_list_ = given.ok();
    }
  }

  // 0: attributes, 1: content, 2: absent, 3: made by the fix.
  Rule make_rule() {
    Rule rule;
    rule.id = "trial";
    rule.kind = "file";
    rule.keep_content = true;
    Value::Map fields{{"path", object}};
    if (kind_ == 2) {
      fields.emplace_back("absent", true);
    } else if (kind_ == 3 && coin()) {
      fields.emplace_back("type", "directory");
      fields.emplace_back("must_exist", true);
    } else if (kind_ != 0) {
      fields.emplace_back("content", fmt::format("wanted {}\n", dice_.below(1'000)));
    }
    if (kind_ != 2) {
      fields.emplace_back("mode", octal(random_mode()));
      if (coin()) fields.emplace_back("owner", std::to_string(random_id()));
      if (coin() && can_change_users()) fields.emplace_back("group", std::to_string(random_id()));
    }
    rule.fields = std::move(fields);
    return rule;
  }

  Dice& dice_;
  TemporaryTree tree_;
  std::unique_ptr<LinuxHost> host_;
  int kind_ = 0;
  bool is_directory_ = false;
  bool has_list_ = false;
  std::size_t undone_ = 0;
};

// A fix of a file's mode, and what it takes to undo it.
struct Undone {
  TemporaryTree tree;
  std::unique_ptr<LinuxHost> host;
  std::unique_ptr<Resource> resource;
  Kept kept;

  explicit Undone(Value::Map fields, bool keeps = false) {
    tree.add_directory("/etc");
    tree.add_file(object, 0640, "before\n");
    host = *LinuxHost::open(tree.root());
    Rule rule;
    rule.id = "undone";
    rule.kind = "file";
    rule.keep_content = keeps;
    fields.emplace_back("path", object);
    rule.fields = std::move(fields);
    resource = *bind_rule(rule);
    const auto found = resource->check(*host, Scope{object});
    const Deviation& deviation = found->deviations.front();
    kept = {deviation.object, deviation.found, deviation.reference,
            resource->replaced_by_fix(deviation, *host)};
    REQUIRE(resource->fix(deviation, *host, *host).ok());
  }
  std::string undo() const {
    const Status undone = resource->undo(kept, *host, *host);
    return undone.ok() ? "" : undone.error().name;
  }
};

}  // namespace

TEST_CASE("random fixes of files are undone exactly") {
  const bool is_long = std::getenv("REEVE_TEST_LONG") != nullptr;
  const std::size_t trials = is_long ? 1'500 : 300;
  Dice dice{20'261'126};
  std::size_t undone = 0;
  for (std::size_t i = 0; i < trials; ++i) {
    Trial trial(dice);
    INFO("trial ", i);
    CHECK(trial.run() == "");
    undone += trial.undone();
  }
  CHECK(undone > trials * 4 / 5);
}

TEST_CASE("what was replaced since is not touched by an undo") {
  Undone world(Value::Map{{"mode", "0600"}});
  world.tree.rename(object, "/etc/aside");  // its inode's number is not given anew
  SUBCASE("by another file") {
    world.tree.add_file(object, 0600, "another\n");
    CHECK(world.undo() == "object_changed");
    CHECK(world.tree.facts(object).mode == 0600);
  }
  SUBCASE("by nothing") { CHECK(world.undo() == "object_changed"); }
  SUBCASE("by a link to a file that matters more") {
    world.tree.add_file("/etc/shadow", 0600);
    world.tree.add_link(object, "/etc/shadow");
    CHECK(world.undo() == "object_changed");
    CHECK(world.tree.facts("/etc/shadow").mode == 0600);
  }
}

TEST_CASE("content comes back only where the rule keeps it") {
  Undone keeping(Value::Map{{"content", "wanted\n"}}, true);
  CHECK(keeping.undo() == "");
  CHECK(text_of(*keeping.host->read_head(object, 100)) == "before\n");
  Undone forgetting(Value::Map{{"content", "wanted\n"}});
  CHECK_FALSE(forgetting.kept.replaced.text.has_value());
  CHECK(forgetting.undo() == "content_not_kept");
  Undone removed(Value::Map{{"absent", true}});
  CHECK(removed.undo() == "content_not_kept");
  CHECK_FALSE(removed.tree.exists(object));
}

TEST_CASE("what was made by a fix and is used since stays") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  auto host = *LinuxHost::open(tree.root());
  Rule rule;
  rule.id = "made";
  rule.kind = "file";
  rule.fields = Value::Map{{"path", object}, {"type", "directory"}, {"must_exist", true}};
  auto resource = *bind_rule(rule);
  const auto found = resource->check(*host, Scope{object});
  const Deviation& deviation = found->deviations.front();
  REQUIRE(resource->fix(deviation, *host, *host).ok());
  tree.add_file(object + "/used");
  const Status undone =
      resource->undo({object, "", deviation.reference, {true, {}, {}, {}}}, *host, *host);
  CHECK(undone.error().name == "directory_not_empty");
  CHECK(tree.exists(object + "/used"));
}

}  // namespace reeve
