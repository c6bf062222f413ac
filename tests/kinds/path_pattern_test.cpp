#include "agent/path_pattern.h"

#include <doctest/doctest.h>

namespace reeve {

TEST_CASE("wildcards match within one component") {
  CHECK(component_matches("*", "passwd"));
  CHECK(component_matches("pass*", "passwd"));
  CHECK(component_matches("*.conf", "a.b.conf"));
  CHECK(component_matches("a*b*c", "aXbYbZc"));
  CHECK_FALSE(component_matches("a*b*c", "aXbYbZ"));
  CHECK(component_matches("id_?sa", "id_rsa"));
  CHECK_FALSE(component_matches("id_?sa", "id_sa"));
  CHECK(component_matches("**", "x"));
}

TEST_CASE("brackets match one byte of a set, a range, or neither") {
  CHECK(component_matches("[abc]x", "bx"));
  CHECK(component_matches("[a-cx-z]", "y"));
  CHECK_FALSE(component_matches("[a-c]", "d"));
  CHECK(component_matches("[!a-c]", "d"));
  CHECK_FALSE(component_matches("[^a-c]", "b"));
  CHECK(component_matches("[]]", "]"));
  CHECK(component_matches("[*]", "*"));
  CHECK_FALSE(component_matches("[*]", "x"));
  CHECK(component_matches("[a-]", "-"));
  CHECK(component_matches("[\x80-\xff]", "\xc3"));
}

TEST_CASE("a leading dot is matched only by a dot") {
  CHECK_FALSE(component_matches("*", ".ssh"));
  CHECK_FALSE(component_matches("?ssh", ".ssh"));
  CHECK_FALSE(component_matches("[.]ssh", ".ssh"));
  CHECK(component_matches(".*", ".ssh"));
}

TEST_CASE("a pattern made to be slow is not") {
  std::string stars;
  for (int i = 0; i < 60; ++i) stars += "*a";
  CHECK_FALSE(component_matches(stars + "b", std::string(255, 'a')));
}

TEST_CASE("a pattern knows the directory that every match lies below") {
  PathPattern pattern("/home/*/.ssh/id_*");
  CHECK(pattern.base() == "/home");
  CHECK(pattern.rest() == std::vector<std::string>{"*", ".ssh", "id_*"});
  CHECK(pattern.matches("/home/bob/.ssh/id_rsa"));
  CHECK_FALSE(pattern.matches("/home/bob/.ssh/more/id_rsa"));
  CHECK_FALSE(pattern.matches("/home/bob/.ssh"));
  CHECK_FALSE(pattern.matches("/homes/bob/.ssh/id_rsa"));
  CHECK(pattern.matches_way("/home/bob"));
  CHECK(pattern.matches_way("/home/bob/.ssh"));
  CHECK_FALSE(pattern.matches_way("/home"));
  CHECK_FALSE(pattern.matches_way("/home/bob/.ssh/id_rsa"));
}

TEST_CASE("patterns at the root and without wildcards work too") {
  PathPattern root("/*.conf");
  CHECK(root.base() == "/");
  CHECK(root.matches("/a.conf"));
  CHECK_FALSE(root.matches("/etc/a.conf"));
  PathPattern literal("/etc/passwd");
  CHECK(literal.base() == "/etc");
  CHECK(literal.matches("/etc/passwd"));
}

TEST_CASE("only plain absolute paths are plain") {
  for (std::string_view path : {"/", "/etc", "/etc/..x", "/.hidden", "/a b"})
    CHECK(is_plain_path(path));
  for (std::string_view path : {"", "etc", "/etc/", "//etc", "/etc//x", "/.", "/..", "/a/../b"})
    CHECK_FALSE(is_plain_path(path));
  CHECK_FALSE(is_plain_path("/" + std::string(256, 'x')));
  CHECK_FALSE(is_plain_path(std::string_view("/a\0b", 4)));
}

TEST_CASE("a pattern with an open bracket is not valid") {
  CHECK(is_valid_pattern("/etc/[ab]*"));
  CHECK_FALSE(is_valid_pattern("/etc/[ab"));
  CHECK_FALSE(is_valid_pattern("/etc/[a/b]"));
  CHECK_FALSE(is_valid_pattern("/etc/[]"));
  CHECK_FALSE(is_valid_pattern("/"));
}

TEST_CASE("paths are taken apart and put together") {
  CHECK(joined("/", "etc") == "/etc");
  CHECK(joined("/etc", "x") == "/etc/x");
  CHECK(directory_of("/etc/x") == "/etc");
  CHECK(directory_of("/etc") == "/");
  CHECK(directory_of("/") == "/");
  CHECK(file_name_of("/etc/x") == "x");
  CHECK(is_below("/etc/x", "/etc"));
  CHECK_FALSE(is_below("/etcetera", "/etc"));
  CHECK_FALSE(is_below("/etc", "/etc"));
  CHECK(is_below("/etc", "/"));
}

}  // namespace reeve
