"""The JavaScript client: installs what package-lock.json pins and runs client.js."""
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harness  # noqa: E402

OLDEST_NODE = 18


def main():
    harness.need_serin()
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            harness.skip(f"{tool} is not installed")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    if int((re.match(r"v(\d+)", version) or [0, 0])[1]) < OLDEST_NODE:
        harness.skip(f"node is {version.strip()}, and its client needs {OLDEST_NODE}")
    lock, folder = os.path.join(HERE, "package-lock.json"), os.path.join(harness.BUILD, "javascript")
    if harness.changed(lock, folder):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(HERE, name), folder)
        harness.prepare(["npm", "ci", "--no-audit", "--no-fund"], "the JavaScript client cannot be installed", cwd=folder)
        harness.remember(lock, folder)
    program = shutil.copy(os.path.join(HERE, "client.js"), folder)
    sys.exit(harness.run_program(["node", "--test", "--test-reporter=spec", program], timeout=240))


if __name__ == "__main__":
    main()
