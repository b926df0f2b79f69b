"""Builds the Go program of this folder and runs it with the arguments given. Ends with 77 (skipped) where that cannot be."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SKIPPED = 77
OLDEST_GO = 26  # go.mod says so: client-go 0.36 needs it


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def main():
    go = shutil.which("go")
    if not go:
        skip("Go is not installed")
    version = re.search(r"go1\.(\d+)", subprocess.run([go, "version"], capture_output=True, text=True).stdout)
    if not version or int(version.group(1)) < OLDEST_GO:
        skip(f"Go is older than 1.{OLDEST_GO}")
    if subprocess.run([go, "mod", "download"], cwd=HERE, capture_output=True).returncode != 0:
        skip("the Go modules cannot be fetched")
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "wire")
        subprocess.run([go, "build", "-o", program, "."], cwd=HERE, check=True)
        sys.exit(subprocess.run([program, *sys.argv[1:]]).returncode)


if __name__ == "__main__":
    main()
