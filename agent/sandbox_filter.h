// The one gate to libseccomp and libcap-ng. A Filter is a list of what is allowed, built and loaded
// once; whatever it does not name answers EPERM. Capabilities are only ever taken away here.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "common/result.h"

namespace reeve {

class Filter {
 public:
  Filter();
  ~Filter();

  // Calls by name, with any arguments. A name that libseccomp does not know is an error at load():
  // a typing mistake must not pass for a denial.
  void allow(std::initializer_list<std::string_view> calls);
  // As allow(), for calls younger than the oldest libseccomp that Reeve is built with: such calls
  // have one number everywhere.
  void allow_by_number(std::initializer_list<int> calls);
  // Where every one of the comparisons holds: (argument & mask) == value.
  struct Compare {
    unsigned argument;
    std::uint64_t mask;
    std::uint64_t value;
  };
  void allow_when(std::string_view call, std::initializer_list<Compare> comparisons);
  // Where the argument is one of the values, all of its bits compared.
  void allow_values(std::string_view call, unsigned argument,
                    std::initializer_list<std::uint64_t> values);
  // Answers this errno instead of EPERM, where a library falls back to another call by it.
  void answer(std::string_view call, int os_errno);

  // Binding for good, for this thread and all that it starts; sets no_new_privs. Error:
  // `sandbox_failed`.
  Status load();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// Gives up every capability but those listed, of which it keeps what it holds; no ambient or
// inheritable ones remain. The bounding set is emptied where that is permitted: without exec and
// with no_new_privs nothing can come back from it anyway. Error: `sandbox_failed`.
Status keep_capabilities(std::initializer_list<unsigned> wanted);

// Of this process, at this moment.
bool has_capability(unsigned capability);

}  // namespace reeve
