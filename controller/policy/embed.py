"""Writes a C++ file whose function hands out a file's bytes: embed.py INPUT OUTPUT FUNCTION."""
import sys


def main():
    source, target, function = sys.argv[1:]
    with open(source, "rb") as file:
        data = file.read()
    rows = [", ".join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24)]
    with open(target, "w", encoding="ascii") as file:
        file.write('#include "controller/policy/embedded.h"\n\nnamespace reeve {\nnamespace {\n\n')
        file.write("constexpr std::uint8_t content[] = {\n    " + ",\n    ".join(rows) + "};\n\n")
        file.write(f"}}  // namespace\n\nByteView {function}() {{ return content; }}\n\n")
        file.write("}  // namespace reeve\n")


main()
