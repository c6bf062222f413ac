#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "common/seal.h"

int main(int argc, char** argv) {
  if (auto ready = reeve::init_crypto(); !ready.ok()) return 1;
  doctest::Context context(argc, argv);
  return context.run();
}
