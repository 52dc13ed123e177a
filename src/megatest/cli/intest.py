"""What a test says from inside: one line of its journal per call, within milliseconds.

Both grammars: ``megatest -step NAME :state S :status V`` and ``megatest step NAME STATE STATUS``.
A test may call this thousands of times, so nothing is imported before it is needed: no command
line library, no json, no configuration, no database.  What the words mean for the test's status
is decided by whoever reads the journal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence

from megatest.workarea.line import append_lines, record_line, uptime_s

OUTSIDE = 5
MISUSED = 6
_USAGE = 2
_FAULT = 3
_NOT_JUDGED = 127
_SIGNALLED = 128

Fields = list[tuple[str, str | int | float]]

CLASSIC = frozenset(
    {"-step", "-test-status", "-setlog", "-set-toplog", "-runstep", "-set-values", "-load-test-data"}
)
MODERN = frozenset({"step", "status", "log-file", "value"})

_DATA = ("category", "variable", "value", "expected", "tol", "units")
_CSV = (*_DATA, "comment", "status", "type")
_VALUED = frozenset({"step", "setlog", "set-toplog", "runstep", "m", "logpro", "debug"})
_NAMED = frozenset({"state", "status", "type", *_DATA})


class _RefusedError(Exception):
    """The call is wrong or cannot be carried out: text for the user and exit status."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def main(argv: Sequence[str]) -> int:
    """Carry out one call.

    Returns:
        The exit status: 0, 2 for a wrong command line, 3 if the journal cannot be written,
        5 outside a test, 6 where a state, a status or the words of a step are missing, or a value
        cannot be compared with what is expected of it;
        `-runstep` passes on 0, 1 and 2 of the command and turns all else into 3.
    """
    try:
        if argv and argv[0] in MODERN:
            return _modern(argv[0], argv[1:])
        return _classic(argv)
    except _RefusedError as refused:
        print(f"megatest: {refused}", file=sys.stderr)
        return refused.code


def _classic(argv: Sequence[str]) -> int:
    flags, words = _read_options(argv)
    name = next((word for word in argv if word in CLASSIC), "-step")
    journal = _journal(name)
    if "runstep" in flags:
        return _run_step(journal, flags, words)
    if words:
        raise _RefusedError(_USAGE, f"unknown argument: {words[0]}")
    records = _said(flags)
    if "load-test-data" in flags:
        records += _read_values()
    _record(journal, records)
    return 0


