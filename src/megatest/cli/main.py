"""The one place where errors become text and exit statuses, for both grammars."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from megatest.cli.stream import guard_streams
from megatest.model.error import MegatestError, UserError

EXIT_INTERRUPTED = 130
EXIT_DEFECT = 70


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status."""
    return guarded(lambda: _dispatch(list(arguments)))


def guarded(action: Callable[[], int]) -> int:
    """Run `action`; print what went wrong, as a user should see it.

    Returns:
        The action's exit status, or the one of the error's family.
    """
    guard_streams()
    try:
        code = action()
        sys.stdout.flush()  # here it can still be said that it failed
    except MegatestError as error:
        for finding in error.diagnostics():
            print_error(finding.render())
        return error.exit_code
    except KeyboardInterrupt:
        print_error("interrupted")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return 0  # the reader of our output is gone; there is nobody to tell
    except Exception:
        print_error(_defect_report())
        return EXIT_DEFECT
    else:
        return code


def working_directory() -> str:
    """Return the current directory.

    Raises:
        UserError: it was removed under us.
    """
    try:
        return os.getcwd()
    except FileNotFoundError:
        raise UserError(
            "the current directory does not exist any more",
            hint="go to another one, or name the area with --area",
        ) from None


def load(module: str, name: str) -> Any:
    """Return what a module of the command line defines; `importlib` would be two more modules to load."""
    return getattr(__import__(f"megatest.cli.{module}", fromlist=(name,)), name)


def print_error(text: str) -> None:
    """Print to standard error, whatever its encoding can show."""
    encoding = sys.stderr.encoding or "utf-8"
    sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _dispatch(arguments: list[str]) -> int:
    if arguments and (arguments[0][:1] == ":" or _is_classic_option(arguments[0])):
        from megatest.cli import classic

        return classic.run(arguments)
    from megatest.cli import modern

    return modern.run(arguments)


def _is_classic_option(word: str) -> bool:
    return word.startswith("-") and not word.startswith("--") and word not in ("-V",)


def _defect_report() -> str:
    """Save the traceback of our own mistake and say where it is."""
    import tempfile
    import traceback

    text = traceback.format_exc()
    last = text.strip().rpartition("\n")[2]
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="megatest-defect-", suffix=".txt", delete=False, encoding="utf-8"
        ) as file:
            file.write(text)
    except OSError:
        return f"error: a defect in megatest, please report it:\n{text}"
    return (
        f"error: a defect in megatest: {last}\n"
        f"hint: please report it with the traceback in {file.name}; no result is lost, run the command again"
    )
