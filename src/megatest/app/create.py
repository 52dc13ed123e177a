"""Making a new area, and a new test in an area: commented files that work as they are."""

from __future__ import annotations

import os
from collections.abc import Mapping

from megatest.app.session import Session
from megatest.config.area import CONFIG_NAME
from megatest.config.runconfig import RUNCONFIGS_NAME
from megatest.model.error import EnvironmentFault, UserError
from megatest.model.ids import check_name
from megatest.model.pattern import is_plain

_CONFIG = """\
# This directory is an area: the files of a test suite, and the runs that were made of it.
# Tests are in tests/, one directory each; what differs between targets is in runconfigs.config.
# `megatest check` names everything that is wrong with these files.

# A run is made for one target: a value for each field, in this order, as in
# `megatest run -t main/linux`.  Tests see the values as variables, here $RELEASE and $OS.
[fields]
RELEASE TEXT
OS      TEXT

[setup]
# The target that is meant when none is named.
target main/linux

# Results are found as LINKTREE/TARGET/RUNNAME/TEST/ITEM, wherever the disks are.
linktree #{getenv MT_RUN_AREA_HOME}/lt

# How many tests run at once, over all runs.  Left out: one per processor.
# max_concurrent_jobs 4

# How long a test may run, unless its own testconfig says otherwise.
# runtimelim 1h

# Where run directories are made; the disk with the most free space wins.  Left out: runs/ here.
# [disks]
# scratch1 /scratch1/megatest

# Tests are started here, on this machine, unless a launcher is named.
# [jobtools]
# launcher bsub -q regress

# Set for every test, whatever the user's shell says.
# [env-override]
# LC_ALL C.UTF-8
"""

_RUNCONFIGS = """\
# Variables that every test of a run gets: those of [default], then those of its target.
[default]
GREETING Hello

[main/linux]
# TESTPATT names the tests that `megatest run` means when it is given none.
# TESTPATT %
"""

_IGNORED = """\
/runs
/lt
/logs
megatest.db*
"""

_TESTCONFIG = """\
# {name}: what runs, what must have passed before, with which variables.

[setup]
# A program in this directory, or on PATH.  It passes if it exits with 0.
runscript {script}

# Steps instead of a script, or after it: each is a shell command with a log of its own.
# [ezsteps]
# build make all
# check make check

# [requirements]
# Tests that must have passed before, by name.
# waiton setup
# runtimelim 10m

# One run of this test for each value; with two variables for each pair.
# [items]
# COLOUR red green

[test_meta]
author      {author}
description What this test is about, in a line
# tags      smoke
"""

_SCRIPT = """\
#!/bin/sh
# Runs in a directory of its own with a copy of this test's files.
# Say more about what goes on:  megatest step NAME start n/a   ...   megatest step NAME end 0
# Report what you measured:     megatest value seconds 1.5 --expected 2 --tol "<"
# Say how it went yourself:     megatest status COMPLETED WARN -m "a word about it"

echo "${GREETING:-Hello} from $MT_TEST_NAME for $MT_TARGET"
"""

_UNFIT = frozenset(" \t,#\"'\\$`&|;<>()")
_FIRST_TEST = "hello"
_SCRIPT_NAME = "main.sh"


def make_area(directory: str, author: str) -> list[str]:
    """Make an area with one test; return the paths of the files made.

    Args:
        directory: made if it does not exist; other files in it are left alone.
        author: for the test's file.

    Raises:
        UserError: one of the files is there already; nothing was written.
        EnvironmentFault: one cannot be written.
    """
    home = os.path.abspath(directory)
    test = {f"tests/{_FIRST_TEST}/{name}": text for name, text in _test_files(_FIRST_TEST, author).items()}
    return _write_all(
        home,
        {CONFIG_NAME: _CONFIG, RUNCONFIGS_NAME: _RUNCONFIGS, ".gitignore": _IGNORED, **test},
    )


def make_test(session: Session, name: str, author: str) -> list[str]:
    """Make a test that passes in an area; return the paths of the files made.

    Raises:
        UserError: this cannot be a test's name or is awkward as one, or there is such a test.
        EnvironmentFault: a file cannot be written.
    """
    check_name(name, "test")
    if not (is_plain(name) and _UNFIT.isdisjoint(name)):
        raise UserError(
            f"test name {name!r} could not be written in a waiton, a pattern or a shell line",
            hint="use letters, digits, '_', '.', '-'",
        )
    tests = session.tests()
    if name in tests:
        raise UserError(f"there is a test {name!r} already: {tests[name]}", hint="choose another name")
    return _write_all(os.path.join(session.area.home, "tests", name), _test_files(name, author))


def _test_files(name: str, author: str) -> Mapping[str, str]:
    config = _TESTCONFIG.format(name=name, script=_SCRIPT_NAME, author=author)
    return {"testconfig": config, _SCRIPT_NAME: _SCRIPT}


def _write_all(directory: str, files: Mapping[str, str]) -> list[str]:
    paths = {os.path.join(directory, name): text for name, text in files.items()}
    taken = [path for path in paths if os.path.lexists(path)]
    if taken:
        raise UserError(f"{taken[0]} is there already", hint="nothing was written; name another directory")
    try:
        for path, text in paths.items():
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
                if text.startswith("#!"):
                    os.fchmod(file.fileno(), 0o777 & ~_umask())
    except OSError as error:
        raise EnvironmentFault(f"cannot write {error.filename or directory}: {error.strerror}") from error
    return list(paths)


def _umask() -> int:
    """Return the mask of the permissions of new files; asking means setting it for a moment."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
