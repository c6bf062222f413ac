#include "controller/cli/names_page.h"

#include "common/bytes.h"
#include "controller/policy/embedded.h"

namespace reeve::cli {

// "## " begins a group, "### " a name; below it a paragraph of the cause and one that begins with
// "Next: ".
std::vector<NameSection> read_names_page(std::string_view page) {
  constexpr std::string_view group_mark = "## ";
  constexpr std::string_view name_mark = "### ";
  constexpr std::string_view next_mark = "Next: ";
  std::vector<NameSection> out;
  std::string group;
  bool is_in_name = false;
  while (!page.empty()) {
    const auto end = page.find('\n');
    const std::string_view line = page.substr(0, end);
    page.remove_prefix(end == std::string_view::npos ? page.size() : end + 1);
    if (line.starts_with(name_mark)) {
      out.push_back({std::string(line.substr(name_mark.size())), group, {}, {}});
      is_in_name = true;
    } else if (line.starts_with(group_mark)) {
      group = line.substr(group_mark.size());
      is_in_name = false;
    } else if (is_in_name && !line.empty()) {
      const bool is_next = line.starts_with(next_mark);
      std::string& text = is_next || !out.back().next.empty() ? out.back().next : out.back().cause;
      if (!text.empty()) text += ' ';
      text += is_next ? line.substr(next_mark.size()) : line;
    }
  }
  return out;
}

std::vector<NameSection> names_page() { return read_names_page(text_of(embedded_names_page())); }

}  // namespace reeve::cli
