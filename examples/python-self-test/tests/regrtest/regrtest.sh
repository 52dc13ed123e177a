#!/bin/sh
# Runs test.test_$MODULE with Python's own runner; exit code 0 if it passed.
set -eu
py=$MT_RUN_AREA_HOME/bin/py

installed=$("$py" installed.py "test.test_$MODULE")
if [ "$installed" = no ]; then
    # The script says COMPLETED itself, so its exit code does not count.
    "$MT_MEGATEST" -test-status :state COMPLETED :status SKIP -m "the test package is not installed"
    exit 0
fi

# A step of a script: two calls, before and after.
"$MT_MEGATEST" -step suite :state start :status n/a
result=0
"$py" -m test "test_$MODULE" > suite.log 2>&1 || result=$?
cat suite.log
"$MT_MEGATEST" -step suite :state end :status "$result" -setlog suite.log
exit "$result"
