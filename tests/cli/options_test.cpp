#include "controller/cli/options.h"

#include <doctest/doctest.h>

using namespace reeve;
using namespace reeve::cli;

namespace {

CommandSpec spec() {
  return {
      .name = "push",
      .usage = "FILE...",
      .details = "Pushes.",
      .options = {{"wait", "TIME", "how long"}, {"json", "", "as JSON"}, {"out,o", "FILE", "to"}},
      .operands_min = 1,
      .operands_max = 2};
}

Result<Arguments> parse(std::vector<std::string> words) { return parse_arguments(spec(), words); }

}  // namespace

TEST_CASE("options and operands may come in any order, and the last value of an option counts") {
  const auto got = parse({"a", "--wait", "5s", "--json", "b", "--wait=9s", "-o", "x"});
  REQUIRE(got.ok());
  CHECK(got->operands() == std::vector<std::string>{"a", "b"});
  CHECK(got->value("wait") == "9s");
  CHECK(got->values("wait") == std::vector<std::string>{"5s", "9s"});
  CHECK(got->value("out") == "x");
  CHECK(got->has("json"));
  CHECK_FALSE(got->has("fleet"));
}

TEST_CASE("what follows two dashes is an operand whatever it looks like") {
  const auto got = parse({"--", "--json"});
  REQUIRE(got.ok());
  CHECK(got->operands() == std::vector<std::string>{"--json"});
  CHECK_FALSE(got->has("json"));
}

TEST_CASE("a misspelt option is refused with the one that was probably meant") {
  const auto got = parse({"a", "--wiat", "5s"});
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().name == "usage");
  CHECK(got.error().detail.find("did you mean --wait?") != std::string::npos);
}

TEST_CASE("an option is never taken for a longer one that begins alike") {
  CHECK_FALSE(parse({"a", "--wai", "5s"}).ok());
}

TEST_CASE("too few operands, too many and a missing value are usage errors") {
  CHECK(parse({}).error().name == "usage");
  CHECK(parse({"a", "b", "c"}).error().detail.find("`c`") != std::string::npos);
  CHECK(parse({"a", "--wait"}).error().name == "usage");
}

TEST_CASE("help names every option with its short form and its value") {
  const std::string help = help_text(spec());
  CHECK(help.starts_with("usage: reeve push FILE...\n"));
  CHECK(help.find("--wait TIME") != std::string::npos);
  CHECK(help.find("-o, --out FILE") != std::string::npos);
  CHECK(help.find("--help") != std::string::npos);
}

TEST_CASE("help never needs more than 80 columns for usage and options") {
  CommandSpec wide = spec();
  wide.usage = "FILE... [--some-long-option VALUE] [--another-long-option VALUE] [--json]";
  wide.options.push_back(
      {"some-long-option", "VALUE",
       std::string("word ") + std::string(40, 'x') + " and more words after that one"});
  const std::string help = help_text(wide);
  for (std::size_t at = 0; at < help.size();) {
    const std::size_t end = help.find('\n', at);
    CHECK(end - at <= 80);
    at = end + 1;
  }
}
