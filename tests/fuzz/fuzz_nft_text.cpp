// Policy's texts for nft: whatever is let through stays between the braces that are put around it,
// as a scanner with nft's own rules sees them; elements that are handed on are one pair of braces.
#include <string>

#include "agent/kinds/nft_listing.h"
#include "agent/kinds/nft_text.h"
#include "common/bytes.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

namespace {

// Where the brace that opens first is closed, by nft's rules alone: a quoted text goes to the next
// quote, over lines too, and a comment to the end of its line.
std::size_t closing_brace(std::string_view text) {
  std::size_t depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') at = text.find('"', at + 1);
    if (at < text.size() && text[at] == '#') at = text.find('\n', at);
    if (at >= text.size()) break;
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return at;
  }
  return std::string::npos;
}

void try_body(std::string_view text) {
  if (!judge_table_body(text).ok()) return;
  const std::string whole = "table inet x {\n" + std::string(text) + "\n}";
  REEVE_ASSERT(closing_brace(whole) == whole.size() - 1);
  for (const std::string_view set : declared_sets(text)) REEVE_ASSERT(!set.empty());
}

void try_rule(std::string_view text) {
  if (!judge_rule_text(text).ok()) return;
  const std::string whole = "{" + std::string(text) + " comment \"reeve:x\"}";
  REEVE_ASSERT(closing_brace(whole) == whole.size() - 1);
  REEVE_ASSERT(text.find_first_of("\n;#\\$") == std::string_view::npos ||
               text.find('"') != std::string_view::npos);
}

void try_listing(std::string_view text) {
  const auto found = listed_elements(text, "banned");
  if (found.state != ListedState::readable) return;
  REEVE_ASSERT(closing_brace(found.braced) == found.braced.size() - 1);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(ByteView(data, size));
  try_body(text);
  try_rule(text);
  try_listing(text);
  const std::string listing =
      "table inet x {\n\tset banned {\n\t\telements = {" + std::string(text) + "}\n\t}\n}\n";
  try_listing(listing);
  return 0;
}
