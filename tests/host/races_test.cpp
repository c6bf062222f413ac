#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <random>

#include "agent/linux_host.h"
#include "tests/host/flipper.h"
#include "tests/host/temporary_tree.h"

namespace reeve {

namespace {

constexpr unsigned attacker = 65534;
constexpr std::uint64_t flips_min = 2'000;
// On a victim it would show in the mode.
const Acl opening = {{AclTag::owner, 0, 6},
                     {AclTag::user, attacker, 7},
                     {AclTag::owning_group, 0, 6},
                     {AclTag::mask, 0, 7},
                     {AclTag::other, 0, 6}};

// Each change runs the first figure; REEVE_RACE_ITERATIONS raises it for long runs.
std::uint64_t iterations() {
  const char* asked = std::getenv("REEVE_RACE_ITERATIONS");
  return asked == nullptr ? 20'000 : std::strtoull(asked, nullptr, 10);
}

// What root owns and no act may change, and what the attacker owns and swaps.
struct Field {
  TemporaryTree tree;
  std::vector<std::string> victims = {"/victim", "/victim/x", "/victim/b", "/victim/b/x",
                                      "/victim/b/r"};

  Field() {
    tree.add_directory("/victim");
    tree.add_directory("/victim/b");
    for (std::string path : {"/victim/x", "/victim/b/x", "/victim/b/r"}) tree.add_file(path, 0640);
    tree.add_directory("/home");
    tree.add_directory("/home/a");
    tree.add_directory("/home/a/b");
    for (std::string path :
         {"/home/x", "/home/h", "/home/f", "/home/m", "/home/m2", "/home/a/b/x", "/home/a/b/r"})
      tree.add_file(path, 0640);
    tree.add_link("/home/x2", "../victim/x");
    tree.add_link("/home/a2", "/victim");
    tree.add_link("/home/a/b2", tree.at("/victim/b"));
    tree.add_hard_link("/victim/x", "/home/h2");
    tree.add_fifo("/home/f2");
    for (std::string path :
         {"/home", "/home/a", "/home/a/b", "/home/x", "/home/x2", "/home/a2", "/home/a/b2",
          "/home/h", "/home/f", "/home/f2", "/home/m", "/home/m2", "/home/a/b/x", "/home/a/b/r"})
      tree.set_owner(path, attacker);
  }

  std::vector<std::pair<std::string, std::string>> swaps() const {
    std::vector<std::pair<std::string, std::string>> out;
    for (std::string name : {"/home/x", "/home/a", "/home/a/b", "/home/h", "/home/f", "/home/m"})
      out.emplace_back(tree.at(name), tree.at(name + "2"));
    return out;
  }

  // The attacker's own file that no act is meant for, under either of its names.
  FileFacts bystander(std::uint64_t inode) const {
    FileFacts first = tree.facts("/home/m");
    return first.inode == inode ? first : tree.facts("/home/m2");
  }

  // Without the number of names: a new file may take the place of the attacker's own hard link to
  // a victim (file_replacement.h), and costs the attacker a name.
  std::vector<FileFacts> state() const {
    std::vector<FileFacts> out;
    for (const std::string& path : victims) {
      out.push_back(tree.facts(path));
      out.back().links = 0;
    }
    return out;
  }
};

const std::vector<std::string> targets = {"/home/x", "/home/a/b/x", "/home/a/b/r",
                                          "/home/h", "/home/f",     "/home/m"};

// Independent draws, the same in every run.
using Dice = std::minstd_rand;

struct Tally {
  std::uint64_t done = 0;
  std::uint64_t unsafe = 0;
  std::uint64_t changed = 0;
};

void count(Tally& tally, const Status& status) {
  if (status.ok()) ++tally.done;
  if (!status.ok() && status.error().name == "unsafe_path") ++tally.unsafe;
  if (!status.ok() && status.error().name == "object_changed") ++tally.changed;
}

// What an act is told that it looked at: half of the time the truth, and half of the time the
// victim itself, as if the attacker had won the race before the check. Then only the way there
// can save the victim.
std::optional<FileReference> reference(const LinuxHost& host, const std::vector<FileFacts>& victims,
                                       const std::string& path, Dice& dice) {
  if (dice() % 2 == 0) return FileReference{path, victims[dice() % victims.size()]};
  auto facts = host.look(path);
  if (!facts.ok() || !*facts) return std::nullopt;
  return FileReference{path, **facts};
}

void act(LinuxHost& host, const FileReference& object, Dice& dice, Tally& tally) {
  bool removable = object.path.ends_with("/r");
  if (removable) return count(tally, host.remove(object));
  // Rare, as each of these that is done waits for the disk. Not on /home/m: whatever has the name
  // when rename(2) comes is replaced (file_replacement.h), so a bystander may be as well.
  if (dice() % 32 == 0 && object.path != "/home/m")
    return count(tally, host.put_file(object, {"theirs", attacker, attacker, 0666, {}}));
  if (dice() % 4 == 0) return count(tally, host.set_acl(object, AclUse::access, opening));
  if (dice() % 3 == 0) return count(tally, host.set_owner(object, attacker, attacker));
  count(tally, host.set_mode(object, dice() % 2 == 0 ? 0666 : 0600));
}

}  // namespace

TEST_CASE("the swaps do redirect an act that takes no care" * doctest::skip(!can_change_users())) {
  Field field;
  FileFacts before = field.tree.facts("/victim/b/x");
  Flipper flipper(field.swaps(), field.tree.at("/home/a/b/r"));
  bool hit = false;
  for (std::uint64_t i = 0; i < 5'000'000 && !hit; ++i) {
    chmod(field.tree.at("/home/a/b/x").c_str(), 0666);
    hit = field.tree.facts("/victim/b/x") != before;
  }
  CHECK(hit);
}

TEST_CASE("nobody who swaps names can redirect an act" * doctest::skip(!can_change_users())) {
  Field field;
  auto host = LinuxHost::open(field.tree.root());
  REQUIRE(host.ok());
  const std::vector<FileFacts> before = field.state();
  const FileFacts meant = field.tree.facts("/home/m");
  const FileFacts bystander = field.tree.facts("/home/m2");
  Flipper flipper(field.swaps(), field.tree.at("/home/a/b/r"));
  Tally tally;
  Dice dice(1);
  // Bounded also where the attacker gets little of the processor.
  std::uint64_t i = 0;
  for (; i < iterations() || (flipper.flips() < flips_min && i < 5'000'000); ++i) {
    const std::string& path = targets[dice() % targets.size()];
    std::optional<FileReference> object = FileReference{path, meant};
    if (path != "/home/m") object = reference(**host, before, path, dice);
    if (object) act(**host, *object, dice, tally);
  }
  flipper.stop();
  CHECK(field.state() == before);
  CHECK(field.bystander(bystander.inode) == bystander);
  CHECK(flipper.flips() >= flips_min);
  CHECK(tally.done > 0);
  CHECK(tally.unsafe > 0);
  CHECK(tally.changed > 0);
  MESSAGE(fmt::format("{} acts against {} swaps: {} done, {} unsafe, {} changed", i,
                      flipper.flips(), tally.done, tally.unsafe, tally.changed));
}

}  // namespace reeve
