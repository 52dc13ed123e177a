"""Where every call begins: choose the grammar, and load no more than it needs.

A test calls ``megatest -step ...`` many times; those calls must not pay for the command line's
libraries.  So this module imports nothing but `sys` and `gc` before it knows what was asked.
"""

from __future__ import annotations

import gc
import sys

_CLASSIC_IN_TEST = frozenset(
    {"-step", "-test-status", "-setlog", "-set-toplog", "-runstep", "-set-values", "-load-test-data"}
)
_MODERN_IN_TEST = frozenset({"step", "status", "log-file", "value"})
_VERSION = frozenset({"-version", "--version"})


# Records come by the hundred thousand and hardly ever in cycles.  At the usual 700 objects, looking for
# garbage takes a third of the time in which 100,000 tests are planned.
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def main() -> int:
    """Run the command line of this process; the console script."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS, 20, 100)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from megatest.cli.stream import open_closed_streams

        open_closed_streams()
    try:
        return _dispatch(sys.argv[1:])
    finally:
        # The interpreter looks through everything for cycles once more when it ends: a tenth of a listing's
        # time, for memory that the kernel takes back anyway.  What is not in a cycle is still torn down.
        gc.freeze()


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in _VERSION:
        try:
            return _print_version()
        except OSError:
            from megatest.cli.main import guarded

            return guarded(_print_version)  # this time it is told in words
    if first in _MODERN_IN_TEST or _in_test_option(arguments):
        from megatest.cli import intest

        return intest.main(arguments)
    from megatest.cli.main import run

    return run(arguments)


def _print_version() -> int:
    from megatest import __version__

    print(f"megatest {__version__}", flush=True)
    return 0


def _in_test_option(arguments: list[str]) -> bool:
    """Whether a classic line has one of the in-test options anywhere, as in ``-m x -step s``."""
    return bool(arguments) and arguments[0][:1] in "-:" and not _CLASSIC_IN_TEST.isdisjoint(arguments)


if __name__ == "__main__":
    sys.exit(main())
