// Texts tried in scratch namespaces: what they become is what they become on the host, and none of
// them reaches beyond its table.
#include <fmt/format.h>

#include "agent/netfilter/forked_room.h"
#include "agent/netfilter/netfilter_limits.h"
#include "agent/netfilter/nft_words.h"
#include "own_namespace.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {
namespace {

using namespace fixture;

// Counts the children, to show what is remembered.
class CountingRoom final : public ScratchRoom {
 public:
  explicit CountingRoom(int& entered) : entered_(entered) {}
  Result<Fd> enter() override {
    ++entered_;
    return room_.enter();
  }

 private:
  int& entered_;
  ForkedRoom room_;
};

struct Scratch {
  Scratch() {
    auto opened = LinuxRuleset::open(std::make_unique<CountingRoom>(entered));
    REQUIRE(opened.ok());
    ruleset = std::move(*opened);
  }
  Result<Digest> table(const std::string& text, std::vector<std::string> keep = {}) {
    return ruleset->canonical_table({inet_t, text}, keep);
  }
  std::string error_of(const std::string& text) {
    const auto got = table(text);
    return got.ok() ? "ok" : got.error().name;
  }

  int entered = 0;
  std::unique_ptr<Ruleset> ruleset;
};

const std::string good = table_t(
    "set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 }; }\n map m { type "
    "inet_service : verdict; elements = { 22 : accept, 23 : jump free }; }\n chain in { type "
    "filter "
    "hook input priority 0; policy drop;\n iifname \"eth0\" accept\n tcp dport { 22, 80 } accept "
    "comment \"reeve:x\"\n ip saddr @s counter accept\n tcp dport vmap @m\n meta hour "
    "\"08:00\"-\"17:00\" accept\n }\n chain free { counter; }");

NAMESPACE_CASE("an empty directory for a root does as well as a file system of one's own") {
  PacketFilter filter;
  Scratch scratch;
  const TemporaryDirectory empty;
  const auto ruleset = LinuxRuleset::open(std::make_unique<ForkedRoom>(empty.path()));
  REQUIRE(ruleset.ok());
  const auto inside = (*ruleset)->canonical_table({inet_t, good}, {});
  REQUIRE(inside.ok());
  CHECK(*inside == *scratch.table(good));
  const auto gone = LinuxRuleset::open(std::make_unique<ForkedRoom>(empty.path() + "/gone"));
  CHECK((*gone)->canonical_table({inet_t, good}, {}).error().name == "scratch_failed");
}

NAMESPACE_CASE("a text's canonical digest is the digest of the table that it makes on the host") {
  PacketFilter filter;
  Scratch scratch;
  const auto canonical = scratch.table(good);
  REQUIRE(canonical.ok());
  REQUIRE(scratch.ruleset->apply(good).ok());
  CHECK(**scratch.ruleset->table(inet_t, {}) == *canonical);
  const auto kept = scratch.table(good, {"s"});
  REQUIRE(kept.ok());
  CHECK(*kept != *canonical);
  CHECK(**scratch.ruleset->table(inet_t, std::vector<std::string>{"s"}) == *kept);
  const auto rules = scratch.ruleset->canonical_chain({inet_t, good}, "in");
  REQUIRE(rules.ok());
  const auto there = *scratch.ruleset->chain(inet_t, "in");
  REQUIRE(there->size() == rules->size());
  for (std::size_t i = 0; i < rules->size(); ++i) {
    CHECK((*rules)[i].meaning == (*there)[i].meaning);
    CHECK((*rules)[i].comment == (*there)[i].comment);
  }
}

NAMESPACE_CASE("a text is tried once, refusals too") {
  Scratch scratch;
  CHECK(scratch.table(good).ok());
  CHECK(scratch.table(good).ok());
  CHECK(scratch.entered == 1);
  CHECK(scratch.table(good, {"s"}).ok());
  CHECK(scratch.entered == 2);
  CHECK(scratch.error_of(table_t("chain c { nonsense; }")) == "ruleset_refused");
  CHECK(scratch.error_of(table_t("chain c { nonsense; }")) == "ruleset_refused");
  CHECK(scratch.entered == 3);
}

NAMESPACE_CASE("a refusal shows the line that nft means, and none where it could be several") {
  Scratch scratch;
  const auto words = [&](const std::string& text) {
    const auto got = scratch.table(text);
    return got.ok() ? "ok" : got.error().detail;
  };
  const std::string unknown = "Could not resolve service: Servname not supported for ai_socktype";
  CHECK(words(table_t("chain c {\n\ttcp dport 80 accept\n\ttcp dport nonsense accept\n}")) ==
        unknown + " in `tcp dport nonsense accept`");
  CHECK(words(table_t("chain c {\n tcp dport nonsense accept\n udp dport nonsense accept\n}")) ==
        unknown + "; " + unknown);
}

NAMESPACE_CASE("nothing of the trial is left in this namespace") {
  PacketFilter filter;
  Scratch scratch;
  CHECK(scratch.table(good).ok());
  CHECK(filter.reader->tables()->empty());
}

NAMESPACE_CASE("what reaches beyond its table is an escape") {
  Scratch scratch;
  const std::string table = table_t("chain c { accept; }");
  const std::string escapes[] = {
      table + "table inet other { }",
      table_t("chain c { accept; }\n}\ntable ip other {"),
      table + "table ip t { }",
      table + "table ip6 t {\nchain c { }\n}",
      table + "add table ip docker; delete table ip docker",
      table + "flush ruleset",
      "flush ruleset\n" + table,
      table + "delete table inet t",
      table + "destroy table ip docker",
      table + "reset counters",
      table + "list ruleset",
      table + "monitor",
      table + "insert rule inet reeve_canary r drop",
      table + "add element inet reeve_canary s { 5 }",
      table + "add rule ip reeve_canary r drop",
      table + "table inet reeve_canary {\nchain r { drop; }\n}",
      table + "include \"/etc/passwd\"",
      table + "include\\\n \"/etc/nft.d/*.nft\"",
      table_t("include \"/etc/*.nft\""),
      table + "include \"./x\"",
      "table ip t { }",
      "table inet u { }",
      "define x = 1",
      "",
      "# nothing",
      table + std::string(1, '\0') + "flush ruleset",
      table_t("}\nflush ruleset\ntable inet t {"),
  };
  for (const std::string& text : escapes) {
    CAPTURE(text);
    CHECK(scratch.error_of(text) == "firewall_escape");
  }
  CHECK(scratch.ruleset
            ->canonical_table({{"inet", "reeve_canary"}, "table inet reeve_canary { }"}, {})
            .error()
            .name == "firewall_escape");
}

NAMESPACE_CASE("what the empty namespace does not know is refused, with a next step") {
  Scratch scratch;
  const char* names[] = {"tcp dport ssh accept;",       "ip saddr example.org accept;",
                         "meta skuid nobody accept;",   "iif eth0 accept;",
                         "ip protocol ospfigp accept;", "rt classid cosmos accept;"};
  for (const char* rule : names) {
    CAPTURE(rule);
    const auto got = scratch.table(table_t(fmt::format("chain c {{ {} }}", rule)));
    REQUIRE(!got.ok());
    CAPTURE(got.error().detail);
    CHECK(got.error().name == "ruleset_refused");
    CHECK(got.error().next.find("numbers") != std::string::npos);
  }
}

NAMESPACE_CASE("hostile texts are refused and hang nothing") {
  Scratch scratch;
  std::string deep = "table inet t ";
  for (int i = 0; i < 10'000; ++i) deep += "{";
  CHECK(scratch.error_of(deep) == "ruleset_refused");
  for (int i = 0; i < 10'000; ++i) deep += "}";
  CHECK(scratch.error_of(deep) == "ruleset_refused");
  CHECK(scratch.error_of(table_t("chain c { accept;\r }")) == "ruleset_refused");
  CHECK(scratch.error_of(table_t("chain c { log prefix \"x; }")) == "ruleset_refused");
  CHECK(scratch.error_of(std::string(limits::scratch_text_bytes_max + 1, ' ')) ==
        "ruleset_refused");
  std::string brackets = "chain c { meta mark ";
  for (int i = 0; i < 20'000; ++i) brackets += "(";
  const std::string name = scratch.error_of(table_t(brackets + " }"));
  CHECK((name == "ruleset_refused" || name == "scratch_failed"));
  std::string long_text = "chain c {\n";
  while (long_text.size() < limits::scratch_text_bytes_max - 100)
    long_text += "accept # so be it\n";
  // An ordinary user's socket may have no room for so many rules in one transaction.
  const std::string outcome = scratch.error_of(table_t(long_text + "}"));
  CHECK((outcome == "ok" || outcome == "scratch_failed" || outcome == "ruleset_refused"));
  CHECK(scratch.table(good).ok());
}

NAMESPACE_CASE("definitions, comments and quoted texts may hold any words") {
  Scratch scratch;
  CHECK(scratch.error_of("define web = { 80, 443 }\n" +
                         table_t("# flush ruleset }\n chain c { tcp dport $web accept comment \"} "
                                 "flush ruleset #\"; }")) == "ok");
  CHECK(scratch.error_of("add table inet t\nadd chain inet t c; add rule inet t c accept\n") ==
        "ok");
}

}  // namespace
}  // namespace reeve
