#include "agent/sensors/files.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "agent/sensors/fanotify_queue.h"
#include "agent/sensors/inotify_queue.h"
#include "agent/sensors/sensor_limits.h"
#include "tests/host/temporary_tree.h"

namespace reeve {

namespace {

using Woken = std::set<std::string>;

// Every case holds for both of the kernel's ways; the suite is run once for each.
bool wants_fanotify() { return std::getenv("REEVE_TEST_FANOTIFY") != nullptr; }

std::unique_ptr<DirectoryQueue> queue() {
  if (wants_fanotify()) {
    auto fanotify = FanotifyQueue::open();
    if (fanotify.ok()) return std::move(*fanotify);
    fmt::print("SKIP fanotify: it takes CAP_SYS_ADMIN\n");
  }
  auto inotify = InotifyQueue::open();
  REQUIRE(inotify.ok());
  return std::move(*inotify);
}

// A sensor on a tree. Events are in the kernel's queue when the call that makes them returns, so
// that no test waits.
class Watched {
 public:
  explicit Watched(const TemporaryTree& tree, std::vector<Watch> watches = {}) {
    auto sensor = FileSensor::open(tree.root(), queue(), nullptr);
    REQUIRE(sensor.ok());
    sensor_ = std::move(*sensor);
    if (!watches.empty()) watch(std::move(watches));
  }

  // Rule n is the nth watch.
  void watch(std::vector<Watch> watches) {
    std::vector<std::pair<WatchId, Watch>> all;
    for (Watch& one : watches) all.emplace_back(static_cast<WatchId>(all.size()), std::move(one));
    CHECK(sensor_->watch(all).empty());
  }

  // "0 /etc/x" for an object, "0 *" for a whole rule.
  Woken woken() {
    Woken out;
    SensorReport report = sensor_->drain();
    CHECK_FALSE(report.overflowed);
    CHECK(report.blind_spots.empty());
    for (const Wake& wake : report.wakes) {
      CHECK(wake.cause.via == sensor_->name());
      CHECK(wake.cause.confidence == Confidence::unknown);
      out.insert(fmt::format("{} {}", wake.rule, wake.object.value_or("*")));
    }
    return out;
  }

  FileSensor& sensor() { return *sensor_; }

