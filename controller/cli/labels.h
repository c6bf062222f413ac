// Labels as people write them at the command line: KEY=VALUE.
#pragma once

#include "common/trust.h"
#include "controller/cli/options.h"

namespace reeve::cli {

struct LabelWord {
  std::string key;
  std::string value;
};
// `command` is named in the error's next step. `any` is a value that is taken as it is, besides
// ids. Error `usage`.
Result<LabelWord> parse_label(const std::string& word, std::string_view command,
                              std::string_view any = {});
// Every key once. Error `usage`.
Result<Labels> parse_labels(const std::vector<std::string>& words, std::string_view command);

}  // namespace reeve::cli
