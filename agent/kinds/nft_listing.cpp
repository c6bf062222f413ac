#include "agent/kinds/nft_listing.h"

#include "agent/kinds/nft_text.h"

namespace reeve {

namespace {

constexpr ListedElements doubtful = {ListedState::doubtful, {}};

// Moves behind "set NAME {" or "map NAME {" in the table's braces. False where there is none.
bool find_set(NftReader& reader, std::string_view name) {
  std::size_t depth = 0;
  std::string_view before_last;
  std::string_view last;
  for (;;) {
    const NftToken token = reader.next();
    if (token.kind == NftTokenKind::end || token.kind == NftTokenKind::problem) return false;
    const bool is_set = depth == 1 && (before_last == "set" || before_last == "map");
    if (token.kind == NftTokenKind::open && is_set && last == name) return true;
    if (token.kind == NftTokenKind::open) ++depth;
    if (token.kind == NftTokenKind::close && depth > 0) --depth;
    before_last = last;
    last = token.text;
  }
}

// Moves behind "elements = {" in the set's braces and answers that brace.
NftToken find_elements(NftReader& reader) {
  std::size_t depth = 1;
  std::string_view before_last;
  std::string_view last;
  while (depth > 0) {
    const NftToken token = reader.next();
    if (token.kind == NftTokenKind::end || token.kind == NftTokenKind::problem) return token;
    if (token.kind == NftTokenKind::open && depth == 1 && last == "=" && before_last == "elements")
      return token;
    if (token.kind == NftTokenKind::open) ++depth;
    if (token.kind == NftTokenKind::close) --depth;
    before_last = last;
    last = token.text;
  }
  return {};
}

}  // namespace

ListedElements listed_elements(std::string_view listing, std::string_view set) {
  NftReader reader(listing);
  if (!find_set(reader, set)) return {};
  const NftToken open = find_elements(reader);
  if (open.kind == NftTokenKind::problem) return doubtful;
  if (open.kind != NftTokenKind::open) return {};
  std::size_t depth = 1;
  std::size_t end = open.begin + 1;
  while (depth > 0) {
    const NftToken token = reader.next();
    // nft writes no comments of its own, no ";" and no "\" between elements.
    const auto between = listing.substr(end, token.begin - end);
    if (between.find_first_not_of(" \t") != std::string_view::npos) return doubtful;
    if (token.kind == NftTokenKind::end || token.kind == NftTokenKind::problem) return doubtful;
    if (token.kind == NftTokenKind::separator && token.text != "\n") return doubtful;
    if (token.kind == NftTokenKind::word && (token.text == "include")) return doubtful;
    if (token.kind == NftTokenKind::other && token.text == "$") return doubtful;
    if (token.kind == NftTokenKind::open) ++depth;
    if (token.kind == NftTokenKind::close) --depth;
    end = token.begin + token.text.size();
  }
  return {ListedState::readable, listing.substr(open.begin, end - open.begin)};
}

}  // namespace reeve
