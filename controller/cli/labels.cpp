#include "controller/cli/labels.h"

#include <fmt/format.h>

#include "common/limits.h"

namespace reeve::cli {
namespace {

Error usage_error(std::string detail, std::string_view command) {
  return Error{.name = "usage",
               .detail = std::move(detail),
               .next = fmt::format("reeve {} --help", command)};
}

}  // namespace

Result<LabelWord> parse_label(const std::string& word, std::string_view command,
                              std::string_view any) {
  const auto equals = word.find('=');
  std::string key = word.substr(0, equals);
  std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
  const bool is_any = !any.empty() && value == any;
  if (!is_valid_id(key) || (!is_any && !is_valid_id(value))) {
    return usage_error(fmt::format("`{}` is no label; expected KEY=VALUE, each of letters, "
                                   "digits and ._:-",
                                   word),
                       command);
  }
  return LabelWord{std::move(key), std::move(value)};
}

Result<Labels> parse_labels(const std::vector<std::string>& words, std::string_view command) {
  Labels labels;
  for (const std::string& word : words) {
    auto label = parse_label(word, command);
    if (!label.ok()) return label.error();
    if (!labels.emplace(label->key, label->value).second) {
      return usage_error(fmt::format("label {} is given twice", label->key), command);
    }
  }
  if (labels.size() > limits::labels_max) {
    return usage_error(fmt::format("{} labels; at most {}", labels.size(), limits::labels_max),
                       command);
  }
  return labels;
}

}  // namespace reeve::cli
