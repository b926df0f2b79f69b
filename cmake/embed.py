"""Writes a C++ source that carries files as string literals; see EmbedFiles.cmake."""
import os
import sys

CHUNK = 8000  # characters per literal; adjacent literals are joined by the compiler


def literal(data):
    out = []
    for byte in data:
        char = chr(byte)
        if char == "\n":
            out.append("\\n")
        elif char in '"\\?':
            out.append("\\" + char)
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append("\\%03o" % byte)
    pieces, line = [], ""
    for token in out:
        line += token
        if len(line) > 100 or token == "\\n":
            pieces.append('"%s"' % line)
            line = ""
    pieces.append('"%s"' % line)
    return "\n    ".join(pieces)


def main():
    name, root, out, files = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    os.makedirs(os.path.join(out, "embedded"), exist_ok=True)
    with open(os.path.join(out, "embedded", name + ".h"), "w") as header:
        header.write(
            "#pragma once\n#include <span>\n#include <string_view>\n\nnamespace serin::embedded {\n"
            "#ifndef SERIN_EMBEDDED_FILE\n#define SERIN_EMBEDDED_FILE\n"
            "struct File {\n  std::string_view name;\n  std::string_view bytes;\n};\n#endif\n"
            "std::span<const File> %s();\n}  // namespace serin::embedded\n" % name)
    with open(os.path.join(out, name + ".cc"), "w") as source:
        source.write('#include "embedded/%s.h"\n\nnamespace serin::embedded {\nnamespace {\nconstexpr File kFiles[] = {\n' % name)
        for path in files:
            with open(path, "rb") as file:
                data = file.read()
            source.write('    {"%s", std::string_view(\n    %s, %d)},\n' % (os.path.relpath(path, root), literal(data), len(data)))
        source.write("};\n}  // namespace\n\nstd::span<const File> %s() { return kFiles; }\n}  // namespace serin::embedded\n" % name)


main()
