// What `reeve ledger compare` makes of two checkpoints that came to two readers.
#include <doctest/doctest.h>

#include <fstream>

#include "common/note.h"
#include "controller/cli/commands.h"
#include "tests/cli/small_fleet.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {
namespace {

struct Desk {
  SmallFleet fleet;
  TemporaryDirectory directory;

  std::string write(const std::string& name, std::string_view content) {
    const std::string path = directory.path() + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::string note(const std::string& name, std::uint64_t size, std::string_view root,
                   const SigningKey& key) {
    return write(name, sign_checkpoint({fleet.root.origin, {size, sha256(view_of(root))}}, key));
  }
  int compare(const std::string& one, const std::string& other) {
    const std::string root = write(
        "root", text_of(seal_object(ObjectType::root, encode_root(fleet.root), fleet.root_key)));
    const std::vector<std::string> arguments{one, other, "--root", root};
    return cli::run_ledger_compare(arguments);
  }
};

TEST_CASE("two signed checkpoints of one size with different roots are a split view") {
  Desk desk;
  const auto& key = desk.fleet.ledger_key;
  const std::string ours = desk.note("ours", 8, "a", key);
  CHECK(desk.compare(ours, ours) == cli::exit_code::done);
  CHECK(desk.compare(ours, desk.note("same", 8, "a", key)) == cli::exit_code::done);
  CHECK(desk.compare(ours, desk.note("theirs", 8, "b", key)) == cli::exit_code::deviations);
  CHECK(desk.compare(ours, desk.note("later", 9, "b", key)) == cli::exit_code::failed);
  // Nobody is accused by what anybody could have signed.
  const SigningKey stranger = SigningKey::generate();
  CHECK(desk.compare(ours, desk.note("forged", 8, "b", stranger)) == cli::exit_code::failed);
  CHECK(desk.compare(ours, desk.write("noise", "noise")) == cli::exit_code::failed);
}

}  // namespace
}  // namespace reeve
