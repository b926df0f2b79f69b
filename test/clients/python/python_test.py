"""The Python client: makes a venv with what requirements.txt pins and runs client.py in it."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harness  # noqa: E402


def main():
    harness.need_serin()
    requirements = os.path.join(HERE, "requirements.txt")
    venv = os.path.join(harness.BUILD, "venv")
    python = os.path.join(venv, "bin", "python")
    if harness.changed(requirements, venv):
        why = "the Python client cannot be installed"
        harness.prepare([sys.executable, "-m", "venv", "--clear", venv], why)
        harness.prepare([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", requirements], why)
        harness.remember(requirements, venv)
    sys.exit(harness.run_program([python, os.path.join(HERE, "client.py")], timeout=240))


if __name__ == "__main__":
    main()
