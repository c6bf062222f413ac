#include <doctest/doctest.h>

#include "controller/cli/json.h"
#include "controller/cli/terminal.h"

using namespace reeve;
using namespace reeve::cli;

TEST_CASE("text is padded or cut by characters, never inside one") {
  CHECK(fit("abc", 5) == "abc  ");
  CHECK(fit("abcdef", 5) == "ab...");
  CHECK(fit_tail("/etc/ssh/sshd_config", 14) == "...sshd_config");
  CHECK(fit("h\u00e4\u00e4\u00e4\u00e4\u00e4", 4) == "h...");
  CHECK(width_of("h\u00e4\u00e4") == 3);
  CHECK(padded("abcdef", 3) == "abcdef");
  CHECK(counted(1, "host") == "1 host");
  CHECK(counted(0, "host") == "0 hosts");
}

TEST_CASE("an error has its name, its words and the next step, and no control bytes") {
  CHECK(error_text({.name = "usage", .detail = "no\x1b[31m", .next = "try"}) ==
        "reeve: error usage: no\\x1B[31m\n  next: try\n");
  CHECK(error_text({.name = "a", .detail = "b"}) == "reeve: error a: b\n");
}

TEST_CASE("every value has a JSON form") {
  const Value value = Value::Map{{"text", "a\"b\n"},
                                 {"number", -5},
                                 {"big", UINT64_MAX},
                                 {"yes", true},
                                 {"nothing", Value()},
                                 {"bytes", Value(Bytes{0x00, 0xff})},
                                 {"list", Value::Array{1, "x"}}};
  CHECK(json_of(value) == R"({"text":"a\"b\n","number":-5,"big":18446744073709551615,"yes":true,)"
                          R"("nothing":null,"bytes":"00ff","list":[1,"x"]})");
}

TEST_CASE("an object keeps its members' order and quotes their names") {
  JsonObject out;
  out.text("a\"", "b").number("n", -1).claim("c", true).texts("t", {"x", "y"});
  add_time(out, "never", 0);
  add_time(out, "then", 1'767'225'600'000'000'000);
  CHECK(out.line() ==
        "{\"a\\\"\":\"b\",\"n\":-1,\"c\":true,\"t\":[\"x\",\"y\"],\"never\":null,"
        "\"then\":\"2026-01-01T00:00:00.000Z\"}\n");
}

TEST_CASE("long text is wrapped between words, and a word that is too long in pieces") {
  CHECK(wrapped("one two three", 7) == std::vector<std::string>{"one two", "three"});
  CHECK(wrapped("", 7) == std::vector<std::string>{""});
  CHECK(wrapped("a 123456789 b", 4) == std::vector<std::string>{"a", "1234", "5678", "9 b"});
  CHECK(field_lines("left", std::string(70, 'x')) ==
        "  left        " + std::string(66, 'x') + "\n              xxxx\n");
}
