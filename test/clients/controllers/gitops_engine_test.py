"""gitops-engine, the library under Argo CD's controller: its cache of the whole cluster and its sync."""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), HERE]

import harness  # noqa: E402


def main():
    harness.need_serin()
    if not shutil.which("go"):
        harness.skip("Go is not installed")
    program = os.path.join(harness.BUILD, "gitops_engine.test")
    harness.prepare(["nice", "go", "test", "-c", "-vet=off", "-p", "1", "-o", program, "."], "gitops-engine cannot be built",
                    cwd=os.path.join(HERE, "gitops_engine"))
    sys.exit(harness.run_program([program, "-test.v", "-test.timeout", "240s"], timeout=300))


if __name__ == "__main__":
    main()
