#!/usr/bin/env python3
"""Checks on the tracked files as text: what must not be in any of them, and what each kind must have.

- no file names the host of a package registry: builds use whatever the machine is set up for;
- no file names a path of some developer's machine, or how work on it was divided;
- every C++ header begins with `#pragma once`;
- every module under src/ and every page folder under docs/ has a README.md;
- links between Markdown pages lead somewhere;
- the tests that docs/spec/api-server-coverage.md names are there.

Usage: repository_test.py [ROOT_OF_THE_CHECKOUT]. Status 77, which the test runner counts as skipped, where this is no
Git checkout.
"""

import re
import subprocess
import sys
from pathlib import Path

SKIPPED = 77

# The dots are in brackets so that this file does not find itself.
REGISTRY = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|proxy[.]golang[.]org|sum[.]golang[.]org|"
    r"(?:deb|snapshot)[.]debian[.]org|crates[.]io|--(?:extra-)?index-url|GOPROXY[=]",
    re.IGNORECASE,
)
LOCAL_PATH = re.compile(r"(?<![\w./:${}-])/(?:(?:work|root)/\w|(?:home|Users)/[A-Za-z])")
ORGANISATION = re.compile(
    r"\b(?:TO[D]O|FIX[M]E|X{3})\b|\bchief[ ]engineer|\bpre[a]mble[.]md|\bthe (?:next|previous) issue\b|"
    r"\bissues? #?[0-9]+\b|\bshared/(?:design|reference|data)\b",
    re.IGNORECASE,
)
COVERAGE = "docs/spec/api-server-coverage.md"
NAMED_TEST = re.compile(r"`([A-Z]\w+\.[A-Z]\w+|Test[A-Z]\w+|test_\w+)`")
TEST = re.compile(r"\b(?:\w+_)?(?:TEST\w*|PROP)\(\s*(\w+),\s*(\w+)|^func (Test\w+)|^ +def (test_\w+)", re.MULTILINE)
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
# Text that comes from elsewhere as it is.
FOREIGN = (
    "test/clients/go/go.sum",
    "test/clients/go/go032.sum",
    "test/clients/javascript/package-lock.json",
    "test/clients/kubectl/go.sum",
    "tools/gen-builtin/go.sum",
)


def tracked(root):
    listing = subprocess.run(["git", "-C", root, "ls-files", "-z"], capture_output=True, text=True)
    return [name for name in listing.stdout.split("\0") if name] if listing.returncode == 0 else None


def check_text(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in (
            (REGISTRY, "names a package registry"),
            (LOCAL_PATH, "names a path of one machine"),
            (ORGANISATION, "tells how work was organised"),
        ):
            if found := pattern.search(line):
                yield f'{name}:{number}: {what}: "{found.group(0)}"'


def check_links(root, name, text):
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for target in LINK.findall(text):
        target = target.split("#")[0]
        if target and "://" not in target and not target.startswith("mailto:"):
            if not (root / name).parent.joinpath(target).exists():
                yield f"{name}: the link to {target} leads nowhere"


def check_coverage(root, names):
    """A row of the coverage table is worth as much as the test it names."""
    if COVERAGE not in names:
        return
    known = set()
    for name in names:
        if re.search(r"_test\.(?:cc|py|go)$", name) or name == "test/clients/python/client.py":
            for suite, case, go, python in TEST.findall((root / name).read_text()):
                known.add(go or python or f"{suite}.{case}")
    for test in NAMED_TEST.findall((root / COVERAGE).read_text()):
        if test not in known:
            yield f"{COVERAGE}: there is no test {test}"


def check(root, names):
    for name in names:
        path = root / name
        if path.is_symlink() or not path.is_file() or name in FOREIGN:
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        yield from check_text(name, text)
        if name.endswith(".h") and not text.startswith("#pragma once\n"):
            yield f"{name}: does not begin with #pragma once"
        if name.endswith(".md"):
            yield from check_links(root, name, text)
    yield from check_coverage(root, names)
    folders = {"/".join(name.split("/")[:2]) for name in names if re.match(r"(?:src/\w+|docs/\w+)/", name)}
    for folder in sorted(folders):
        if f"{folder}/README.md" not in names:
            yield f"{folder}: has no README.md"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
    names = tracked(root)
    if not names:
        print("not a Git checkout: nothing was checked")
        return SKIPPED
    problems = list(check(root, names))
    for problem in problems:
        print(problem)
    print(f"{len(names)} files, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
