// A directory of its own for one test, mode 0700, removed with everything in it at the end.
#pragma once

#include <filesystem>
#include <string>

#include "common/result.h"

namespace reeve {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    auto path = (std::filesystem::temp_directory_path() / "reeve-test-XXXXXX").string();
    REEVE_ASSERT(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace reeve
