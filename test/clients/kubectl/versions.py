"""Which kubectl programs are at hand: the siblings of the one on PATH and every `kubectl*` on PATH, one of each minor version.

As a program: prints the minor versions, one a line.
"""
import glob
import json
import os
import re
import shutil
import subprocess

KUBECTL = re.compile(r"kubectl([._-]?v?[0-9.]+)?$")


def minor_of(program):
    """The minor version of a kubectl, or None where it is none."""
    try:
        report = subprocess.run([program, "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=20,
                                check=False, env={**os.environ, "KUBECONFIG": os.devnull}).stdout
        return int(re.match(r"v1\.(\d+)\.", json.loads(report)["clientVersion"]["gitVersion"]).group(1))
    except (OSError, ValueError, LookupError, AttributeError, subprocess.SubprocessError):
        return None


def at_hand():
    """{minor: path}; where two programs are of one version, the one whose name says so."""
    folders = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    first = shutil.which("kubectl")
    if first:
        folders.insert(0, os.path.dirname(os.path.realpath(first)))
    found = {}
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "kubectl*")), key=len, reverse=True):
            if KUBECTL.match(os.path.basename(path)) and os.access(path, os.X_OK):
                minor = minor_of(path)
                if minor is not None:
                    found.setdefault(minor, path)
    return found


if __name__ == "__main__":
    print("\n".join(str(minor) for minor in sorted(at_hand())))
