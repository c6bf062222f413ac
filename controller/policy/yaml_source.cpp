#include "controller/policy/yaml_source.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <istream>
#include <streambuf>
#include <unordered_map>

#include "controller/policy/source_limits.h"
#include "controller/policy/source_text.h"

namespace reeve {
namespace {

// Thrown through yaml-cpp by our own handler when reading on would be pointless or unbounded; the
// reason is in the report.
struct StopReading {};

Position position_of(const YAML::Mark& mark) {
  if (mark.is_null() || mark.line < 0 || mark.column < 0) return {};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

// yaml-cpp reads streams only; this one hands out pieces of text that stays where it is.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) : rest_(text) {}

 protected:
  int_type underflow() override {
    if (rest_.empty()) return traits_type::eof();
    const std::size_t count = rest_.copy(piece_.data(), piece_.size());
    rest_.remove_prefix(count);
    setg(piece_.data(), piece_.data(), piece_.data() + count);
    return traits_type::to_int_type(piece_[0]);
  }

 private:
  std::string_view rest_;
  std::array<char, 4096> piece_{};
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Report& report) : report_(report) {}

  // Where the last scalar begins, if it has quotes.
  const std::optional<Position>& last_quoted() const { return last_quoted_; }
  bool has_document() const { return documents_ > 0; }
  YamlTree take() { return {std::move(nodes_), root_}; }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlIndex index = 0;
    std::optional<YamlIndex> key;  // of a map whose value comes next
    std::unordered_map<std::string, Position> keys;
  };

  [[noreturn]] void stop(Position at, Problem problem) {
    report_.add(at, std::move(problem));
    throw StopReading{};
  }
  void open(const YAML::Mark& mark, YamlShape shape, const std::string& tag, YAML::anchor_t anchor);
  void close();
  YamlIndex add(YamlNode node, YAML::anchor_t anchor, std::size_t weight);
  void attach(YamlIndex index);
  void take_key(Open& map, YamlIndex index);
  void refuse_tag(Position at, const std::string& tag);
  const YamlNode& content(YamlIndex index) const {
    return nodes_[index].alias ? nodes_[nodes_[index].target] : nodes_[index];
  }

  Report& report_;
  std::vector<YamlNode> nodes_;
  std::vector<std::size_t>
      weights_;  // nodes in and below each node, aliases expanded; 0 while open
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, YamlIndex> anchors_;
  std::size_t weight_ = 0;  // of all so far
  std::size_t documents_ = 0;
  std::optional<Position> last_quoted_;
  YamlIndex root_ = 0;
};

void TreeBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (++documents_ > 1) {
    stop(position_of(mark), {.name = "second_document",
                             .found = "a second YAML document",
                             .expected = "one policy, one document in a file"});
  }
}

void TreeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  YamlNode node;
  node.at = position_of(mark);
  attach(add(std::move(node), anchor, 1));
}

void TreeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  YamlNode node;
  node.shape = YamlShape::scalar;
  node.plain = tag == "?";
  node.at = position_of(mark);
  node.text = value;
  last_quoted_ = node.plain ? std::nullopt : std::optional(node.at);
  refuse_tag(node.at, tag);
  attach(add(std::move(node), anchor, 1));
}

void TreeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag,
                                  YAML::anchor_t anchor, YAML::EmitterStyle::value /*style*/) {
  open(mark, YamlShape::list, tag, anchor);
}

void TreeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value /*style*/) {
  open(mark, YamlShape::map, tag, anchor);
}

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const Position at = position_of(mark);
  const auto target = anchors_.find(anchor);
  if (target == anchors_.end() || weights_[target->second] == 0) {
    stop(at, {.name = "recursive_alias",
              .found = "an alias inside of what it stands for",
              .expected = "an alias of something that is complete"});
  }
  const std::size_t weight = weights_[target->second];
  if (weight > limits::yaml_nodes_max - weight_) {
    stop(at, {.name = "alias_bomb",
              .found = fmt::format("an alias that brings the file to {} values", weight + weight_),
              .expected =
                  fmt::format("at most {} when every alias is expanded", limits::yaml_nodes_max)});
  }
  YamlNode node;
  node.alias = true;
  node.target = target->second;
  node.at = at;
  attach(add(std::move(node), 0, weight));
}

