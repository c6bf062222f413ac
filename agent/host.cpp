#include "agent/host.h"

namespace reeve {

std::string_view name_of(FileType type) {
  switch (type) {
    case FileType::file:
      return "file";
    case FileType::directory:
      return "directory";
    case FileType::link:
      return "link";
    case FileType::fifo:
      return "fifo";
    case FileType::socket:
      return "socket";
    case FileType::block:
      return "block";
    case FileType::character:
      return "character";
  }
  return "";
}

bool has_other_names(const FileFacts& facts) {
  return facts.type != FileType::directory && facts.links > 1;
}

bool may_set_owner(const FileFacts& facts, const Surroundings& surroundings) {
  return !has_other_names(facts) || surroundings.trusted;
}

bool may_set_mode(const FileFacts& facts, const Surroundings& surroundings, std::uint32_t mode) {
  if (!has_other_names(facts) || surroundings.trusted) return true;
  bool tightens = (mode & ~facts.mode) == 0;
  return tightens && facts.uid == surroundings.directory_uid;
}

}  // namespace reeve
