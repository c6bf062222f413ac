// What acknowledgements prove, judged by a reader that believes the ledger key and nothing else.
#include <doctest/doctest.h>

#include "controller/controller_limits.h"
#include "tests/controller/world.h"

namespace reeve {
namespace {

// A node's view of the ledger: the newest checkpoint, and whether all that came hangs together.
struct Reader {
  const TestFleet& fleet;
  TreeView accepted{};

  // Whether this checkpoint was brought and has grown out of the one before.
  bool takes_checkpoint(const Acknowledgement& answer) {
    const std::array keys{fleet.ledger_key.public_key()};
    const auto checkpoint = verify_checkpoint(text_of(answer.checkpoint), fleet.root.origin, keys);
    if (!checkpoint.ok() || answer.consistent_from != accepted.size) return false;
    const bool holds =
        accepted.size == 0 || consistency_holds(accepted, checkpoint->tree, answer.consistency);
    if (holds) accepted = checkpoint->tree;
    return holds;
  }
  bool includes(const Acknowledgement& answer, ByteView object) const {
    return answer.tree_size == accepted.size &&
           inclusion_holds(leaf_hash(object), answer.leaf_index, accepted.size, answer.inclusion,
                           accepted.root);
  }
};

struct OneNode : World {
  OneNode() { enroll(node); }
  // Says so; the lines for the log.
  std::vector<std::string> hold(std::uint64_t size) {
    Bytes held;
    append_u64(held, size);
    send(node, MessageType::checkpoint_held, held);
    return step();
  }
  std::vector<Acknowledgement> deliver_next(Stream stream = Stream::urgent) {
    last = node.next_batch(stream);
    return deliver(node, *last);
  }
  const Bytes& leaf() const { return last->header_object; }

  TestNode node{"web1"};
  std::optional<Batch> last;
  Reader reader{fleet};
};

TEST_CASE("each acknowledgement proves its batch in a checkpoint that grew out of the last") {
  OneNode world;
  for (int i = 0; i < 300; ++i) {
    if (i % 37 == 0) world.publish(static_cast<std::uint64_t>(i) + 1);  // leaves of others
    world.received(world.node);
    const auto answers = world.deliver_next(i % 3 == 0 ? Stream::routine : Stream::urgent);
    REQUIRE(answers.size() == 1);
    REQUIRE(world.reader.takes_checkpoint(answers[0]));
    REQUIRE(world.reader.includes(answers[0], world.leaf()));
    REQUIRE(world.reader.accepted.root == world.controller->tree_root());
  }
}

TEST_CASE("of several acknowledgements after one commit the first has the checkpoint for all") {
  OneNode world;
  std::vector<Batch> batches;
  for (int round = 0; round < 3; ++round) {
    batches.clear();
    for (int i = 0; i < 20; ++i) batches.push_back(world.node.next_batch(Stream::urgent));
    for (const Batch& batch : batches) world.send(world.node, batch);
    world.step();
    const auto answers = world.acknowledged(world.node);
    REQUIRE(answers.size() == batches.size());
    REQUIRE(world.reader.takes_checkpoint(answers[0]));
    for (std::size_t i = 0; i < answers.size(); ++i) {
      CHECK(answers[i].checkpoint.empty() == (i > 0));
      CHECK(world.reader.includes(answers[i], batches[i].header_object));
    }
  }
  // What comes again is proven in the tree of today.
  const auto again = world.deliver(world.node, batches[3]);
  REQUIRE(again.size() == 1);
  CHECK(again[0].checkpoint.empty());
  CHECK(world.reader.includes(again[0], batches[3].header_object));
}

TEST_CASE("a node is shown the next checkpoint from the one that it says it holds") {
  OneNode world;
  world.deliver_next();
  const auto first = world.deliver_next();
  const TreeView early{first[0].tree_size, world.controller->tree_root()};
  for (int i = 0; i < 9; ++i) world.deliver_next();  // all of which are lost
  world.reader.accepted = early;
  world.hold(early.size);
  const auto shown = world.acknowledged(world.node);
  REQUIRE(shown.size() == 1);
  CHECK(shown[0].header.is_zero());
  CHECK(shown[0].consistent_from == early.size);
  CHECK(world.reader.takes_checkpoint(shown[0]));
  const auto answers = world.deliver_next();
  REQUIRE(answers.size() == 1);
  CHECK(world.reader.takes_checkpoint(answers[0]));
  CHECK(world.reader.includes(answers[0], world.leaf()));
  // Whoever asks at the newest size is shown the checkpoint too: it may know another of that size.
  world.hold(world.reader.accepted.size);
  const auto same = world.acknowledged(world.node);
  REQUIRE(same.size() == 1);
  CHECK(world.reader.takes_checkpoint(same[0]));
  CHECK(same[0].consistency.empty());
}

TEST_CASE("a controller that was restarted proves from what the node says that it holds") {
  OneNode world;
  CHECK(world.reader.takes_checkpoint(world.deliver_next()[0]));
  world.reopen();
  world.connect(world.node);
  world.hold(world.reader.accepted.size);
  const auto shown = world.acknowledged(world.node);
  REQUIRE(shown.size() == 1);
  CHECK(world.reader.takes_checkpoint(shown[0]));
  const auto answers = world.deliver_next();
  REQUIRE(answers.size() == 1);
  CHECK(world.reader.takes_checkpoint(answers[0]));
  CHECK(world.reader.includes(answers[0], world.leaf()));
}

TEST_CASE("a ledger that is behind a node's checkpoint claims no consistency and says so") {
  OneNode world;
  const auto notes = world.hold(1'000);
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].find("1000 leaves") != std::string::npos);
  CHECK(world.hold(1'000).empty());
  for (const auto& shown : world.acknowledged(world.node)) {
    CHECK(shown.consistent_from == 0);
    CHECK(shown.consistency.empty());
    CHECK(!shown.checkpoint.empty());
  }
  world.clock.advance(limits::behind_note_ns);
  CHECK(world.hold(1'000).size() == 1);
  CHECK(world.counted("ledger_behind") == 3);
  world.send(world.node, MessageType::checkpoint_held, Bytes(7, 0));
  world.step();
  CHECK(world.counted("malformed") == 1);
}

TEST_CASE("a checkpoint that the link did not take is shown with the next acknowledgement") {
  OneNode world;
  world.deliver_next();
  world.reader.accepted = {world.controller->tree_size(), world.controller->tree_root()};
  world.last = world.node.next_batch(Stream::urgent);
  world.send(world.node, *world.last);
  world.nodes.cut(world.node.transport.public_key);
  world.step();
  CHECK(world.counted("link_full") == 1);
  world.nodes.mend(world.node.transport.public_key);
  const auto answers = world.deliver(world.node, *world.last);
  REQUIRE(answers.size() == 1);
  CHECK(world.reader.takes_checkpoint(answers[0]));
  CHECK(world.reader.includes(answers[0], world.leaf()));
}

}  // namespace
}  // namespace reeve
