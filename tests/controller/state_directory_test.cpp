#include "controller/state_directory.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/paths.h"
#include "tests/fakes/temporary_directory.h"

namespace reeve {
namespace {

// What `reeve init` makes.
struct Fixture {
  Fixture() {
    write("ledger.key", encode_key_file(KeyKind::ed25519, ledger.public_key(), ledger.seed()));
    write("transport.key",
          encode_key_file(KeyKind::x25519, transport.public_key, transport.secret));
    write("root", Bytes{1, 2, 3});
  }
  std::string file(std::string_view name) const {
    return directory.path() + "/" + std::string(name);
  }
  void write(std::string_view name, const Bytes& bytes) const {
    const Fd fd(::open(file(name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    REQUIRE(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  std::string refused() const {
    const auto opened = open_state_directory(directory.path());
    REQUIRE_FALSE(opened.ok());
    return opened.error().name;
  }

  TemporaryDirectory directory;
  SigningKey ledger = SigningKey::generate();
  TransportKeyPair transport = generate_transport_keys();
};

TEST_CASE("a state directory as it was made is opened and read") {
  const Fixture fixture;
  const auto state = open_state_directory(fixture.directory.path());
  REQUIRE(state.ok());
  CHECK(state->ledger_key.public_key() == fixture.ledger.public_key());
  CHECK(state->transport.public_key == fixture.transport.public_key);
  CHECK(state->root == Bytes{1, 2, 3});
  CHECK(state->store_path() == fixture.file("ledger.db"));
}

TEST_CASE("a second controller on one state directory is refused until the first is gone") {
  const Fixture fixture;
  {
    const auto first = open_state_directory(fixture.directory.path());
    REQUIRE(first.ok());
    CHECK(fixture.refused() == "state_in_use");
  }
  CHECK(open_state_directory(fixture.directory.path()).ok());
}

TEST_CASE("a directory or file that others may read is refused and left as it is") {
  const Fixture fixture;
  REQUIRE(::chmod(fixture.directory.path().c_str(), 0755) == 0);
  CHECK(fixture.refused() == "state_permissions");
  REQUIRE(::chmod(fixture.directory.path().c_str(), 0700) == 0);
  for (const auto* name : {"ledger.key", "transport.key", "root"}) {
    REQUIRE(::chmod(fixture.file(name).c_str(), 0640) == 0);
    CHECK(fixture.refused() == "state_permissions");
    REQUIRE(::chmod(fixture.file(name).c_str(), 0600) == 0);
  }
  CHECK(open_state_directory(fixture.directory.path()).ok());
}

TEST_CASE("what is missing is named") {
  const Fixture fixture;
  CHECK(open_state_directory("/nonexistent").error().name == "state_missing");
  for (const auto* name : {"ledger.key", "transport.key"}) {
    const Fixture without;
    REQUIRE(::unlink(without.file(name).c_str()) == 0);
    CHECK(without.refused() == "key_missing");
  }
  REQUIRE(::unlink(fixture.file("root").c_str()) == 0);
  CHECK(fixture.refused() == "root_missing");
}

TEST_CASE("a key file of the wrong kind, damaged or behind a link is refused") {
  const Fixture fixture;
  fixture.write("ledger.key", encode_key_file(KeyKind::x25519, fixture.transport.public_key,
                                              fixture.transport.secret));
  CHECK(fixture.refused() == "key_mismatch");
  fixture.write("ledger.key", Bytes{1, 2, 3});
  CHECK(fixture.refused() == "malformed_key");
  REQUIRE(::unlink(fixture.file("ledger.key").c_str()) == 0);
  REQUIRE(::symlink(fixture.file("transport.key").c_str(), fixture.file("ledger.key").c_str()) ==
          0);
  CHECK(fixture.refused() == "state_permissions");
}

TEST_CASE("a key that the service manager hands over stands before the directory's") {
  const Fixture fixture;
  const Fixture store;
  const auto rename = [&](const std::string& from, const std::string& to) {
    REQUIRE(::rename(store.file(from).c_str(), store.file(to).c_str()) == 0);
  };
  const auto opened = [&] {
    return open_state_directory(fixture.directory.path(), store.directory.path());
  };
  CHECK(opened()->ledger_key.public_key() == fixture.ledger.public_key());
  rename("ledger.key", "reeve-controller.ledger.key");
  CHECK(opened()->ledger_key.public_key() == store.ledger.public_key());
  CHECK(opened()->transport.public_key == fixture.transport.public_key);
  REQUIRE(::unlink(fixture.file("ledger.key").c_str()) == 0);
  CHECK(opened()->ledger_key.public_key() == store.ledger.public_key());
  rename("transport.key", "reeve-controller.ledger.key");
  CHECK(opened().error().name == "key_mismatch");
  CHECK(open_state_directory(fixture.directory.path(), "/nonexistent").error().name ==
        "key_missing");
}

}  // namespace
}  // namespace reeve
