// The agent's small state files, and what goes between it and a scratch child: whatever they hold,
// a start goes on with what can be believed.
#include "agent/ledger_watch.h"
#include "agent/netfilter/scratch_request.h"
#include "agent/outbox.h"
#include "agent/trusted_time.h"
#include "common/paths.h"
#include "tests/fakes/crash_disk.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

class NoCourier final : public CourierPort {
 public:
  bool send(ByteView) override { return false; }
  std::optional<Bytes> receive() override { return std::nullopt; }
};

void try_files(ByteView bytes) {
  CrashDisk disk;
  for (const char* directory : {"trust", "journal"})
    REEVE_ASSERT(disk.make_directory(directory).ok());
  REEVE_ASSERT(replace_file(disk, paths::trusted_time, bytes).ok());
  REEVE_ASSERT(replace_file(disk, paths::acknowledged, bytes).ok());
  REEVE_ASSERT(replace_file(disk, paths::accepted_checkpoint, bytes).ok());
  const FakeClock clock;
  const TrustedTime time(clock, disk);
  REEVE_ASSERT(time.now_s() >= clock.wall_ns() / 1'000'000'000);  // it never goes back
  const LedgerWatch ledger(disk, "fleet");
  REEVE_ASSERT(!ledger.is_lost() || ledger.accepted() == TreeView{});
  NoCourier courier;
  Journal urgent(disk, {Stream::urgent, {}}, {}, Journal::Newest::unusable);
  Journal routine(disk, {Stream::routine, {}}, {}, Journal::Newest::unusable);
  Outbox outbox({clock, disk, courier, {}, urgent, routine, time});
  outbox.pump();
  REEVE_ASSERT(outbox.in_flight() == 0);  // positions beyond what there is are not believed
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  try_files(bytes);
  if (auto request = decode_request(bytes); request.ok())
    REEVE_ASSERT(decode_request(encode_request(*request)).ok());
  if (auto reply = decode_reply(bytes); reply.ok())
    REEVE_ASSERT(decode_reply(encode_reply(*reply)).ok());
  return 0;
}
