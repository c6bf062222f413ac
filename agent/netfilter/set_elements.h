// The elements of one set, put in the order of their keys, without those that time or traffic
// made: an element that expires, and the end of an interval whose beginning does. Views into
// messages; nothing is copied.
#pragma once

#include "agent/netfilter/normal_form.h"

namespace reeve {

class SetElements {
 public:
  explicit SetElements(std::uint32_t set_flags) : set_flags_(set_flags) {}
  void add(ByteView list);  // the list of elements in one message
  void write(NormalForm& form);

 private:
  struct Element {
    ByteView key;  // without one: the element for everything else
    bool is_end = false;
    bool expires = false;
    ByteView attributes;
  };
  void leave_out_what_expires();

  std::uint32_t set_flags_;
  std::vector<Element> elements_;
};

}  // namespace reeve
