// Users and groups as passwd(5) and group(5) under the root say, never through NSS, whose modules
// would open sockets inside the agent (docs/architecture.md section 5). Read again when the files
// change; a file that is missing or cannot be read safely has no names. Accounts of directory
// services are unknown.
#pragma once

#include <unordered_map>

#include "agent/safe_path.h"

namespace reeve {

// Names and numbers of one file; of two lines with the same name or number the first counts.
struct AccountNames {
  std::unordered_map<std::string, std::uint32_t> ids;
  std::unordered_map<std::uint32_t, std::string> names;
};

// passwd and group agree in their first and third column. Lines that have neither are passed over.
AccountNames parse_accounts(std::string_view text);

// One of the two files. Borrows the path walker, which must outlive it.
class AccountFile {
 public:
  AccountFile(const SafePath& paths, std::string path) : paths_(paths), path_(std::move(path)) {}

  // Reads the file where it is not the one that was read before. Until the first call there are
  // no names.
  void refresh();
  std::optional<std::uint32_t> id_of(const std::string& name) const;
  std::string name_of(std::uint32_t id) const;  // the number where it has none

 private:
  // What stat tells a file from its earlier self by.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Stamp&) const = default;
  };

  // Absent where the file is no plain file at its own place: then nothing is remembered.
  std::optional<Stamp> stamp() const;
  std::string read() const;

  const SafePath& paths_;
  std::string path_;
  std::optional<Stamp> read_at_;
  AccountNames names_;
};

}  // namespace reeve