def _read_options(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return the options by name (switches are empty) and all other words.

    An option that takes a value takes the next word, whatever it looks like.  Behind the name
    of `-runstep` only `-m` and `-logpro` are options, and behind ``--`` nothing is: the rest
    are words of the step's command.
    """
    flags: dict[str, str] = {}
    words: list[str] = []
    rest = iter(argv)
    for word in rest:
        if word == "--":
            return flags, [*words, *rest]
        sign, name = word[:1], word[1:]
        if "runstep" in flags and word not in ("-m", "-logpro"):
            words.append(word)
        elif (sign == "-" and name in _VALUED) or (sign and sign in "-:" and name in _NAMED):
            value = next(rest, None)
            if value is None:
                raise _RefusedError(_USAGE, f"{word} needs a value")
            flags[name] = value
        elif word in CLASSIC or word in ("-v", "-q"):
            flags[name] = ""
        else:
            words.append(word)
    return flags, words


def _journal(name: str) -> str:
    """Return the path of this test's journal."""
    run_dir = os.environ.get("MT_TEST_RUN_DIR", "")
    if not run_dir or not os.environ.get("MT_CMDINFO"):
        raise _RefusedError(OUTSIDE, f"{name} works only inside a test: MT_CMDINFO is not set")
    given = os.environ.get("MT_JOURNAL")
    if given:
        return given
    from megatest.model.rundir import JOURNAL  # who starts a test sets the variable

    return f"{run_dir}/{JOURNAL}"


def _said(flags: dict[str, str]) -> list[tuple[str, Fields]]:
    """Return the records that the options ask for.

    Raises:
        _RefusedError: one of them is incomplete; then none is written.
    """
    records: list[tuple[str, Fields]] = []
    if "step" in flags:
        log = flags.pop("setlog", "")
        said = _state_and_status("-step", flags)
        records.append(("step", [("step", _named(flags["step"])), *said, ("log", log)]))
    if "test-status" in flags:
        records.append(("status", _state_and_status("-test-status", flags)))
    if "setlog" in flags:
        records.append(("log", [("log", flags["setlog"])]))
    if "set-toplog" in flags:
        records.append(("log", [("log", flags["set-toplog"]), ("top", True)]))
    if "set-values" in flags or ("test-status" in flags and "value" in flags):
        records.append(("value", _measured(flags)))
    return records


def _named(step: str) -> str:
    if not step:
        raise _RefusedError(MISUSED, "-step needs the name of the step; nothing was recorded")
    return step


def _state_and_status(option: str, flags: dict[str, str]) -> Fields:
    state, status = flags.get("state", ""), flags.get("status", "")
    if not state or not status:
        raise _RefusedError(MISUSED, f"{option} needs :state and :status; nothing was recorded")
    return [("state", state), ("status", status), ("comment", flags.get("m", ""))]


def _measured(flags: dict[str, str]) -> Fields:
    if not flags.get("value"):
        raise _RefusedError(MISUSED, "-set-values needs :value; nothing was recorded")
    fields: Fields = [(name, flags[name]) for name in (*_DATA, "type") if name in flags]
    if "test-status" not in flags:  # there :status and -m are the test's own
        fields += [("status", flags.get("status", "")), ("comment", flags.get("m", ""))]
    absent: Fields = [(name, "n/a") for name in ("expected", "tol", "units") if name not in flags]
    return [*_checked(fields, "-set-values"), *absent]


def _checked(fields: Fields, place: str) -> Fields:
    """Return the fields of a measured value if it is one.

    Raises:
        _RefusedError: it cannot be compared with what is expected of it.
    """
    from megatest.engine.measure import complaint
    from megatest.model.attempt import ValueSaid

    said = {name: str(value) for name, value in fields}
    value, expected, tol, status = (said.get(name, "") for name in ("value", "expected", "tol", "status"))
    wrong = complaint(ValueSaid(value=value, expected=expected, tol=tol, status=status))
    if wrong:
        raise _RefusedError(MISUSED, f"{place}: {wrong}; nothing was recorded")
    return fields


def _record(journal: str, records: Iterable[tuple[str, Fields]]) -> None:
    """Append records in one write, so that those of others cannot come between."""
    up = uptime_s()
    lines = b"".join(record_line(kind, [*fields, ("up", up)]) for kind, fields in records)
    if not lines:
        return
    try:
        append_lines(journal, lines)
    except FileNotFoundError:
        raise _RefusedError(_FAULT, f"there is no {journal}; nothing was recorded") from None
    except OSError as error:
        raise _RefusedError(_FAULT, f"cannot write {journal}: {error.strerror}") from error


def _read_values() -> list[tuple[str, Fields]]:
    """Return the records of the comma separated values on standard input.

    Raises:
        _RefusedError: one of the lines is no value; then none is recorded.
    """
    import csv

    stdin = open(0, encoding="utf-8", errors="surrogateescape", newline="", closefd=False)  # noqa: SIM115
    values: list[tuple[str, Fields]] = []
    reader = csv.reader(stdin, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                fields: Fields = [pair for pair in zip(_CSV, cells, strict=False) if pair[1]]
                values.append(("value", _checked(fields, f"-load-test-data: line {reader.line_num}")))
    except csv.Error as error:
        raise _RefusedError(MISUSED, f"-load-test-data: {error}") from error
    return values


def _run_step(journal: str, flags: dict[str, str], words: Sequence[str]) -> int:
    """Run a command as a step: its output to ``NAME.log``, its begin and end to the journal."""
    step = flags["runstep"]
    if not step or not words:
        raise _RefusedError(MISUSED, "-runstep needs a name and the words of a command")
    if "/" in step or "\0" in step:
        raise _RefusedError(MISUSED, f"-runstep {step}: the name becomes a file's and cannot hold a '/'")
    comment = flags.get("m", "")
    log = f"{step}.log"
    start: Fields = [("step", step), ("state", "start"), ("status", "n/a"), ("comment", comment)]
    _record(journal, [("step", start)])
    code = _run([_shell(), "-c", " ".join(words)], output=log)
    records: list[tuple[str, Fields]] = []
    if "logpro" in flags:
        code = _judged(step, code, flags["logpro"])
        log = f"{step}.html"
        records.append(("log", [("log", log)]))
    end: Fields = [("step", step), ("state", "end"), ("status", str(code)), ("comment", comment)]
    _record(journal, [*records, ("step", [*end, ("log", log)])])
    return code if code in (0, 1, 2) else 3


def _judged(step: str, code: int, rules: str) -> int:
    """Return what rules make of a step's log, in place of its exit status; a signal's stands."""
    try:
        judged = _run(["logpro", rules, f"{step}.html"], stdin=f"{step}.log", output=f"{step}_logpro.log")
    except _RefusedError as refused:
        print(f"megatest: -runstep {step}: {refused}", file=sys.stderr)
        judged = _NOT_JUDGED
    return code if _SIGNALLED < code <= _SIGNALLED + 64 else judged


def _shell() -> str:
    """Return the user's login shell if it is one that takes ``-c`` as usual, else ``/bin/sh``."""
    shell = os.environ.get("SHELL", "")
    known = ("sh", "dash", "bash", "ksh", "mksh", "zsh", "csh", "tcsh")
    usable = os.path.basename(shell) in known and os.access(shell, os.X_OK)
    return shell if usable else "/bin/sh"


def _run(argv: list[str], *, stdin: str = "", output: str = "") -> int:
    """Run a command and return its exit status, 128+n if a signal ended it.

    Args:
        argv: the command; looked up on PATH.
        stdin: a file to read; empty for ours.
        output: a file that takes all its output; empty for ours.
    """
    import signal

    actions: list[tuple[object, ...]] = []
    if stdin:
        actions.append((os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0))
    if output:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions += [(os.POSIX_SPAWN_OPEN, 1, output, flags, 0o666), (os.POSIX_SPAWN_DUP2, 1, 2)]
    try:
        pid = os.posix_spawnp(
            argv[0],
            argv,
            os.environ,
            file_actions=actions,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python ignores these; the command must not
        )
    except OSError as error:
        raise _RefusedError(_FAULT, f"cannot run {argv[0]}: {error.strerror}") from error
    code = os.waitstatus_to_exitcode(_wait(pid))
    return code if code >= 0 else 128 - code


def _wait(pid: int) -> int:
    while True:
        try:
            return os.waitpid(pid, 0)[1]
        except KeyboardInterrupt:
            continue  # the command got it too; how it took it is its exit status


_POSITIONAL = {
    "step": ("step", "state", "status"),
    "status": ("state", "status"),
    "log-file": ("log",),
    "value": ("variable", "value"),
}
_OPTIONAL = {
    "step": ("m", "log"),
    "status": ("m",),
    "log-file": ("top",),
    "value": ("category", "expected", "tol", "units", "type", "status", "m"),
}
_HELP = {
    "step": "megatest step NAME STATE STATUS [-m TEXT] [--log FILE]",
    "status": "megatest status STATE STATUS [-m TEXT]",
    "log-file": "megatest log-file FILE [--top]",
    "value": "megatest value VARIABLE VALUE [--category C] [--expected E] [--tol T] [--units U]"
    " [--type T] [--status S] [-m TEXT]",
}


def _modern(command: str, argv: Sequence[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(f"usage: {_HELP[command]}\nFor use inside a test: adds to its journal.")
        return 0
    said = _read_modern(command, argv)
    journal = _journal(command)
    top = said.pop("top", None) is not None
    fields: Fields = [("comment" if name == "m" else name, value) for name, value in said.items()]
    if command == "value":
        _checked(fields, command)
    if top:
        fields.append(("top", True))
    _record(journal, [("log" if command == "log-file" else command, fields)])
    return 0


def _read_modern(command: str, argv: Sequence[str]) -> dict[str, str]:
    """Return the arguments of a modern command by name."""
    positional = list(_POSITIONAL[command])
    said: dict[str, str] = {}
    rest = iter(argv)
    for word in rest:
        name = word.lstrip("-") if word.startswith("--") or word == "-m" else ""
        if name == "top" and command == "log-file":
            said[name] = ""
        elif name in _OPTIONAL[command]:
            value = next(rest, None)
            if value is None:
                raise _RefusedError(_USAGE, f"{word} needs a value; usage: {_HELP[command]}")
            said[name] = value
        elif positional and word and not name:
            said[positional.pop(0)] = word
        else:
            raise _RefusedError(_USAGE, f"unknown argument {word!r}; usage: {_HELP[command]}")
    if positional:
        raise _RefusedError(_USAGE, f"{positional[0].upper()} is missing; usage: {_HELP[command]}")
    return said
