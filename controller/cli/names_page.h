// The page of names, docs/errors.md, which the build puts into the program: every error, outcome,
// state and type of record, with its cause and the next step. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::cli {

struct NameSection {
  std::string name;
  std::string group;  // the heading above it: "On the host: files"
  std::string cause;
  std::string next;
};

std::vector<NameSection> read_names_page(std::string_view page);
// Of the page in this program.
std::vector<NameSection> names_page();

}  // namespace reeve::cli
