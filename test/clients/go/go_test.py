"""A client-go of one version: `go_test.py MODFILE`. Builds the tests with it and runs them, informers in both ways."""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import harness  # noqa: E402


def main(modfile):
    harness.need_serin()
    if not shutil.which("go"):
        harness.skip("Go is not installed")
    program = os.path.join(harness.BUILD, modfile.removesuffix(".mod") + ".test")
    harness.prepare(["go", "test", "-c", f"-modfile={modfile}", "-o", program, "."], "client-go cannot be built", cwd=HERE)
    # All tests with informers that list and then watch; those with informers once more with the state as a stream.
    script = f'KUBE_FEATURE_WatchListClient=true "{program}" -test.v -test.run "Informers|Restart|Until" -test.timeout 120s && ' \
             f'KUBE_FEATURE_WatchListClient=false "{program}" -test.v -test.timeout 240s'
    sys.exit(harness.run_program(["sh", "-c", script], timeout=400))


if __name__ == "__main__":
    main(sys.argv[1])
