"""embed.py OBJECT HEADER: the bytes of the kernel's half as an array."""
import pathlib
import sys

data = pathlib.Path(sys.argv[1]).read_bytes()
lines = (', '.join(str(byte) for byte in data[at:at + 24]) for at in range(0, len(data), 24))
pathlib.Path(sys.argv[2]).write_text(
    '#pragma once\n\ninline constexpr unsigned char execs_object[] = {\n' + ',\n'.join(lines) + '};\n')
