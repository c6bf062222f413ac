// Lines for the owner of the host; only a loop or a main writes them anywhere. Names in them may be
// hostile and have been made printable.
#pragma once

#include <string_view>

namespace reeve {

class Notes {
 public:
  virtual ~Notes() = default;
  virtual void note(std::string_view line) = 0;
};

}  // namespace reeve
