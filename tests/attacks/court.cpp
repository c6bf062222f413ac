#include "tests/attacks/court.h"

namespace reeve::attacks {

void strike_all(const std::vector<Refusal>& attacks) {
  for (const Refusal& attack : attacks) {
    CAPTURE(attack.name);
    Court court;
    const Standing before = court.standing();
    const auto counted = court.counted(attack.refused_as);
    const auto replies = attack.strike(court);
    CHECK(court.standing() == before);
    CHECK(court.counted(attack.refused_as) == counted + 1);
    CHECK(replies.size() <= 1);
    for (const auto& reply : replies) {
      REQUIRE(reply.error);
      CHECK(reply.error->name == attack.refused_as);
      CHECK(reply.items.empty());
    }
    court.ask("ping");
    court.publish(7);
    court.received(court.one);
    CHECK(court.deliver(court.one, court.one.next_batch(Stream::urgent)).size() == 1);
  }
}

}  // namespace reeve::attacks
