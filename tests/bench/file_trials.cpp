// chmod of one of 10,000 watched files until it is put right, each trial another file; the floor is
// a bare loop over a tree of the same shape: inotify, then open, fstat, fchmod, fstat.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <unordered_map>

#include "tests/bench/rig.h"

namespace reeve::bench {
namespace {

constexpr mode_t broken_mode = 0666;

// The files below a tree's /srv/app, as the rules spell them, and their directories.
struct Tree {
  std::string root;
  Fd fd;
  std::vector<std::string> files;
  std::vector<std::string> directories;
  mode_t mode = 0;  // what all of them have
};

mode_t mode_of(int fd) {
  struct stat found {};
  if (fstat(fd, &found) != 0) fail("look at a file");
  return found.st_mode & 07777;
}

Fd open_below(const Tree& tree, const std::string& path) {
  Fd fd(openat(tree.fd.get(), path.c_str() + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) fail("open " + path);
  return fd;
}

Tree read_tree(const std::string& root) {
  Tree tree{root, Fd(open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)), {}, {}, 0};
  if (!tree.fd.is_open()) fail("open " + root);
  for (const auto& site : std::filesystem::directory_iterator(root + "/srv/app")) {
    tree.directories.push_back(site.path().string().substr(root.size()));
    for (const auto& file : std::filesystem::directory_iterator(site.path()))
      tree.files.push_back(file.path().string().substr(root.size()));
  }
  std::sort(tree.files.begin(), tree.files.end());
  if (tree.files.empty()) throw std::runtime_error(root + ": no files below /srv/app");
  tree.mode = mode_of(open_below(tree, tree.files.front()).get());
  return tree;
}

// What a program that does nothing else would do about one file.
void put_right(const Tree& tree, const char* path, FloorPage& page) {
  Fd fd(openat(tree.fd.get(), path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.is_open()) fail(fmt::format("open {}", path));
  if (mode_of(fd.get()) == tree.mode) return;
  if (fchmod(fd.get(), tree.mode) != 0) fail(fmt::format("chmod {}", path));
  if (mode_of(fd.get()) != tree.mode) throw std::runtime_error("a mode did not stay");
  page.verified_ns = now_ns();
}

// One watch a directory, for the events that the product asks for.
void run_floor(const Tree& tree, FloorPage& page) {
  constexpr std::uint32_t mask =
      IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
  Fd queue(inotify_init1(IN_CLOEXEC));
  std::unordered_map<int, std::string> directories;
  for (const std::string& directory : tree.directories) {
    const int watch = inotify_add_watch(queue.get(), (tree.root + directory).c_str(), mask);
    if (watch < 0) fail("watch " + directory);
    directories[watch] = directory.substr(1) + "/";
  }
  page.is_ready = true;
  alignas(inotify_event) std::array<char, 65'536> events;
  while (true) {
    const ssize_t size = read(queue.get(), events.data(), events.size());
    if (size <= 0) fail("read events");
    for (ssize_t at = 0; at < size;) {
      inotify_event head{};
      std::memcpy(&head, events.data() + at, sizeof head);
      const std::string path = directories[head.wd] + (events.data() + at + sizeof head);
      put_right(tree, path.c_str(), page);
      at += static_cast<ssize_t>(sizeof head + head.len);
    }
  }
}

class FileTrials final : public Trials {
 public:
  FileTrials(Tree product, Tree floor) : product_(std::move(product)), floor_(std::move(floor)) {
    if (product_.files != floor_.files) throw std::runtime_error("the two trees differ");
    order_ = product_.files;
    std::shuffle(order_.begin(), order_.end(), std::mt19937_64(7));
  }

  std::string object(std::size_t trial) const override { return order_[trial]; }
  Half product(std::size_t trial) override { return break_one(product_, order_[trial]); }
  Half floor(std::size_t trial) override { return break_one(floor_, order_[trial]); }

 private:
  static Half break_one(const Tree& tree, const std::string& path) {
    const Fd fd = open_below(tree, path);
    Half half;
    half.broken_ns = now_ns();
    if (fchmod(fd.get(), broken_mode) != 0) fail("chmod " + path);
    look_until(path.c_str(), half, [&] { return mode_of(fd.get()) == tree.mode; });
    return half;
  }

  Tree product_;
  Tree floor_;
  std::vector<std::string> order_;
};

}  // namespace

void time_files(const std::string& tree, const std::string& floor_tree, std::size_t trials) {
  Tree floor = read_tree(floor_tree);
  FloorProcess process([&floor](FloorPage& page) { run_floor(floor, page); });
  FileTrials files(read_tree(tree), std::move(floor));
  run_trials({.name = "file", .trials = trials}, files, process);
}

}  // namespace reeve::bench
