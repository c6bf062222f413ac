#include "controller/cli/verify.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <limits>

#include "controller/cli/node_view.h"
#include "controller/cli/record_view.h"
#include "controller/cli/story.h"
#include "controller/cli/terminal.h"
#include "tests/cli/small_fleet.h"

using namespace reeve;
using namespace reeve::cli;

namespace {

constexpr std::int64_t now_ns = SmallFleet::now_ns;

std::uint32_t& rules_in(Heartbeat& heartbeat, RuleState state) {
  return heartbeat.rules[static_cast<std::size_t>(state)];
}

NodeState state_with(const std::function<void(Heartbeat&)>& change) {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  Heartbeat heartbeat = healthy_heartbeat(node);
  change(heartbeat);
  return state_of(seen_node(fleet, node, heartbeat), now_ns);
}

Receipt receipt_of(const std::string& object) {
  Receipt receipt;
  receipt.rule = "sshd-config-mode";
  receipt.title = "Only root may write it";
  receipt.kind = "file";
  receipt.object = object;
  receipt.severity = Severity::high;
  receipt.owner = "security@example.org";
  receipt.desired = "mode 0600";
  receipt.found = "mode 0666";
  receipt.left = "mode 0600";
  receipt.outcome = outcome::fixed;
  receipt.detected = {1'000, now_ns};
  receipt.fixed = {2'000, now_ns + 1'000};
  receipt.verified = {3'000, now_ns + 2'000};
  return receipt;
}

struct Stored {
  Batch batch;
  std::uint64_t index = 0;

  Value::Map item() const {
    std::vector<Digest> leaves;
    for (const auto& one : batch.records) leaves.push_back(record_leaf_hash(one.salt, one.bytes));
    Value::Array path;
    for (const Digest& step : inclusion_path(leaves, index)) path.emplace_back(step);
    return {{"cursor", 1},
            {"leaf", 7},
            {"node", batch.header.node},
            {"name", "a lie"},
            {"index", index},
            {"stored", now_ns},
            {"header", batch.header_object},
            {"salt", batch.records[index].salt},
            {"record", batch.records[index].bytes},
            {"path", path}};
  }
};

Stored stored_by(const SmallNode& node, std::vector<Bytes> records, std::uint64_t index) {
  std::vector<SaltedRecord> salted;
  for (Bytes& record : records) salted.push_back({random_bytes<16>(), std::move(record)});
  BatchHeader header;
  header.node = node.certificate.node;
  header.first = 16;
  return {seal_batch(header, std::move(salted), node.key), index};
}

Stored three_records(const SmallNode& node) {
  const Moment sealed{5, now_ns};
  return stored_by(node,
                   {encode_record("epoch_start", sealed, std::nullopt, {}),
                    encode_receipt(receipt_of("/etc/ssh/sshd_config"), sealed),
                    encode_record("agent_stop", sealed, std::nullopt, {})},
                   1);
}

Value with(Value::Map item, std::string_view key, Value value) {
  for (auto& [name, held] : item) {
    if (name == key) held = std::move(value);
  }
  return item;
}

}  // namespace

TEST_CASE("an honest node is compliant, and its name is its certificate's") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const SeenNode seen = seen_node(fleet, node, healthy_heartbeat(node));
  CHECK(seen.unproven.empty());
  CHECK(seen.name() == "web1");
  CHECK(state_of(seen, now_ns) == NodeState::compliant);
}

