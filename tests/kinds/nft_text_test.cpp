// What may not stand in a table's body or a required rule: a table of attempts to reach beyond it.
#include "agent/kinds/nft_text.h"

#include <doctest/doctest.h>

#include "agent/kinds/nft_listing.h"

namespace reeve {

namespace {

struct Case {
  std::string_view text;
  std::string_view complaint;  // a part of the detail
};

std::string complaint_of(const Status& judged) {
  if (judged.ok()) return "nothing";
  return judged.error().name == "firewall_escape" ? judged.error().detail : judged.error().name;
}

}  // namespace

TEST_CASE("what a table may be made of passes, command words in strings and comments too") {
  for (const std::string_view body : {
           "",
           "\n\n",
           "chain input {\n\ttype filter hook input priority 0; policy drop;\n}",
           "chain a { tcp dport 22 accept; }\nchain b { tcp dport 80 accept; }",
           "chain a { tcp dport 22 reject with tcp reset; }",
           "chain a { log prefix \"flush ruleset } \" accept # } delete \"table\n}",
           "# include \"/etc/passwd\"\nchain a { }",
           "chain a { } # a last line without its end",
           "chain a { } # a \"quote that is left open",
           "chain a { } # a backslash at the end \\\nchain b { }",
           "chain a {\n tcp dport \\\n 22 accept\n}",
           "set s { type ipv4_addr; flags dynamic; }\nchain a {\n add @s { ip saddr }\n}",
           "set s { type ipv4_addr; flags dynamic; }\nchain a { update @s { ip saddr } }",
           "map m { type ipv4_addr : verdict; elements = { 10.0.0.1 : accept } }",
           "chain a { tcp dport vmap { 22 : accept, 80-90 : drop } }",
           "set s { typeof ip saddr . tcp dport; elements = { 10.0.0.1 . 22 comment \"x { y\" } }",
           "flags dormant\ncomment \"ours { \"\nchain a { }",
           "define web = { 80, 443 }\nchain a { tcp dport $web accept }",
           "ct helper ftp { type \"ftp\" protocol tcp; }\nlimit l { rate 5/second; }",
           "chain a { ct event set new,destroy; @th,16,16 22 accept; }",
           "chain a { log prefix \"fl\xc3\xa4"
           "che\" accept }",
       })
    CHECK_MESSAGE(complaint_of(judge_table_body(body)) == "nothing", body);
}

TEST_CASE("a body that would reach beyond its table is refused with the line") {
  constexpr Case cases[] = {
      // Leaving the table's braces.
      {"}\ntable ip filter {", "line 1: \"}\" would close the table itself"},
      {"chain a { }\n}\nflush ruleset\ntable inet x {", "line 2: \"}\" would close the table"},
      {"chain a { tcp dport { 22 } } }", "line 1: \"}\" would close the table"},
      {"chain a {\n\n", "line 3: a \"{\" is left open"},
      {"chain a { ip saddr { 10.0.0.1, { 10.0.0.2 }", "a \"{\" is left open"},
      // Swallowing the brace that follows the body.
      {"chain a { log prefix \"open\n}", "line 1: a quote is left open"},
      {"chain a { }\ncomment \"", "line 2: a quote is left open"},
      {"chain a { log prefix \"over\nlines\" }", "a quote is left open"},
      {"chain a { } \\", "line 1: a backslash that does not end its line"},
      {"chain a { log prefix \"x\\\" } }\ntable ip y {\n#\" }", "a backslash within quotes"},
      {"chain a { iifname eth\\* accept }", "a backslash that does not end its line"},
      // A brace in a comment or in quotes is none, so that it cannot make up for another.
      {"chain a { # }\n", "a \"{\" is left open"},
      {"chain a { log prefix \"}\" ", "a \"{\" is left open"},
      {"# {\n}", "line 2: \"}\" would close the table"},
      {"# \"\n} # \"", "line 2: \"}\" would close the table"},
      {"chain a { } # \\\n}", "line 2: \"}\" would close the table"},
      // Commands.
      {"include \"/etc/nftables.conf\"", "\"include\" is a command"},
      {"chain a {\n include \"/tmp/x\"\n}", "line 2: \"include\" is a command"},
      {"chain a { tcp dport 22include \"/tmp/x\" }", "\"include\" is a command"},
      {"define x = 1; include \"/tmp/x\"", "\"include\" is a command"},
      {"chain a { accept; flush ruleset }", "\"flush\" is a command"},
      {"chain a {\n accept\n}\nflush ruleset", "line 4: \"flush\" is a command"},
      {"chain a { \\\nflush ruleset }", "line 2: \"flush\" is a command"},
      {"chain a { delete @s { ip saddr } }", "\"delete\" is a command"},
      {"delete table ip filter", "\"delete\" is a command"},
      {"chain a { destroy table ip filter }", "\"destroy\" is a command"},
      {"chain a { } destroy table ip filter", "\"destroy\" begins no part"},
      {"chain a { reset counters }", "\"reset\" is a command"},
      {"rename chain ip filter INPUT x", "\"rename\" is a command"},
      {"replace rule ip filter INPUT handle 3 accept", "\"replace\" begins no part"},
      {"import ruleset json", "\"import\" is a command"},
      {"export ruleset json", "\"export\" is a command"},
      {"monitor", "\"monitor\" is a command"},
      {"list ruleset", "\"list\" begins no part"},
      {"table ip filter { }", "\"table\" begins no part"},
      {"chain a { table ip filter { } }", "\"table\" is a command"},
      {"add table ip filter", "\"add\" begins no part"},
      {"chain a { }; add rule ip filter INPUT accept", "\"add\" begins no part"},
      {"chain a { add rule ip filter INPUT accept }", "\"add\" is a command"},
      {"chain a { insert rule ip filter INPUT accept }", "\"insert\" is a command"},
      {"rule ip filter INPUT accept", "\"rule\" begins no part"},
      {"accept", "\"accept\" begins no part"},
      {"{ }", "nothing"},  // nft refuses it; nothing of it is outside
      {"\"chain\" a { }", "begins no part"},
      {"@x", "begins no part"},
      // What a reviewer would not see.
      {"chain a { accept }\r\n}", "line 1: has a character that is not printable"},
      {std::string_view("chain a {\0 }", 12), "not printable"},
      {"chain a { accept\x1b[2K }", "not printable"},
      {"chain a { accept\x7f }", "not printable"},
      {"chain a {\n# \xe2\x80\xae } accept\n}", "line 2: has a character that is not printable"},
      {"chain a { log prefix \"\xff\" }", "not printable"},
  };
  for (const Case& one : cases) {
    const std::string complaint = complaint_of(judge_table_body(one.text));
    CHECK_MESSAGE(complaint.find(one.complaint) != std::string::npos, one.text, " => ", complaint);
  }
}

TEST_CASE("one rule passes as a required rule") {
  for (const std::string_view rule : {
           "tcp dport 22 drop",
           "  tcp dport { 22, 80-90 } counter drop",
           "ip saddr vmap { 10.0.0.1 : drop, 10.0.0.2 : return }",
           "iifname \"eth0\" log prefix \"seen; { \" level info",
           "@th,16,16 22 drop",
           "ct state invalid drop",
           "tcp dport 23 reject with tcp reset",
       })
    CHECK_MESSAGE(complaint_of(judge_rule_text(rule)) == "nothing", rule);
}

TEST_CASE("a required rule that is more than one rule, or reaches elsewhere, is refused") {
  constexpr Case cases[] = {
      {"", "there is no rule"},
      {"   ", "there is no rule"},
      {"accept\nflush ruleset", "one rule: no end of line"},
      {"accept; drop", "no \";\""},
      {"accept # the rest", "without a \"#\" comment"},
      {"# the rest", "without a \"#\" comment"},
      {"tcp dport 22 \\\n drop", "stands on one line"},
      {"tcp dport 22 drop \\", "a backslash"},
      {"accept comment \"reeve:other\"", "\"comment\" is not for a required rule"},
      {"jump evil", "\"jump\""},
      {"goto evil", "\"goto\""},
      {"jump { accept }", "\"jump\""},
      {"tcp dport vmap { 22 : jump evil }", "\"jump\""},
      {"position 3 accept", "\"position\" begins no rule"},
      {"index 0 accept", "\"index\" begins no rule"},
      {"handle 3 accept", "\"handle\" begins no rule"},
      {"add @s { ip saddr }", "\"add\" begins no rule"},
      {"ip saddr @bad drop", "cannot use a set by name"},
      {"ip saddr . tcp dport @through drop", "cannot use a set by name"},
      {"meter m { ip saddr limit rate 1/second } accept", "\"meter\""},
      {"tcp dport $web accept", "no variables"},
      {"include \"/etc/x\"", "\"include\""},
      {"flush ruleset", "\"flush\""},
      {"tcp dport 22 accept }", "without its \"{\""},
      {"tcp dport { 22 accept", "left open"},
      {"log prefix \"open accept", "a quote is left open"},
      {"log prefix \"a\\\" accept", "a backslash within quotes"},
      {"accept\r", "not printable"},
  };
  for (const Case& one : cases) {
    const std::string complaint = complaint_of(judge_rule_text(one.text));
    CHECK_MESSAGE(complaint.find(one.complaint) != std::string::npos, one.text, " => ", complaint);
  }
}

TEST_CASE("names that need no quotes are plain, others are not") {
  for (const char* name : {"a", "_x", "DOCKER-USER", "f2b-sshd", "reeve_web.2"})
    CHECK_MESSAGE(is_plain_nft_name(name), name);
  for (const char* name : {"", "9a", "-a", "a b", "a;b", "a/b", "a\"", "a\n", "\xc3\xa4", "a{"})
    CHECK_MESSAGE(!is_plain_nft_name(name), name);
  CHECK_FALSE(is_plain_nft_name(std::string(129, 'a')));
}

TEST_CASE("sets and maps are found where a table declares them, not within others") {
  const auto sets = declared_sets(
      "set a { type ipv4_addr; }\n# set b { }\nmap c { type ipv4_addr : verdict; }\n"
      "chain set { log prefix \"set d {\" meta mark set 1 }\nset e { }");
  CHECK(sets == std::vector<std::string_view>{"a", "c", "e"});
}

TEST_CASE("a set's elements are found in a listing") {
  constexpr std::string_view listing =
      "table inet x {\n\tset bans {\n\t\ttype ipv4_addr\n\t\tflags timeout\n"
      "\t\telements = { 10.0.0.1 timeout 1h expires 59m59s comment \"a } b\",\n"
      "\t\t\t     10.0.0.2 }\n\t}\n\n\tset empty {\n\t\ttype ipv4_addr\n\t}\n\n"
      "\tchain bans {\n\t\tip saddr { 10.0.0.3 } drop\n\t}\n"
      "\tmap m {\n\t\ttype ipv4_addr : verdict\n\t\telements = { 10.0.0.9 : accept }\n\t}\n}\n";
  const auto bans = listed_elements(listing, "bans");
  CHECK(bans.state == ListedState::readable);
  CHECK(bans.braced ==
        "{ 10.0.0.1 timeout 1h expires 59m59s comment \"a } b\",\n\t\t\t     10.0.0.2 }");
  CHECK(listed_elements(listing, "m").braced == "{ 10.0.0.9 : accept }");
  CHECK(listed_elements(listing, "empty").state == ListedState::none);
  CHECK(listed_elements(listing, "other").state == ListedState::none);
}

TEST_CASE("elements whose comments play tricks are never handed on as more than elements") {
  const auto state_of = [](std::string_view elements) {
    const std::string listing =
        "table inet x {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 10.0.0.1 comment \"" +
        std::string(elements) + "\" }\n\t}\n}\n";
    return listed_elements(listing, "s").state;
  };
  CHECK(state_of("plain") == ListedState::readable);
  CHECK(state_of("a\" ; flush ruleset ; \"b") == ListedState::doubtful);
  CHECK(state_of("a\"\n#") == ListedState::doubtful);
  CHECK(state_of("a\\") == ListedState::doubtful);
  CHECK(state_of("a\nb") == ListedState::doubtful);
  CHECK(state_of("a\", include \"/etc/x") == ListedState::doubtful);
  // Balanced, but no elements: nft refuses them. What is cut off at a brace is the first part.
  CHECK(state_of("a\", { \"b") == ListedState::readable);
  CHECK(state_of("a\" }\n\t}\n}\nflush ruleset\n\"b") == ListedState::readable);
}

}  // namespace reeve
