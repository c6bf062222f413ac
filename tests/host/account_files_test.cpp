#include "agent/account_files.h"

#include <doctest/doctest.h>

#include "tests/host/temporary_tree.h"

namespace reeve {

TEST_CASE("names and numbers are read from the columns that passwd and group share") {
  AccountNames names = parse_accounts(
      "root:x:0:0:root:/root:/bin/bash\n"
      "daemon:x:1:1::/:\n"
      "toor:x:0:0::/:\n"
      "root:x:7:7::/:\n");
  CHECK(names.ids.at("root") == 0);
  CHECK(names.ids.at("toor") == 0);
  CHECK(names.names.at(0) == "root");
  CHECK(names.ids.at("daemon") == 1);
}

TEST_CASE("lines that name no account are passed over") {
  AccountNames names = parse_accounts(
      "\n:::\n+nis:x:5:\n-out:x:6:\nshort\nshort:x\nword:x:ten:\nminus:x:-1:\n"
      "large:x:4294967296:\nnobody-at-all:x:4294967295:\n:x:9:\ngood:x:8");
  CHECK(names.ids.size() == 1);
  CHECK(names.ids.at("good") == 8);
}

TEST_CASE("a changed file is read again") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_file("/etc/passwd", 0644, "ann:x:1001:\n");
  auto paths = SafePath::open_root(tree.root());
  AccountFile users(*paths, "/etc/passwd");
  users.refresh();
  CHECK(users.id_of("ann") == 1001u);
  CHECK(users.name_of(1001) == "ann");
  CHECK(users.name_of(7) == "7");
  CHECK_FALSE(users.id_of("bob"));
  tree.add_file("/etc/passwd+", 0644, "bob:x:1001:\n");
  tree.rename("/etc/passwd+", "/etc/passwd");
  users.refresh();
  CHECK(users.id_of("bob") == 1001u);
  CHECK_FALSE(users.id_of("ann"));
  tree.remove("/etc/passwd");
  users.refresh();
  CHECK_FALSE(users.id_of("bob"));
}

TEST_CASE("a missing file, a directory and a fifo have no names and stop nothing") {
  TemporaryTree tree;
  auto paths = SafePath::open_root(tree.root());
  AccountFile users(*paths, "/etc/passwd");
  users.refresh();
  CHECK_FALSE(users.id_of("root"));
  tree.add_directory("/etc");
  tree.add_directory("/etc/passwd");
  users.refresh();
  CHECK_FALSE(users.id_of("root"));
  tree.remove("/etc/passwd");
  tree.add_fifo("/etc/passwd");
  users.refresh();
  CHECK_FALSE(users.id_of("root"));
}

TEST_CASE("a passwd that is root's link is read where it leads, inside the root") {
  TemporaryTree tree;
  tree.add_directory("/etc");
  tree.add_directory("/run");
  tree.add_file("/run/passwd", 0644, "ann:x:1001:\n");
  tree.add_link("/etc/passwd", "/run/passwd");
  auto paths = SafePath::open_root(tree.root());
  AccountFile users(*paths, "/etc/passwd");
  users.refresh();
  CHECK(users.id_of("ann") == 1001u);
  tree.add_file("/run/passwd", 0644, "bob:x:1001:\n");
  users.refresh();
  CHECK(users.id_of("bob") == 1001u);
}

}  // namespace reeve
