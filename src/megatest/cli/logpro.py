"""The console script ``logpro``, for test scripts that call it; also what the shim beside a test runs."""

from __future__ import annotations

import sys


def main() -> int:
    """Judge standard input by the rules that the command line names."""
    from megatest.logpro.command import main as judge

    if None in (sys.stdin, sys.stdout, sys.stderr):
        from megatest.cli.stream import open_closed_streams

        open_closed_streams()
    return judge(sys.argv[1:], sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    sys.exit(main())