 private:
  std::unique_ptr<FileSensor> sensor_;
};

// How many events the kernel keeps for one queue.
std::size_t queue_length() {
  Fd bound(open(wants_fanotify() ? "/proc/sys/fs/fanotify/max_queued_events"
                                 : "/proc/sys/fs/inotify/max_queued_events",
                O_RDONLY | O_CLOEXEC));
  std::string text(32, '\0');
  ssize_t size = read(bound.get(), text.data(), text.size() - 1);
  return size <= 0 ? 0 : std::strtoull(text.c_str(), nullptr, 10);
}

Watch path_watch(std::string path) { return {std::move(path), false, false}; }
Watch tree_watch(std::string path) { return {std::move(path), true, false}; }
Watch glob_watch(std::string path) { return {std::move(path), false, true}; }

}  // namespace

TEST_CASE("a write wakes the rules that want content, before the file is closed, and no others") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_file("/etc/x", 0644, "old");
  tree.add_file("/etc/y", 0644, "old");
  tree.add_directory("/run");
  tree.add_file("/run/z", 0644, "old");
  tree.add_link("/etc/z", "../run/z");
  auto content_watch = [](std::string path) {
    Watch watch = path_watch(std::move(path));
    watch.content = true;
    return watch;
  };
  Watched watched(tree, {content_watch("/etc/x"), path_watch("/etc/x"), tree_watch("/etc"),
                         path_watch("/etc/z"), content_watch("/etc/z")});
  Fd writer(open(tree.at("/etc/x").c_str(), O_WRONLY | O_CLOEXEC));
  CHECK(watched.woken().empty());
  REQUIRE(write(writer.get(), "new", 3) == 3);
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  writer = Fd();
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  Fd other(open(tree.at("/etc/y").c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(write(other.get(), "new", 3) == 3);
  CHECK(watched.woken().empty());
  Fd target(open(tree.at("/run/z").c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(write(target.get(), "new", 3) == 3);
  CHECK(watched.woken() == Woken{"4 /etc/z"});
}

TEST_CASE("attributes, creation, renaming and removal of a watched file wake its rule") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_file("/etc/x");
  Watched watched(tree, {path_watch("/etc/x")});
  CHECK(watched.woken().empty());
  tree.set_mode("/etc/x", 0600);
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  CHECK(watched.woken().empty());
  tree.rename("/etc/x", "/etc/y");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.set_mode("/etc/y", 0640);
  CHECK(watched.woken().empty());
  tree.rename("/etc/y", "/etc/x");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.remove("/etc/x");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.add_file("/etc/x");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
}

TEST_CASE("neighbours of a watched file wake nobody") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_file("/etc/x");
  Watched watched(tree, {path_watch("/etc/x")});
  tree.add_file("/etc/other");
  tree.set_mode("/etc/other", 0600);
  tree.add_directory("/more");
  CHECK(watched.woken().empty());
}

TEST_CASE("several rules on one file are all woken, once each") {
  TemporaryTree tree;
  tree.add_file("/x");
  Watched watched(tree, {path_watch("/x"), path_watch("/x"), path_watch("/y")});
  tree.set_mode("/x", 0600);
  tree.set_mode("/x", 0640);
  CHECK(watched.woken() == Woken{"0 /x", "1 /x"});
}

TEST_CASE("a file in a directory that comes later is seen from its first moment on") {
  TemporaryTree tree;
  Watched watched(tree, {path_watch("/a/b/x")});
  tree.add_directory("/a");
  CHECK_FALSE(watched.woken().empty());
  tree.add_directory("/a/b");
  tree.add_file("/a/b/x");
  CHECK(watched.woken() == Woken{"0 /a/b/x"});
  tree.set_mode("/a/b/x", 0600);
  CHECK(watched.woken() == Woken{"0 /a/b/x"});
}

TEST_CASE("a replaced directory on the way wakes the rule and is watched in its stead") {
  TemporaryTree tree;
  for (std::string path : {"/a", "/a/b", "/c", "/c/b"}) tree.add_directory(path);
  tree.add_file("/a/b/x");
  tree.add_file("/c/b/x");
  Watched watched(tree, {path_watch("/a/b/x")});
  tree.rename("/a", "/old");
  tree.rename("/c", "/a");
  CHECK(watched.woken() == Woken{"0 /a/b/x"});
  tree.set_mode("/a/b/x", 0600);
  CHECK(watched.woken() == Woken{"0 /a/b/x"});
  tree.set_mode("/old/b/x", 0600);
  CHECK(watched.woken().empty());
}

TEST_CASE("behind links the file is watched where they lead, and the links are watched too") {
  TemporaryTree tree;
  for (std::string path : {"/run", "/run/one", "/run/two"}) tree.add_directory(path);
  tree.add_file("/run/one/x");
  tree.add_file("/run/two/x");
  tree.add_link("/etc", "run/one");
  Watched watched(tree, {path_watch("/etc/x")});
  tree.set_mode("/run/one/x", 0600);
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.remove("/etc");
  tree.add_link("/etc", "/run/two");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.set_mode("/run/two/x", 0600);
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.set_mode("/run/one/x", 0640);
  CHECK(watched.woken().empty());
  tree.rename("/run/two", "/run/three");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
}

TEST_CASE("what a final link leads to is watched, also when the link comes later") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_directory("/run");
  tree.add_file("/run/one");
  tree.add_file("/run/two");
  tree.add_link("/etc/x", "../run/one");
  Watched watched(tree, {path_watch("/etc/x")});
  tree.set_mode("/run/one", 0600);
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.remove("/etc/x");
  tree.add_link("/etc/x", "/run/two");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.set_mode("/run/two", 0600);
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.set_mode("/run/one", 0640);
  CHECK(watched.woken().empty());
  tree.remove("/etc/x");
  tree.add_file("/etc/x");
  CHECK(watched.woken() == Woken{"0 /etc/x"});
  tree.set_mode("/run/two", 0640);
  CHECK(watched.woken().empty());
}

TEST_CASE("everything below a tree wakes its rule by the object's name") {
  TemporaryTree tree;
  for (std::string path : {"/srv", "/srv/a", "/srv/a/b"}) tree.add_directory(path);
  tree.add_file("/srv/a/b/x");
  Watched watched(tree, {tree_watch("/srv")});
  CHECK(watched.woken().empty());
  tree.set_mode("/srv/a/b/x", 0600);
  CHECK(watched.woken() == Woken{"0 /srv/a/b/x"});
  tree.set_mode("/srv/a/b", 0700);
  CHECK(watched.woken() == Woken{"0 /srv/a/b"});
  tree.set_mode("/srv", 0700);
  CHECK(watched.woken() == Woken{"0 /srv"});
}

TEST_CASE("what is already in a new directory of a tree is not missed") {
  TemporaryTree tree;
  for (std::string path : {"/srv", "/new", "/new/deep", "/new/deep/er"}) tree.add_directory(path);
  tree.add_file("/new/x");
  tree.add_file("/new/deep/er/y");
  Watched watched(tree, {tree_watch("/srv")});
  tree.rename("/new", "/srv/new");
  CHECK(watched.woken() == Woken{"0 /srv/new", "0 /srv/new/x", "0 /srv/new/deep",
                                 "0 /srv/new/deep/er", "0 /srv/new/deep/er/y"});
  tree.set_mode("/srv/new/deep/er/y", 0600);
  CHECK(watched.woken() == Woken{"0 /srv/new/deep/er/y"});
  tree.add_directory("/srv/one");
  tree.add_directory("/srv/one/two");
  tree.add_file("/srv/one/two/z");
  CHECK(watched.woken() == Woken{"0 /srv/one", "0 /srv/one/two", "0 /srv/one/two/z"});
}

TEST_CASE("a directory that leaves a tree is no longer watched") {
  TemporaryTree tree;
  for (std::string path : {"/srv", "/srv/a", "/srv/a/b"}) tree.add_directory(path);
  tree.add_file("/srv/a/b/x");
  Watched watched(tree, {tree_watch("/srv")});
  tree.rename("/srv/a", "/gone");
  CHECK(watched.woken() == Woken{"0 /srv/a"});
  tree.set_mode("/gone/b/x", 0600);
  CHECK(watched.woken().empty());
  tree.rename("/gone", "/srv/back");
  CHECK(watched.woken().count("0 /srv/back/b/x") == 1);
  tree.set_mode("/srv/back/b/x", 0640);
  CHECK(watched.woken() == Woken{"0 /srv/back/b/x"});
  tree.rename("/srv/back", "/srv/other");
  watched.woken();
  tree.set_mode("/srv/other/b/x", 0600);
  CHECK(watched.woken() == Woken{"0 /srv/other/b/x"});
}

TEST_CASE("links in a tree are not followed") {
  TemporaryTree tree;
  tree.add_directory("/srv");
  tree.add_directory("/etc");
  tree.add_file("/etc/x");
  tree.add_link("/srv/etc", "/etc");
  Watched watched(tree, {tree_watch("/srv")});
  tree.set_mode("/etc/x", 0600);
  CHECK(watched.woken().empty());
  tree.add_link("/srv/again", "/etc");
  CHECK(watched.woken() == Woken{"0 /srv/again"});
  tree.set_mode("/etc/x", 0640);
  CHECK(watched.woken().empty());
}

TEST_CASE("a replaced tree wakes the whole rule and is watched anew") {
  TemporaryTree tree;
  for (std::string path : {"/srv", "/srv/a", "/new", "/new/b"}) tree.add_directory(path);
  tree.add_file("/new/b/x");
  Watched watched(tree, {tree_watch("/srv")});
  tree.rename("/srv", "/old");
  tree.rename("/new", "/srv");
  CHECK(watched.woken() == Woken{"0 *", "0 /srv"});
  tree.set_mode("/srv/b/x", 0600);
  CHECK(watched.woken() == Woken{"0 /srv/b/x"});
  tree.set_mode("/old/a", 0700);
  CHECK(watched.woken().empty());
}

TEST_CASE("a tree inside another tree wakes both rules") {
  TemporaryTree tree;
  for (std::string path : {"/srv", "/srv/data"}) tree.add_directory(path);
  tree.add_file("/srv/data/x");
  Watched watched(tree, {tree_watch("/srv/data"), tree_watch("/srv"), path_watch("/srv/data/x")});
  tree.set_mode("/srv/data/x", 0600);
  CHECK(watched.woken() == Woken{"0 /srv/data/x", "1 /srv/data/x", "2 /srv/data/x"});
  tree.rename("/srv/data", "/srv/old");
  CHECK(watched.woken().count("1 /srv/old/x") == 1);
  tree.add_directory("/srv/data");
  CHECK(watched.woken().count("2 /srv/data/x") == 1);
  tree.add_file("/srv/data/x");
  CHECK(watched.woken() == Woken{"0 /srv/data/x", "1 /srv/data/x", "2 /srv/data/x"});
}

TEST_CASE("matches of a pattern are watched, in directories that come later too") {
  TemporaryTree tree;
  for (std::string path : {"/home", "/home/ann", "/home/ann/.ssh"}) tree.add_directory(path);
  tree.add_file("/home/ann/.ssh/id_rsa");
  Watched watched(tree, {glob_watch("/home/*/.ssh/id_*")});
  tree.set_mode("/home/ann/.ssh/id_rsa", 0600);
  CHECK(watched.woken() == Woken{"0 /home/ann/.ssh/id_rsa"});
  tree.add_file("/home/ann/.ssh/config");
  tree.add_file("/home/ann/notes");
  CHECK(watched.woken().empty());
  tree.add_directory("/new");
  tree.add_directory("/new/.ssh");
  tree.add_file("/new/.ssh/id_rsa");
  tree.rename("/new", "/home/bob");
  CHECK(watched.woken() == Woken{"0 /home/bob", "0 /home/bob/.ssh", "0 /home/bob/.ssh/id_rsa"});
  tree.set_mode("/home/bob/.ssh/id_rsa", 0600);
  CHECK(watched.woken() == Woken{"0 /home/bob/.ssh/id_rsa"});
  tree.rename("/home/bob", "/gone");
  watched.woken();
  tree.set_mode("/gone/.ssh/id_rsa", 0640);
  CHECK(watched.woken().empty());
}

TEST_CASE("a pattern follows links to directories where that is safe, and to files") {
  TemporaryTree tree;
  for (std::string path : {"/etc", "/etc/certs", "/usr", "/usr/certs"}) tree.add_directory(path);
  tree.add_file("/usr/certs/a.pem");
  tree.add_link("/etc/certs/a.pem", "/usr/certs/a.pem");
  Watched watched(tree, {glob_watch("/etc/certs/*.pem"), glob_watch("/etc/c*/*.pem")});
  tree.set_mode("/usr/certs/a.pem", 0600);
  CHECK(watched.woken() == Woken{"0 /etc/certs/a.pem", "1 /etc/certs/a.pem"});
  tree.add_link("/etc/copies", "../usr/certs");
  CHECK(watched.woken() == Woken{"1 /etc/copies", "1 /etc/copies/a.pem"});
  tree.set_mode("/usr/certs/a.pem", 0640);
  CHECK(watched.woken().count("1 /etc/copies/a.pem") == 1);
  tree.remove("/etc/copies");
  watched.woken();
  tree.set_mode("/usr/certs/a.pem", 0600);
  CHECK(watched.woken() == Woken{"0 /etc/certs/a.pem", "1 /etc/certs/a.pem"});
}

TEST_CASE("the root itself can be watched") {
  TemporaryTree tree;
  Watched watched(tree, {path_watch("/")});
  tree.set_mode("", 0711);
  CHECK(watched.woken() == Woken{"0 /"});
}

TEST_CASE("new watches replace the old ones") {
  TemporaryTree tree;
  tree.add_file("/x");
  tree.add_file("/y");
  Watched watched(tree, {path_watch("/x")});
  watched.watch({path_watch("/y")});
  tree.set_mode("/x", 0600);
  tree.set_mode("/y", 0600);
  CHECK(watched.woken() == Woken{"0 /y"});
}

TEST_CASE("ten thousand watched files share one watch and wake one by one") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  std::vector<Watch> watches;
  for (int i = 0; i < 10'000; ++i) watches.push_back(path_watch(fmt::format("/etc/f{}", i)));
  tree.add_file("/etc/f7777");
  Watched watched(tree, std::move(watches));
  tree.set_mode("/etc/f7777", 0600);
  CHECK(watched.woken() == Woken{"7777 /etc/f7777"});
}

TEST_CASE("a storm of changes becomes one wake for the whole rule") {
  TemporaryTree tree;
  tree.add_directory("/srv");
  Watched watched(tree, {tree_watch("/srv")});
  for (std::size_t i = 0; i <= limits::sensor_wakes_max; ++i)
    tree.add_link(fmt::format("/srv/f{}", i), "x");
  CHECK(watched.woken() == Woken{"0 *"});
}

TEST_CASE("an overflow is reported, and once renewed what came meanwhile is watched") {
  TemporaryTree tree;
  for (std::string path : {"/srv", "/new", "/new/deep"}) tree.add_directory(path);
  tree.add_file("/new/deep/x");
  tree.add_file("/srv/y");
  Watched watched(tree, {tree_watch("/srv")});
  const std::size_t events = queue_length();
  REQUIRE(events > 0);
  // Equal events that wait count once, so each differs from all others.
  for (std::size_t i = 0; i <= events; ++i) tree.add_link(fmt::format("/srv/{}", i), "y");
  tree.rename("/new", "/srv/new");
  std::size_t overflows = 0;
  for (SensorReport report = watched.sensor().drain(); report.overflowed || !report.wakes.empty();
       report = watched.sensor().drain())
    overflows += report.overflowed ? 1 : 0;
  CHECK(overflows == 1);
  CHECK(watched.sensor().renew().empty());
  CHECK(watched.woken().empty());
  tree.set_mode("/srv/new/deep/x", 0600);
  CHECK(watched.woken() == Woken{"0 /srv/new/deep/x"});
}

TEST_CASE("giving back more watches than the queue holds loses no event") {
  const std::size_t directories = queue_length() + 1;
  if (directories > 40'000) {
    fmt::print("SKIP more watches than the queue holds: it holds {}\n", directories - 1);
    return;
  }
  TemporaryTree tree;
  tree.add_directory("/srv");
  for (std::size_t i = 0; i < directories; ++i) tree.add_directory(fmt::format("/srv/{}", i));
  Watched watched(tree, {tree_watch("/srv")});
  CHECK(watched.woken().empty());
  CHECK(watched.sensor().renew().empty());
  CHECK(watched.woken().empty());
  tree.add_file("/srv/7777/x");
  CHECK(watched.woken() == Woken{"0 /srv/7777/x"});
}

TEST_CASE("a directory that we may not watch is told of as a blind spot" *
          doctest::skip(geteuid() == 0)) {
  TemporaryTree tree;
  tree.add_directory("/closed", 0300);
  Watched watched(tree);
  auto blind = watched.sensor().watch({{0, path_watch("/closed/x")}});
  REQUIRE(blind.size() == 1);
  CHECK(blind[0].find("/closed") != std::string::npos);
  tree.set_mode("/closed", 0700);  // so that it can be cleared away
}

}  // namespace reeve
