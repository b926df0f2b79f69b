"""Copies .proto files without annotations: strip_proto_annotations.py OUT IN...

Removes comments, imports of annotation packages and every parenthesised (custom) option, at file, message and
field level. Custom options never reach the wire, so the result is compatible; built-in options stay.
"""
import os
import re
import sys

ANNOTATIONS = ("validate/", "udpa/annotations/", "xds/annotations/", "envoy/annotations/", "google/api/")
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|[\w.]+|\s+|.', re.S)
OPEN, CLOSE = "([{<", ")]}>"


def tokens(text):
    return [token for token in TOKEN.findall(text) if not token.startswith(("//", "/*"))]


def end_of_statement(items, start):
    """The index of the `;` that ends the statement at `start`, past nested brackets."""
    depth = 0
    for index in range(start, len(items)):
        if items[index] in OPEN:
            depth += 1
        elif items[index] in CLOSE:
            depth -= 1
        elif items[index] == ";" and depth == 0:
            return index
    raise ValueError("statement without end")


def field_options(items, start):
    """(index of the `]` that closes the list opened at `start`, the options in it that are kept)."""
    depth, options, current = 0, [], []
    for index in range(start, len(items)):
        token = items[index]
        if token in OPEN:
            depth += 1
        elif token in CLOSE:
            depth -= 1
        if depth == 0 or (depth == 1 and token == ","):
            options.append("".join(current).strip().lstrip("[").strip())
            current = []
            if depth == 0:
                return index, [option for option in options if option and not option.startswith("(")]
        else:
            current.append(token)
    raise ValueError("option list without end")


def following(items, index):
    """The first token after `index` that is not blank."""
    return next((token for token in items[index + 1:] if not token.isspace()), "")


def strip(text):
    items, out, index = tokens(text), [], 0
    while index < len(items):
        token = items[index]
        after = following(items, index)
        if token == "import" and after.strip("\"'").startswith(ANNOTATIONS):
            index = end_of_statement(items, index)
        elif token == "option" and after == "(":
            index = end_of_statement(items, index)
        elif token == "[":
            index, kept = field_options(items, index)
            if kept:
                out.append("[" + ", ".join(kept) + "]")
        else:
            out.append(token)
        index += 1
    return re.sub(r"\n\s*\n+", "\n", "".join(out)).lstrip()


def main():
    out, sources = sys.argv[1], sys.argv[2:]
    for source in sources:
        for folder, _, files in os.walk(source):
            relative = os.path.relpath(folder, source) + "/"
            if relative.startswith(ANNOTATIONS):
                continue
            for name in files:
                if name.endswith(".proto"):
                    os.makedirs(os.path.join(out, relative), exist_ok=True)
                    with open(os.path.join(folder, name), encoding="utf-8") as file:
                        stripped = strip(file.read())
                    with open(os.path.join(out, relative, name), "w", encoding="utf-8") as file:
                        file.write(stripped)


if __name__ == "__main__":
    main()