TEST_CASE("each state of a node is told from its heartbeat") {
  CHECK(state_with([](Heartbeat& h) { rules_in(h, RuleState::deviating) = 1; }) ==
        NodeState::deviating);
  CHECK(state_with([](Heartbeat& h) { rules_in(h, RuleState::contested) = 1; }) ==
        NodeState::deviating);
  CHECK(state_with([](Heartbeat& h) { rules_in(h, RuleState::waived) = 1; }) ==
        NodeState::compliant);
  CHECK(state_with([](Heartbeat& h) { rules_in(h, RuleState::unknown) = 1; }) ==
        NodeState::unproven);
  CHECK(state_with([](Heartbeat& h) { rules_in(h, RuleState::paused) = 1; }) == NodeState::paused);
  CHECK(state_with([](Heartbeat& h) {
          rules_in(h, RuleState::paused) = 1;
          rules_in(h, RuleState::deviating) = 1;
        }) == NodeState::deviating);
  CHECK(state_with([](Heartbeat& h) {
          rules_in(h, RuleState::paused) = 1;
          rules_in(h, RuleState::unknown) = 1;
        }) == NodeState::unproven);
  CHECK(state_with([](Heartbeat& h) { h.stale = true; }) == NodeState::stale);
  CHECK(state_with([](Heartbeat& h) { h.refused = "bad_signature"; }) == NodeState::refused);
  CHECK(state_with([](Heartbeat& h) { h.made.wall_ns = now_ns - 91'000'000'000; }) ==
        NodeState::silent);
  CHECK(state_with([](Heartbeat& h) { h.made.wall_ns = now_ns - 89'000'000'000; }) ==
        NodeState::compliant);
  CHECK(state_with([](Heartbeat& h) { h.made.wall_ns = now_ns + 91'000'000'000; }) ==
        NodeState::unproven);
}

TEST_CASE("a node that never spoke is silent") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const Value item = Value::Map{{"certificate", node.certificate_object}, {"connected", false}};
  CHECK(state_of(judge_node(item, fleet.root), now_ns) == NodeState::silent);
}

TEST_CASE("what a controller makes up about a node is unproven") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const SmallNode other = fleet.node("web2");
  const SigningKey stranger = SigningKey::generate();
  const Heartbeat heartbeat = healthy_heartbeat(node);
  Bytes flipped = seal_heartbeat(heartbeat, node.key);
  flipped.back() ^= 1;
  const std::vector<Value> lies = {
      status_item(node, seal_heartbeat(heartbeat, stranger)),
      status_item(node, seal_heartbeat(heartbeat, other.key)),
      status_item(other, seal_heartbeat(heartbeat, other.key)),
      status_item(node, flipped),
      status_item(node, bytes_of("junk")),
      status_item(fleet.node_by("web1", stranger), seal_heartbeat(heartbeat, node.key)),
      Value(),
      Value(5),
      Value::Map{},
  };
  for (const Value& lie : lies) {
    const SeenNode seen = judge_node(lie, fleet.root);
    CHECK_FALSE(seen.unproven.empty());
    CHECK(state_of(seen, now_ns) == NodeState::unproven);
    CHECK_FALSE(seen.heartbeat.has_value());
  }
}

TEST_CASE("a record in a signed batch is proven and named by node, epoch, stream and sequence") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const Certificates known = {{node.certificate.node, node.certificate}};
  const auto seen = judge_record(three_records(node).item(), known);
  REQUIRE(seen.ok());
  CHECK(seen->proven());
  CHECK(seen->name == "web1/00000000/urgent/17");
  CHECK(seen->record.type == "receipt");
  CHECK(seen->leaf == 7);
}

TEST_CASE("a record that is not what its node signed is unproven, and why is said") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const SmallNode other = fleet.node("web2");
  const Certificates known = {{node.certificate.node, node.certificate}};
  const Stored stored = three_records(node);
  const Value::Map item = stored.item();
  const auto doubt = [&](const Value& lie, const Certificates& certificates) {
    const auto seen = judge_record(lie, certificates);
    return seen.ok() ? seen->unproven : "error " + seen.error().name;
  };
  const Bytes altered = encode_receipt(receipt_of("/etc/passwd"), {5, now_ns});
  CHECK(doubt(with(item, "record", altered), known) == "root_mismatch");
  CHECK(doubt(with(item, "salt", random_bytes<16>()), known) == "root_mismatch");
  CHECK(doubt(with(item, "index", 0), known) == "root_mismatch");
  CHECK(doubt(with(item, "index", 99), known) == "root_mismatch");
  CHECK(doubt(with(item, "path", Value::Array{}), known) == "root_mismatch");
  CHECK(doubt(with(item, "path", Value::Array{1}), known) == "error malformed");
  CHECK(doubt(item, {}) == "node_unknown");
  CHECK(doubt(item, {{node.certificate.node, other.certificate}}) == "key_unknown");
  Bytes header = stored.batch.header_object;
  header[signed_object_header_bytes + 40] ^= 1;  // in the signature
  CHECK(doubt(with(item, "header", header), known) == "bad_signature");
  CHECK(doubt(Value(), known).starts_with("error "));
}

TEST_CASE("a sealed body that is no record is shown as unreadable and stops nothing") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const Certificates known = {{node.certificate.node, node.certificate}};
  const auto seen = judge_record(stored_by(node, {bytes_of("junk")}, 0).item(), known);
  REQUIRE(seen.ok());
  CHECK(seen->record.type == "unreadable");
  CHECK_FALSE(seen->proven());
  CHECK(record_json(*seen).find("\"proven\":false") != std::string::npos);
}

TEST_CASE("a line of records fits 80 columns whatever names it holds, and keeps the record's") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const Certificates known = {{node.certificate.node, node.certificate}};
  Receipt receipt = receipt_of("/srv/\x1b[31m/" + std::string(300, 'x'));
  receipt.rule = std::string(120, 'r');
  const auto seen =
      judge_record(stored_by(node, {encode_receipt(receipt, {5, now_ns})}, 0).item(), known);
  REQUIRE(seen.ok());
  const std::string line = record_line(*seen, 80);
  CHECK(width_of(line) <= 81);  // with the newline
  CHECK(line.find("web1/00000000/urgent/16\n") != std::string::npos);
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(width_of(records_heading(80)) <= 81);
}

