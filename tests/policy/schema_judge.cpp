#include "tests/policy/schema_judge.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "controller/policy/yaml_source.h"

namespace reeve::fixture {
namespace {

using nlohmann::json;

// The JSON schema of YAML 1.2 (section 10.2): true, false, numbers without leading zeros.
json scalar_json(const YamlNode& node) {
  if (!node.plain) return node.text;
  if (node.text == "true" || node.text == "false") return node.text == "true";
  const json number = json::parse(node.text, nullptr, false);
  return number.is_number() ? number : json(node.text);
}

json to_json(const YamlTree& tree, YamlIndex index) {
  const YamlNode& node = tree.node(index);
  switch (node.shape) {
    case YamlShape::nothing:
      return nullptr;
    case YamlShape::scalar:
      return scalar_json(node);
    case YamlShape::list: {
      json out = json::array();
      for (const YamlEntry& entry : node.entries) out.push_back(to_json(tree, entry.value));
      return out;
    }
    case YamlShape::map: {
      json out = json::object();
      for (const YamlEntry& entry : node.entries) {
        out[tree.node(entry.key).text] = to_json(tree, entry.value);
      }
      return out;
    }
  }
  return nullptr;
}

}  // namespace

bool schema_accepts(std::string_view schema_text, std::string_view source) {
  const json schema_json = json::parse(schema_text);
  valijson::Schema schema;
  valijson::SchemaParser(valijson::SchemaParser::kDraft7)
      .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), schema);
  Report report("schema");
  const auto tree = parse_yaml(source, report);
  REQUIRE(tree.has_value());
  const json document = to_json(*tree, tree->root());
  return valijson::Validator().validate(schema, valijson::adapters::NlohmannJsonAdapter(document),
                                        nullptr);
}

}  // namespace reeve::fixture