void TreeBuilder::open(const YAML::Mark& mark, YamlShape shape, const std::string& tag,
                       YAML::anchor_t anchor) {
  const Position at = position_of(mark);
  if (open_.size() == limits::yaml_nesting_max) {
    stop(at, {.name = "nesting_too_deep",
              .found = fmt::format("more than {} levels of nesting", limits::yaml_nesting_max),
              .expected = "a policy, which needs five"});
  }
  refuse_tag(at, tag);
  YamlNode node;
  node.shape = shape;
  node.at = at;
  const YamlIndex index = add(std::move(node), anchor, 1);
  weights_[index] = 0;
  open_.push_back({.index = index, .key = std::nullopt, .keys = {}});
}

void TreeBuilder::close() {
  const Open closed = std::move(open_.back());
  open_.pop_back();
  std::size_t weight = 1;
  for (const YamlEntry& entry : nodes_[closed.index].entries) {
    weight += weights_[entry.value];
    if (entry.key != entry.value) weight += weights_[entry.key];
  }
  weights_[closed.index] = weight;
  attach(closed.index);
}

YamlIndex TreeBuilder::add(YamlNode node, YAML::anchor_t anchor, std::size_t weight) {
  if (weight_ == limits::yaml_nodes_max) {
    stop(node.at, {.name = "too_many_nodes",
                   .found = fmt::format("more than {} values", limits::yaml_nodes_max),
                   .expected = "policies split over several files"});
  }
  weight_ += weight;
  const auto index = static_cast<YamlIndex>(nodes_.size());
  nodes_.push_back(std::move(node));
  weights_.push_back(weight);
  if (anchor != 0) anchors_[anchor] = index;
  return index;
}

void TreeBuilder::attach(YamlIndex index) {
  if (open_.empty()) {
    root_ = index;
    return;
  }
  Open& parent = open_.back();
  YamlNode& container = nodes_[parent.index];
  if (container.shape == YamlShape::list) {
    container.entries.push_back({index, index});
  } else if (!parent.key) {
    take_key(parent, index);
  } else {
    // What hangs on a key that is not text stays out of the tree; the key has been reported.
    if (content(*parent.key).shape == YamlShape::scalar) {
      container.entries.push_back({*parent.key, index});
    }
    parent.key.reset();
  }
}

void TreeBuilder::take_key(Open& map, YamlIndex index) {
  map.key = index;
  const Position at = nodes_[index].at;
  const YamlNode& key = content(index);
  if (key.shape != YamlShape::scalar) {
    report_.add(at, {.name = "key_not_text",
                     .found = "a key that is not text",
                     .expected = "a key such as title"});
    return;
  }
  const auto [first, is_new] = map.keys.try_emplace(key.text, at);
  if (is_new) return;
  report_.add(
      at, {.name = "duplicate_key",
           .found = fmt::format("key {} a second time", quoted(key.text)),
           .expected = fmt::format("it once; it stands in line {} already", first->second.line)});
}

void TreeBuilder::refuse_tag(Position at, const std::string& tag) {
  if (tag.empty() || tag == "?" || tag == "!") return;
  report_.add(at, {.name = "yaml_tag",
                   .found = fmt::format("the tag {}", quoted(tag)),
                   .expected = "a plain value: tags have no meaning in policies"});
}