TEST_CASE("a field of a record's body cannot speak for this command") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const Bytes record = encode_record("gap", {5, now_ns}, std::nullopt,
                                     {{"node", "evil"}, {"leaf", 99}, {"count", 4}});
  const auto seen = judge_record(stored_by(node, {record}, 0).item(), {});
  REQUIRE(seen.ok());
  const std::string json = record_json(*seen);
  CHECK(json.find("evil") == std::string::npos);
  CHECK(json.find("\"leaf\":99") == std::string::npos);
  CHECK(json.find("\"count\":4") != std::string::npos);
  CHECK(json.find("\"proven\":false") != std::string::npos);
}

TEST_CASE("stamps that cannot be in their order claim no speed") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  Receipt receipt = receipt_of("/etc/passwd");
  receipt.detected.mono_ns = std::numeric_limits<std::int64_t>::max();
  receipt.verified.mono_ns = std::numeric_limits<std::int64_t>::min();
  const auto seen = judge_record(stored_by(node, {encode_receipt(receipt, {5, now_ns})}, 0).item(),
                                 {{node.certificate.node, node.certificate}});
  REQUIRE(seen.ok());
  const std::string page = record_page(*seen, fleet.root);
  CHECK(page.find("UTC.\n") != std::string::npos);
  CHECK(page.find("after it was seen") == std::string::npos);
}

TEST_CASE("a page says in words what, where, when and how fast") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const auto seen =
      judge_record(three_records(node).item(), {{node.certificate.node, node.certificate}});
  REQUIRE(seen.ok());
  std::string page = record_page(*seen, fleet.root);
  std::ranges::replace(page, '\n', ' ');  // wherever its lines break
  for (const char* words : {"On web1 at 2026-01-01 00:00:00 UTC, /etc/ssh/sshd_config deviated",
                            "put right", "2 us after it was seen", "security@example.org"}) {
    CAPTURE(words);
    CHECK(page.find(words) != std::string::npos);
  }
}

TEST_CASE("a page says in words who did it, from where, and how sure that is") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  Receipt receipt = receipt_of("/etc/passwd");
  Cause& cause = receipt.cause;
  cause = {Confidence::certain, 4242, "/usr/bin/chmod\x1b[31m", "chmod 666 x", 0, 1001, "fanotify"};
  cause.session = 3;
  cause.unit = "/user.slice/session-3.scope";
  cause.parents = {{4200, "bash"}, {4100, "sshd\x1b"}};
  const auto page_of = [&] {
    const Bytes record = encode_receipt(receipt, {5, now_ns});
    const auto seen = judge_record(stored_by(node, {record}, 0).item(),
                                   {{node.certificate.node, node.certificate}});
    REQUIRE(seen.ok());
    std::string page = record_page(*seen, fleet.root);
    std::ranges::replace(page, '\n', ' ');
    return page;
  };
  CHECK(page_of().find("uid 0, logged in as uid 1001 in session 3, in /user.slice/session-3.scope, "
                       "started by bash (4200) of sshd") != std::string::npos);
  CHECK(page_of().find("It was /usr/bin/chmod") != std::string::npos);
  CHECK(page_of().find('\x1b') == std::string::npos);
  cause.confidence = Confidence::likely;
  cause.is_elsewhere = true;
  CHECK(page_of().find("Most likely it was /usr/bin/chmod") != std::string::npos);
  CHECK(page_of().find("another mount namespace") != std::string::npos);
  cause = Cause{};
  cause.via = "fanotify";
  CHECK(page_of().find("Who did it is not known.") != std::string::npos);
  cause.pid = 4242;
  CHECK(page_of().find("not known: process 4242 is gone, or another by now") != std::string::npos);
}

