"""Builds the Go program of this folder and runs it with the arguments given: main.go says which. `objects TOOL` without files
takes the CRDs and objects of ../crds. Ends with 77 (skipped) where that cannot be."""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "crds"))
SKIPPED = 77
OLDEST_GO = 24  # go.mod says so: the modules of Kubernetes 1.33 need it


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def published(folder):
    """The files of published CRDs, and one of objects, good and bad, which it writes to `folder`."""
    import crds_test
    import objects

    folders = crds_test.fetch()
    files = [file for module, pattern in crds_test.PUBLISHED for file in sorted(glob.glob(os.path.join(folders[module], pattern)))]
    file = os.path.join(folder, "objects.yaml")
    with open(file, "w", encoding="utf-8") as out:
        out.write("\n---\n".join(objects.GOOD + [manifest for _, _, manifest in objects.BAD]))
    return files + [file]


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
        program = os.path.join(folder, "cel")
        subprocess.run([go, "build", "-o", program, "."], cwd=HERE, check=True)
        arguments = sys.argv[1:]
        if arguments[0] == "objects" and len(arguments) == 2:
            arguments += published(folder)
        sys.exit(subprocess.run([program, *arguments]).returncode)


if __name__ == "__main__":
    main()
