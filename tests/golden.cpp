#include "tests/golden.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

namespace reeve {

namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

File open_golden(std::string_view name, const char* how) {
  std::string path = std::string(REEVE_GOLDEN_DIR) + "/" + std::string(name);
  File file(std::fopen(path.c_str(), how));
  INFO("golden file ", path);
  REQUIRE(file != nullptr);
  return file;
}

}  // namespace

Bytes golden(std::string_view name) {
  File file = open_golden(name, "rbe");
  Bytes bytes(file_bytes_max);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  return bytes;
}

void check_golden(std::string_view name, ByteView bytes) {
  if (std::getenv("REEVE_GOLDEN_WRITE") != nullptr) {
    File file = open_golden(name, "wbe");
    REQUIRE(std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size());
    return;
  }
  INFO("golden file ", std::string(name));
  CHECK(hex(golden(name)) == hex(bytes));
}

}  // namespace reeve