// What yaml-cpp's messages leave open: how it should have been written.
std::string expectation_for(std::string_view message) {
  using namespace YAML::ErrorMsg;
  if (message == TAB_IN_INDENTATION) return "spaces for indentation";
  if (message == END_OF_MAP) return "the keys of one map in one column, each followed by \": \"";
  if (message == END_OF_SEQ) return "the items of one list in one column, each behind \"- \"";
  if (message == END_OF_MAP_FLOW) return "a \"}\" that closes the map, and \",\" between entries";
  if (message == END_OF_SEQ_FLOW) return "a \"]\" that closes the list, and \",\" between items";
  if (message == MAP_VALUE) return "quotes round text that holds \": \"";
  if (message == UNKNOWN_ANCHOR) return "an alias of an anchor that stands above it";
  if (message == EOF_IN_SCALAR) return "the quote that closes the text";
  return "YAML 1.2";
}

Problem syntax_problem(std::string_view message) {
  return {.name = "yaml_syntax",
          .found = fmt::format("not valid YAML: {}", message),
          .expected = expectation_for(message)};
}

// The parser's own words for a tab are often about what it hoped to find in its place.
Problem syntax_problem(const YAML::Exception& error, std::string_view text) {
  Problem problem = syntax_problem(error.msg);
  const auto start = offset_of({position_of(error.mark).line, 1}, text);
  const auto first = std::min(text.find_first_not_of(" \t", start), text.size());
  if (text.substr(start, first - start).find('\t') != std::string_view::npos) {
    problem.expected = expectation_for(YAML::ErrorMsg::TAB_IN_INDENTATION);
  }
  return problem;
}

// True when the quoted text that begins at `at` goes on to the end of the file. yaml-cpp takes that
// for its end, and a file that was cut off for a whole one.
bool is_unclosed_quote(std::string_view text, Position at) {
  const auto start = offset_of(at, text);
  if (start >= text.size() || (text[start] != '"' && text[start] != '\'')) return false;
  const char quote = text[start];
  for (std::size_t i = start + 1; i < text.size(); ++i) {
    const bool escapes =
        text[i] == '\\' ? quote == '"' : quote == '\'' && text.substr(i, 2) == "''";
    if (escapes) ++i;
    if (!escapes && text[i] == quote) return false;
  }
  return true;
}

// False when reading stopped early; the reason is in the report.
bool read_documents(std::string_view text, TreeBuilder& builder, Report& report) {
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const StopReading&) {
    return false;
  } catch (const YAML::Exception& error) {
    report.add(position_of(error.mark), syntax_problem(error, text));
    return false;
  } catch (const std::exception& error) {
    report.add({}, syntax_problem(error.what()));
    return false;
  }
  if (!builder.last_quoted() || !is_unclosed_quote(text, *builder.last_quoted())) return true;
  report.add(*builder.last_quoted(), syntax_problem(YAML::ErrorMsg::EOF_IN_SCALAR));
  return false;
}

}  // namespace

const YamlNode& YamlTree::node(YamlIndex index) const {
  const YamlNode& node = nodes_[index];
  return node.alias ? nodes_[node.target] : node;
}

std::optional<YamlEntry> YamlTree::find(YamlIndex map, std::string_view key) const {
  const YamlNode& content = node(map);
  if (content.shape != YamlShape::map) return std::nullopt;
  for (const YamlEntry& entry : content.entries) {
    if (node(entry.key).text == key) return entry;
  }
  return std::nullopt;
}

std::optional<YamlTree> parse_yaml(std::string_view content, Report& report) {
  if (auto refused = refuse_source_text(content)) {
    report.add(refused->at, std::move(refused->problem));
    return std::nullopt;
  }
  TreeBuilder builder(report);
  if (!read_documents(without_byte_order_mark(content), builder, report)) return std::nullopt;
  if (!builder.has_document()) {
    report.add({}, {.name = "empty_source",
                    .found = "nothing but space and comments",
                    .expected = "a policy: the keys policy and rules"});
    return std::nullopt;
  }
  return builder.take();
}

}  // namespace reeve
