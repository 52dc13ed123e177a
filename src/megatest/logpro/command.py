"""The classic command: ``logpro RULES [HTML [WAIVERS]] < LOG``."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from megatest.logpro.explanation import explain
from megatest.logpro.host import Host
from megatest.logpro.judge import Verdict
from megatest.logpro.run import Outputs, run_logpro
from megatest.model.error import EnvironmentFault
from megatest.model.slotted import dataclass

_USAGE: Final = """\
Usage: logpro [--explain] [--no-hooks] RULES [HTML [WAIVERS]] < LOG

Judge a log by rules: write it to standard output with what the rules found, and a summary at its end.
With HTML, write it there as a page too, and the values and the verdict beside it with the extension .dat;
without it the .dat is summary.dat.  Rules in WAIVERS, if it exists, stand before those of RULES.

  --explain   instead of the log, say of each rule what it asked, what it counted, and the first lines
  --no-hooks  do not run the shell text of hook:add

Exit status: 0 pass, 1 fail or rules that cannot be used, 2 warn, 3 check, 4 waive, 5 abort, 6 skip; with
(exit N) in the rules N, and the log is not read.
"""
_OPTIONS: Final = frozenset({"--explain", "--no-hooks"})
_STYLESHEET: Final = "logpro_style.css"
_NO_PAGE_DAT: Final = "summary.dat"
_IN_TEST: Final = "MT_TEST_RUN_DIR"


def main(
    argv: Sequence[str],
    stdin: BinaryIO,
    stdout: BinaryIO,
    *,
    stderr: TextIO | None = None,
    today: datetime.date | None = None,
    environ: Mapping[str, str] | None = None,
) -> int:
    """Run the command and return its exit status.

    Args:
        argv: arguments, without the program's name.
        stdin: the log.
        stdout: receives the annotated log, or the explanation.
        stderr: receives what is wrong with the rules.
        today: for expiry; the system's date without.
        environ: what rules see of the environment, which they cannot change; the process's without.
    """
    errors = stderr if stderr is not None else sys.stderr
    options = {word for word in argv if word in _OPTIONS}
    paths = [word for word in argv if word not in _OPTIONS]
    if not 1 <= len(paths) <= 3 or any(word.startswith("--") for word in paths):
        errors.write(_USAGE)
        return 1
    request = _Request(
        rules=Path(paths[0]),
        page=Path(paths[1]) if len(paths) > 1 else None,
        waivers=Path(paths[2]) if len(paths) > 2 and Path(paths[2]).exists() else None,
        explain="--explain" in options,
        hooks="--no-hooks" not in options,
        today=today or datetime.date.today(),
        environ=os.environ if environ is None else environ,
    )
    try:
        verdict = _run(request, stdin, _Echo(stdout))
    except OSError as error:
        errors.write(f"logpro: {error.filename or 'reading or writing'}: {error.strerror}\n")
        return 1
    except EnvironmentFault as error:
        errors.write(f"logpro: {error.message}\n")
        return 1
    errors.writelines(finding.render() + "\n" for finding in verdict.findings)
    return verdict.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    """What the command line asks for."""

    rules: Path
    page: Path | None
    waivers: Path | None
    explain: bool
    hooks: bool
    today: datetime.date
    environ: Mapping[str, str]


class _Echo:
    """Standard output; if nobody reads it any more the log is still judged."""

    def __init__(self, stdout: BinaryIO) -> None:
        self._stdout = stdout
        self._is_open = True

    def write(self, data: bytes) -> None:
        if self._is_open:
            try:
                self._stdout.write(data)
            except BrokenPipeError:
                self._is_open = False

    def write_text(self, text: str) -> None:
        self.write(text.encode("utf-8", "replace"))


def _run(request: _Request, log: BinaryIO, echo: _Echo) -> Verdict:
    page = request.page
    environ = dict(request.environ)
    outputs = Outputs(
        page=page,
        stylesheet=_stylesheet(page, request.environ) if page else None,
        dat=Path(os.path.splitext(page)[0] + ".dat") if page else Path(_NO_PAGE_DAT),
        dat_when_refused=_IN_TEST in request.environ,  # what the test's result says comes from it
        annotated=None if request.explain else echo.write,
    )
    host = Host(
        read_file=lambda name: Path(name).read_bytes(),
        exists=os.path.exists,
        environ=environ,
        run_shell=partial(_run_shell, environ=environ) if request.hooks else None,
        write=echo.write_text,
    )
    verdict = run_logpro(
        request.rules, log, today=request.today, waivers=request.waivers, outputs=outputs, host=host
    )
    if request.explain:
        echo.write_text(explain(verdict))
    return verdict


def _run_shell(line: str, environ: Mapping[str, str]) -> int:
    """Run a hook; what it reads is not the log, and how it ends does not matter to the verdict."""
    argv = ["/bin/sh", "-c", line]
    return subprocess.run(argv, stdin=subprocess.DEVNULL, env=environ, check=False).returncode


def _stylesheet(page: Path, environ: Mapping[str, str]) -> str | None:
    """Return the link to the style sheet that the site or the user has put in place."""
    named = environ.get("LOGPRO_CSS", "")
    if named and Path(named).exists():
        return named
    return _STYLESHEET if (page.parent / _STYLESHEET).exists() else None
