#!/usr/bin/env bash
# run.sh BUILD_DIR [ctest option]...: runs all tests of a finished build, shows the output of those that fail and
# closes with the line `N passed, N failed`. Status 0 only if at least one test ran and none failed.
set -uo pipefail
build=$1
shift

report=$(mktemp)
log=$(mktemp)
trap 'rm -f "$report" "$log"' EXIT
ctest --test-dir "$build" --output-on-failure --no-tests=error --output-junit "$report" "$@" | tee "$log"
status=${PIPESTATUS[0]}

# Skipped and disabled tests count as neither; a test that could not be started counts as failed.
passed=$(grep -c '<testcase .*status="run"' "$report")
failed=$(sed -n 's/.* tests passed, \([0-9]*\) tests failed out of .*/\1/p' "$log" | tail -n 1)
if [ "$status" != 0 ] && [ "${failed:-0}" = 0 ]; then
  failed=1
fi
echo "${passed:-0} passed, ${failed:-0} failed"
exit "$status"
