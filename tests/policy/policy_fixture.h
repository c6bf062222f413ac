// Kinds made up for these tests, so that what is tested here does not move when a real kind
// gets a field, and short ways to compile text.
#pragma once

#include <doctest/doctest.h>

#include "controller/policy/compiler.h"

namespace reeve::fixture {

// `file` (path or glob, owner, group, mode or mode_at_most, type, absent), `port` (protocol, port,
// needed both) and `wall` (lists, rows, a body or a digest).
std::vector<KeySpec> kinds();

// A policy named web with these lines as its only rule; each line gets its indentation.
std::string rule_source(std::string_view rule_lines);

CompileOutcome compile(std::string_view source);
// "line:column name" of each error, in order.
std::vector<std::string> errors(std::string_view source);
// describe() of the only error.
std::string only_error(std::string_view source);

std::string read_source_file(std::string_view path);  // relative to the source tree

}  // namespace reeve::fixture

namespace doctest {

template <>
struct StringMaker<std::vector<std::string>> {
  static String convert(const std::vector<std::string>& items) {
    std::string out;
    for (const std::string& item : items) out += "[" + item + "] ";
    return out.c_str();
  }
};

}  // namespace doctest
