#!/usr/bin/env python3
"""Compares the #includes under src/ with the module table of docs/design/architecture.md §4.

The table says for each module what it is built on and which third-party headers it may use. Checked here:
the table agrees with the CMakeLists.txt of each module; dependencies point up the table only; no feature
includes another; nothing but tests includes test support; third-party headers stay in the modules, and where
the table does not say otherwise in the sources, that the table names for them.

Usage: layering_test.py [ROOT_OF_THE_CHECKOUT]
"""

import re
import sys
from pathlib import Path

FOUNDATION = {"base", "data", "kube", "net", "client"}
ROOT_MODULE = "app"  # the composition root: the only one that may know several features
SHOWN = {"base", "data"}  # the third-party headers in their headers are for everybody
GENERATED = "embedded"  # headers that cmake/EmbedFiles.cmake makes, private to each target

SYSTEM_FOLDERS = {"sys", "linux", "net", "netinet", "arpa", "asm"}
SYSTEM_HEADERS = {
    "dirent.h", "dlfcn.h", "fcntl.h", "getopt.h", "grp.h", "ifaddrs.h", "netdb.h", "poll.h", "pthread.h", "pwd.h",
    "sched.h", "signal.h", "spawn.h", "syscall.h", "termios.h", "time.h", "unistd.h",
}
TEST_LIBRARIES = ("gtest/", "gmock/", "rapidcheck.h", "rapidcheck/")
BANNED_IN_HEADERS = {"regex", "iostream"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \|(.*)\|\s*$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")


class Module:
    """A row of the table: `deps` as declared, `reach` with all that follows from them."""

    def __init__(self, name, deps, libraries, header_libraries):
        self.name, self.deps = name, deps
        self.libraries, self.header_libraries = libraries, header_libraries
        self.reach = set()


def read_table(page):
    section = page.split("\n## 4.", 1)[1].split("\n## ", 1)[0]
    modules = {}
    for name, rest in ROW.findall(section):
        deps, _, sources, headers = [cell.strip() for cell in rest.split("|")]
        in_headers = set(CODE.findall(headers))
        modules[name] = Module(name, set(CODE.findall(deps)), set(CODE.findall(sources)) | in_headers, in_headers)
    return modules


def declared_dependencies(text):
    """DEPS and TEST_DEPS of the serin_module() call; `x_testing` is test support of module x."""
    call = re.search(r"serin_module\(([^)]*)\)", text)
    found = {"DEPS": set(), "TEST_DEPS": set()}
    keyword = None
    for word in call.group(1).split()[1:] if call else []:
        if word.isupper():
            keyword = word
        elif keyword in found:
            found[keyword].add(word.removesuffix("_testing"))
    return found["DEPS"], found["TEST_DEPS"]


def is_test(path):
    return path.stem.endswith("_test") or path.stem == "test_support" or "testing" in path.parts


def is_third_party(header):
    if "/" in header:
        return header.split("/")[0] not in SYSTEM_FOLDERS
    return header.endswith((".h", ".hpp")) and header not in SYSTEM_HEADERS


def allowed(header, prefixes):
    return any(header == prefix or (prefix.endswith("/") and header.startswith(prefix)) for prefix in prefixes)


def check(root):
    problems = []
    src = root / "src"
    modules = read_table((root / "docs/design/architecture.md").read_text())
    folders = {path.name for path in src.iterdir() if path.is_dir()}
    for name in sorted(folders ^ set(modules)):
        problems.append(f"{name}: is in src/ and not in the table, or the other way round")

    test_reach = {}
    for name, module in modules.items():  # in the order of the table: what a row is built on stands above it
        for dep in sorted(module.deps):
            if dep not in modules or not modules[dep].reach:
                problems.append(f"{name}: is built on {dep}, which does not stand above it in the table")
                continue
            if name not in FOUNDATION | {ROOT_MODULE} and dep not in FOUNDATION:
                problems.append(f"{name}: a feature module may not be built on the feature {dep}")
            module.reach |= modules[dep].reach
        module.reach.add(name)
    for name in sorted(folders & set(modules)):
        deps, test_deps = declared_dependencies((src / name / "CMakeLists.txt").read_text())
        if deps != modules[name].deps:
            problems.append(f"{name}: CMakeLists.txt says DEPS {sorted(deps)}, the table {sorted(modules[name].deps)}")
        test_reach[name] = modules[name].reach.union(*(modules[dep].reach for dep in test_deps if dep in modules))

    files = [path for path in sorted(src.rglob("*")) if path.suffix in (".h", ".cc") and path.is_file()]
    private = set()  # headers with a heavy library in them: for their own module only
    includes = []
    for path in files:
        relative = path.relative_to(src)
        name = relative.parts[0]
        if name not in modules or len(relative.parts) < 2:
            continue
        for own, system in INCLUDE.findall(path.read_text()):
            includes.append((relative, name, own, system))
            if path.suffix == ".h" and system and is_third_party(system) and not is_test(relative):
                if name not in SHOWN:
                    private.add(str(relative))

    for relative, name, own, system in includes:
        test = is_test(relative)
        module = modules[name]
        if own:
            room = own.split("/")[0]
            if room == GENERATED or "/" not in own:
                continue
            if room not in modules:
                problems.append(f'{relative}: "{own}" names no module; third-party headers stand in <>')
            elif room not in (test_reach[name] if test else module.reach):
                problems.append(f'{relative}: "{own}": {name} is not built on {room}')
            elif not test and is_test(Path(own)):
                problems.append(f'{relative}: "{own}" is test support')
            elif room != name and own in private:
                problems.append(f'{relative}: "{own}" brings a third-party header and belongs to {room} alone')
            continue
        header = relative.suffix == ".h"
        if header and system in BANNED_IN_HEADERS and not test:
            problems.append(f"{relative}: <{system}> belongs in a source file")
        if not is_third_party(system) or (test and allowed(system, TEST_LIBRARIES)):
            continue
        shared = set().union(*(modules[shown].header_libraries for shown in module.reach & SHOWN))
        here = module.header_libraries if header and not test else module.libraries
        if not allowed(system, here | shared):
            problems.append(f"{relative}: <{system}> is not for {'headers' if header else 'sources'} of {name}")
    return problems, len(files)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    problems, count = check(root)
    for problem in problems:
        print(problem)
    print(f"{count} files, {len(problems)} problems")
    return 1 if problems or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
