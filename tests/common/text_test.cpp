#include "common/text.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "common/bytes.h"
#include "common/result.h"

using namespace reeve;

namespace {

bool has_control_byte(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// U+0080 to U+009F, which some terminals obey: 0xc2 and a byte below 0xa0.
bool has_c1_control(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '\xc2' && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

// What stands between the quotes has every quote and backslash escaped as RFC 8259 section 7 says.
bool is_json_string(std::string_view text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') return false;
    if (text[i] != '\\') continue;
    if (++i == text.size()) return false;
    if (std::string_view("\"\\nrt").find(text[i]) != std::string_view::npos) continue;
    if (text[i] != 'u' || i + 4 >= text.size() || !unhex(text.substr(i + 1, 4))) return false;
    i += 4;
  }
  return true;
}

std::string hostile_name(std::mt19937_64& random) {
  constexpr std::string_view pieces[] = {"\x1b[31m",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\xe2\x80\xae",
                                         "\xc2\x9b",
                                         "\xf0\x9f\x98\x80",
                                         "\xed\xa0\x80",
                                         "\xc0\xaf",
                                         "$(id)",
                                         "../",
                                         "\xff",
                                         std::string_view("\0", 1),
                                         "é"};
  std::string name;
  for (std::size_t parts = random() % 12; parts > 0; --parts) {
    if (random() % 2 == 0) {
      name += pieces[random() % std::size(pieces)];
    } else {
      name += static_cast<char>(random() % 256);
    }
  }
  return name;
}

}  // namespace

TEST_CASE("UTF-8 is what RFC 3629 says: no overlong form, no surrogate, nothing above U+10FFFF") {
  CHECK(is_utf8(""));
  CHECK(is_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  CHECK(is_utf8("\xf4\x8f\xbf\xbf"));
  CHECK(!is_utf8("\xc0\xaf"));
  CHECK(!is_utf8("\xe0\x80\xaf"));
  CHECK(!is_utf8("\xed\xa0\x80"));
  CHECK(!is_utf8("\xf4\x90\x80\x80"));
  CHECK(!is_utf8("\xe2\x82"));
  CHECK(!is_utf8("\x80"));
  CHECK(!is_utf8("\xe2\x28\xa1"));
}

TEST_CASE("printable text escapes what a terminal would obey and leaves the rest") {
  CHECK(printable("/etc/caf\xc3\xa9\\x") == "/etc/caf\xc3\xa9\\x");
  CHECK(printable("a\x1b[31m\n") == "a\\x1B[31m\\x0A");
  CHECK(printable("\xff") == "\\xFF");
  CHECK(printable("\xc2\x9b") == "\\u{9B}");
  CHECK(printable("\xe2\x80\xaetxt") == "\\u{202E}txt");
}

TEST_CASE(
    "a JSON string escapes quotes, backslashes and controls, and replaces what is not UTF-8") {
  CHECK(json_quote("a\"b\\c\n\x01\x7f") == "\"a\\\"b\\\\c\\n\\u0001\\u007f\"");
  CHECK(json_quote("\xff\xc3\xa9") == "\"\xef\xbf\xbd\xc3\xa9\"");
  CHECK(json_quote("\xc2\x9b\xe2\x80\xae") == "\"\\u009b\\u202e\"");
}

TEST_CASE("10,000 hostile names become valid JSON and text without a raw control byte") {
  std::mt19937_64 random(20'240'519);
  int changed = 0;
  for (int i = 0; i < 10'000; ++i) {
    std::string name = hostile_name(random);
    std::string json = json_quote(name);
    std::string shown = printable(name);
    changed += shown != name;
    REQUIRE(is_json_string(json));
    for (const std::string& text : {json, shown}) {
      REQUIRE(is_utf8(text));
      REQUIRE(!has_control_byte(text));
      REQUIRE(!has_c1_control(text));
      REQUIRE(text.find("\xe2\x80\xae") == std::string::npos);
    }
  }
  CHECK(changed > 5'000);  // the names were hostile
}

TEST_CASE("shortened text keeps whole characters and says that something is missing") {
  CHECK(shortened("short", 5) == "short");
  CHECK(shortened("shorter", 6) == "sho...");
  CHECK(shortened("ab\xe2\x82\xac\xe2\x82\xac", 7) == "ab...");
  CHECK(shortened("ab\xe2\x82\xac\xe2\x82\xac", 8) == "ab\xe2\x82\xac\xe2\x82\xac");
  CHECK(shortened("abcdef", 3) == "...");
  CHECK(shortened("abcdef", 1) == ".");
  CHECK(shortened("abcdef", 0) == "");
  CHECK(shortened(std::string(20, '\x80'), 8).size() <= 8);
}

TEST_CASE("the closest candidate is the nearest within two edits") {
  std::vector<std::string> fields{"group", "owner", "mode", "owned"};
  CHECK(closest("ownr", fields) == "owner");
  CHECK(closest("onwer", fields) == "owner");
  CHECK(closest("owner", fields) == "owner");
  CHECK(closest("moed", fields) == "mode");
  CHECK(closest("grup", fields) == "group");
  CHECK(closest("permissions", fields) == "");
  CHECK(closest("xy", {"id"}) == "");
  CHECK(closest("", fields) == "");
  CHECK(closest(std::string(100'000, 'a'), {std::string(100'000, 'a')}) == "");
}

TEST_CASE("hexadecimal goes both ways, and only lower-case digits are read") {
  CHECK(hex(Bytes{0, 0xff, 0x1a}) == "00ff1a");
  CHECK(unhex("00ff1a") == Bytes{0, 0xff, 0x1a});
  CHECK(unhex("") == Bytes{});
  CHECK(!unhex("0"));
  CHECK(!unhex("0G"));
  CHECK(!unhex("FF"));
}

TEST_CASE("numbers are written and read big-endian, and a short read empties the reader") {
  Bytes bytes;
  append_u16(bytes, 0x0102);
  append_u32(bytes, 0x03040506);
  append_u64(bytes, 0x0708090a0b0c0d0e);
  CHECK(hex(bytes) == "0102030405060708090a0b0c0d0e");
  ByteReader reader(bytes);
  CHECK(reader.u16() == 0x0102);
  CHECK(reader.u32() == 0x03040506);
  CHECK(reader.u64() == 0x0708090a0b0c0d0e);
  CHECK(reader.ok());
  CHECK(reader.at_end());

  ByteReader cut(bytes);
  CHECK(cut.take(10).size() == 10);
  CHECK(cut.u64() == 0);
  CHECK(!cut.ok());
  CHECK(cut.u8() == 0);
  CHECK(cut.take(0).empty());
  CHECK(cut.rest().empty());
}

TEST_CASE("an error from errno names act, object and words") {
  Error error = os_error("disk_full", "write", "journal/1", 28);
  CHECK(error.name == "disk_full");
  CHECK(error.detail == "write journal/1: No space left on device");
  CHECK(error.os_errno == 28);
  CHECK(os_error("odd", "read", "x", 99'999).detail == "read x: errno 99999");
}

TEST_CASE("lines and tabs are printable lines, what a terminal would obey is not") {
  CHECK(is_printable_lines(""));
  CHECK(is_printable_lines("table {\n\ttype filter hook input priority 0;\n}\n"));
  CHECK(is_printable_lines("gr\xC3\xBC\xC3\x9F\xE2\x82\xAC \\ \" '"));
  for (const char* text :
       {"\r\n", "\x1b[31m", "\x7f", "a\xC2\x9B", "\xE2\x80\xAE", "\xff", "\xC3"}) {
    CHECK_FALSE(is_printable_lines(text));
  }
  CHECK_FALSE(is_printable_lines(std::string_view("a\0b", 3)));
}
