// Finds the elements of a set in a table as nft lists it, so that a fix can put them back. The
// listing is what others have put into the packet filter, and a comment there may hold any bytes:
// what cannot be read beyond doubt is not handed on. Pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace reeve {

enum class ListedState : std::uint8_t {
  none,      // no set or map of that name, or nothing in it
  readable,  // `braced` is a text that nft takes for elements and for nothing else
  doubtful,  // something is in it that cannot be handed on
};
struct ListedElements {
  ListedState state = ListedState::none;
  std::string_view braced;  // from "{" to "}", a part of the listing
};
ListedElements listed_elements(std::string_view listing, std::string_view set);

}  // namespace reeve
