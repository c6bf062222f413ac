// Byte strings, digests and their hexadecimal form; big-endian numbers for fixed binary layouts.
// Plain values without ownership rules of their own.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reeve {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// A fixed-size byte string that compares and hashes as a value.
template <std::size_t N>
struct FixedBytes {
  std::array<std::uint8_t, N> data{};

  static constexpr std::size_t size() { return N; }
  ByteView view() const { return data; }
  auto operator<=>(const FixedBytes&) const = default;
  bool is_zero() const { return *this == FixedBytes{}; }
};

using Digest = FixedBytes<32>;  // SHA-256
using NodeId = Digest;          // SHA-256 of the first enrolled record key
using KeyHash = Digest;         // SHA-256 of an Ed25519 public key
using Epoch = FixedBytes<16>;
using Salt = FixedBytes<16>;

ByteView view_of(std::string_view text);
std::string_view text_of(ByteView bytes);
Bytes bytes_of(std::string_view text);
void append(Bytes& out, ByteView more);

std::string hex(ByteView bytes);
// Absent for an odd length or a character that is not [0-9a-f].
std::optional<Bytes> unhex(std::string_view text);

// Absent unless bytes holds exactly N bytes.
template <std::size_t N>
std::optional<FixedBytes<N>> fixed(ByteView bytes) {
  if (bytes.size() != N) return std::nullopt;
  FixedBytes<N> out;
  for (std::size_t i = 0; i < N; ++i) out.data[i] = bytes[i];
  return out;
}

void append_u16(Bytes& out, std::uint16_t value);
void append_u32(Bytes& out, std::uint32_t value);
void append_u64(Bytes& out, std::uint64_t value);

// Reads fixed layouts front to back. After the first short read everything is zero or empty and
// ok() is false, so a caller reads all fields and asks once.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  ByteView take(std::size_t count);
  template <std::size_t N>
  FixedBytes<N> take_fixed() {
    return fixed<N>(take(N)).value_or(FixedBytes<N>{});
  }

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
  bool ok_ = true;
};

}  // namespace reeve