TEST_CASE("whether an object has held since is told of proven records about it alone") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  const auto seen_of = [&](const Receipt& receipt) {
    const auto seen =
        judge_record(stored_by(node, {encode_receipt(receipt, {5, now_ns})}, 0).item(),
                     {{node.certificate.node, node.certificate}});
    REQUIRE(seen.ok());
    return *seen;
  };
  Receipt receipt = receipt_of("/etc/passwd");
  receipt.outcome = outcome::fixed;
  const SeenRecord seen = seen_of(receipt);
  const std::string nothing = "Nothing that the controller has";
  CHECK(held_since(seen, receipt, {{}, true}).starts_with(nothing));
  CHECK(held_since(seen, receipt, {{}, false}).empty());
  CHECK(held_since(seen, receipt, {{seen}, true}).starts_with(nothing));
  Receipt again = receipt;
  again.incident = random_bytes<16>();
  CHECK(held_since(seen, receipt, {{seen_of(again)}, true}).starts_with("It deviated again"));
  SeenRecord doubtful = seen_of(again);
  doubtful.unproven = "bad_signature";
  CHECK(held_since(seen, receipt, {{doubtful}, true}).starts_with(nothing));
  again.object = "/etc/shadow";
  CHECK(held_since(seen, receipt, {{seen_of(again)}, true}).starts_with(nothing));
  receipt.outcome = outcome::audited;
  CHECK(held_since(seen, receipt, {{}, true}).empty());
}

TEST_CASE("a contention is told in words: who, what, how often, until when") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node("web1");
  Contention contention;
  contention.rule = "ssh-key-modes";
  contention.object = "/etc/ssh/key\x1b[31m";
  contention.owner = "platform-security";
  contention.fixes = 5;
  contention.since_ns = now_ns;
  contention.until_ns = now_ns + 60'000'000'000;
  contention.rival =
      Cause{Confidence::certain, 4242, "/usr/bin/puppet", "puppet agent", 0, 1000, "fanotify"};
  const auto seen_of = [&](const Contention& told) {
    const auto seen =
        judge_record(stored_by(node, {encode_contention(told, {5, now_ns})}, 0).item(),
                     {{node.certificate.node, node.certificate}});
    REQUIRE(seen.ok());
    return *seen;
  };
  std::string page = record_page(seen_of(contention), fleet.root);
  for (const char* words :
       {"breaks /etc/ssh/key", "5 fixes since 2026-01-01 00:00:00 UTC",
        "/usr/bin/puppet, process 4242, uid 0", "puppet agent", "platform-security"}) {
    CAPTURE(page);
    CHECK(page.find(words) != std::string::npos);
  }
  CHECK(page.find('\x1b') == std::string::npos);
  CHECK(record_line(seen_of(contention), 100).find("contention*") != std::string::npos);
  contention.phase = Phase::close;
  contention.rival.reset();
  page = record_page(seen_of(contention), fleet.root);
  CHECK(page.find("not known who") != std::string::npos);
  CHECK(page.find("over at 2026-01-01 00:01:00 UTC") != std::string::npos);
}

TEST_CASE("a line of status fits 80 columns and says what is wrong") {
  const SmallFleet fleet;
  const SmallNode node = fleet.node(std::string(100, 'w'));
  Heartbeat heartbeat = healthy_heartbeat(node);
  heartbeat.isolation = "reduced";
  heartbeat.refused = "manifest_rollback";
  heartbeat.ledger.error = "ledger_rewritten";
  VerifiedManifest newest;
  newest.manifest.version = 2;
  const SeenNode seen = seen_node(fleet, node, heartbeat);
  const std::string lines = node_line(seen, newest, now_ns);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    CHECK(end - at <= 80);
    at = end + 1;
  }
  for (const char* words :
       {"refused: manifest_rollback", "behind 2", "isolation: reduced", "ledger_rewritten"}) {
    CHECK(lines.find(words) != std::string::npos);
  }
  CHECK(width_of(node_heading()) <= 81);
}
