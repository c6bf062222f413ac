// Text for terminals and for JSON, ports and networks from any bytes.
#include <algorithm>

#include "common/bytes.h"
#include "common/network_text.h"
#include "common/result.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes = text_of({data, size});
  for (const std::string& text : {printable(bytes), json_quote(bytes)}) {
    REEVE_ASSERT(is_utf8(text));
    REEVE_ASSERT(std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }));
  }
  for (std::size_t most : {0u, 2u, 7u, 64u}) {
    std::string cut = shortened(bytes, most);
    REEVE_ASSERT(cut.size() <= most || cut == bytes);
    REEVE_ASSERT(!is_utf8(bytes) || is_utf8(cut));
  }
  REEVE_ASSERT(printable(bytes) != bytes || is_printable_lines(bytes));
  if (auto ports = parse_ports(bytes); ports.ok()) REEVE_ASSERT(to_text(*ports) == bytes);
  if (auto network = parse_network(bytes); network.ok()) {
    REEVE_ASSERT(*parse_network(to_text(*network)) == *network);
  }
  return 0;
}
