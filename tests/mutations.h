// Damaged copies of a byte string, the same ones every time: each truncation, each single bit
// flipped, and seeded edits that overwrite, remove, repeat and insert. For decoders: no input may
// crash one, and where a signature covers the bytes none of these may pass.
#pragma once

#include <algorithm>
#include <random>

#include "common/bytes.h"

namespace reeve {

template <class Try>
void for_each_truncation(ByteView bytes, Try try_one) {
  for (std::size_t size = 0; size < bytes.size(); ++size) try_one(bytes.first(size));
}

template <class Try>
void for_each_flipped_bit(ByteView bytes, Try try_one) {
  Bytes copy(bytes.begin(), bytes.end());
  for (std::size_t bit = 0; bit < copy.size() * 8; ++bit) {
    auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
    copy[bit / 8] ^= mask;
    try_one(ByteView(copy));
    copy[bit / 8] ^= mask;
  }
}

template <class Try>
void for_each_edit(ByteView bytes, std::size_t edits, Try try_one) {
  std::mt19937_64 dice(20'260'101);
  for (std::size_t i = 0; i < edits; ++i) {
    Bytes copy(bytes.begin(), bytes.end());
    for (auto rounds = 1 + dice() % 4; rounds > 0 && !copy.empty(); --rounds) {
      auto at = copy.begin() + static_cast<std::ptrdiff_t>(dice() % copy.size());
      auto count = std::min<std::ptrdiff_t>(copy.end() - at, 1 + static_cast<int>(dice() % 8));
      switch (dice() % 4) {
        case 0:
          *at = static_cast<std::uint8_t>(dice());
          break;
        case 1:
          copy.erase(at, at + count);
          break;
        case 2:
          copy.insert(at, static_cast<std::size_t>(count), *at);
          break;
        default:
          copy.insert(at, static_cast<std::uint8_t>(dice()));
          break;
      }
    }
    try_one(ByteView(copy));
  }
}

template <class Try>
void for_each_mutation(ByteView bytes, Try try_one) {
  for_each_truncation(bytes, try_one);
  for_each_flipped_bit(bytes, try_one);
  for_each_edit(bytes, 2'000, try_one);
}

}  // namespace reeve
