// Policy source: any bytes give errors with positions or a bundle that agents decode, never both.
#include "controller/policy/compiler.h"

#include "common/text.h"
#include "tests/fuzz/fuzz.h"

using namespace reeve;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const SourceFile file{"fuzz.yaml", std::string(text_of({data, size}))};
  static const std::vector<KeySpec> kinds = embedded_kinds();
  const CompileOutcome outcome = compile_policy({file}, kinds);
  REEVE_ASSERT(outcome.bundle.has_value() == outcome.errors.empty());
  for (const SourceError& error : outcome.errors) {
    REEVE_ASSERT(error.at.line >= 1 && error.at.column >= 1);
    REEVE_ASSERT(error.at.column <= size + 1);
    REEVE_ASSERT(!error.name.empty() && !error.found.empty() && !error.expected.empty());
    REEVE_ASSERT(printable(describe(error)) == describe(error));
    REEVE_ASSERT(is_utf8(to_json_line(error)));
  }
  if (!outcome.bundle) return 0;
  const auto decoded = decode_bundle(encode_bundle(*outcome.bundle));
  REEVE_ASSERT(decoded.ok() && *decoded == *outcome.bundle);
  return 0;
}
