// reeve-bench: the timing half of tools/bench, which starts the product's programs, runs this and
// makes sense of its lines. Breaks things, and runs the floors that the product is held against.
//
//   reeve-bench file TREE FLOOR_TREE TRIALS     10,000 files below /srv/app of each tree
//   reeve-bench firewall TABLE BODY TRIALS      a table of family inet, and what nft has in its
//   braces reeve-bench port TRIALS                     on 127.0.0.1, from port 20,000 up
//   reeve-bench sweep BUNDLE TREE ROUNDS        file rules only, all of which hold
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string_view>

#include "tests/bench/rig.h"

namespace {

std::size_t number(const std::string& text) {
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out == 0)
    throw std::runtime_error("not a positive number: " + text);
  return out;
}

void run(const std::vector<std::string>& words) {
  using namespace reeve::bench;
  const std::string command = words.empty() ? "" : words[0];
  if (command == "file" && words.size() == 4)
    time_files(words[1], words[2], number(words[3]));
  else if (command == "firewall" && words.size() == 4)
    time_firewall(words[1], words[2], number(words[3]));
  else if (command == "port" && words.size() == 2)
    time_ports(number(words[1]));
  else if (command == "sweep" && words.size() == 4)
    time_sweeps(words[1], words[2], number(words[3]));
  else
    throw std::runtime_error("no such command; tools/bench knows how to call it");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run({argv + 1, argv + argc});
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "reeve-bench: {}\n", error.what());
    return 1;
  }
}
