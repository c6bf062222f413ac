// Files of the command line: small reads with a bound, and directory trees that are whole or gone.
#pragma once

#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/result.h"

namespace reeve::cli {

// Errors: `file_missing`, `file_unreadable`, `file_too_large`.
Result<Bytes> read_file(const std::string& path, std::size_t bytes_max);

// Temporary name beside it, sync, rename, sync of the directory; mode 0600. Error
// `file_unwritable`.
Status write_file(const std::string& path, ByteView content);

// A directory tree being made. Whatever it made is removed again on destruction unless keep() was
// called; what was there before is never touched. Not safe against others who write to the same
// directory at the same time.
class NewTree {
 public:
  // `path` must not exist or be an empty directory, which then gets mode 0700 on keep().
  // Errors: `directory_not_empty`, `directory_unusable`.
  static Result<NewTree> create(const std::string& path);

  NewTree(NewTree&& other) noexcept = default;
  NewTree& operator=(NewTree&&) = delete;
  ~NewTree();

  // Names are relative. Errors of both: `file_unwritable`.
  Status directory(std::string_view name, mode_t mode);
  Status file(std::string_view name, ByteView content, mode_t mode);  // synced; in a made directory
  // Syncs the directories; the tree stays from here on.
  Status keep();

 private:
  struct Made {
    std::string name;
    int remove_flags;  // of unlinkat
  };
  NewTree(std::string path, Fd directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}

  std::string path_;
  Fd directory_;
  std::string made_root_;  // the topmost directory that create() made; empty for none
  std::vector<Made> made_;
};

}  // namespace reeve::cli
