"""Log rules from beginning to end: read them, scan a log, judge, write the page and the ``.dat``."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from megatest.logpro.annotation import AnnotatedText
from megatest.logpro.dat import dat_text
from megatest.logpro.finding import Sink
from megatest.logpro.hook import HookRunner
from megatest.logpro.host import Host
from megatest.logpro.judge import Verdict, ended, judge, rejected
from megatest.logpro.line import BLOCK_BYTES, ByteStream, read_blocks
from megatest.logpro.load import RuleFileError, RulesExitError, RuleText, load_rules
from megatest.logpro.page import Page
from megatest.logpro.pattern import make_matcher, translate_pattern
from megatest.logpro.rule import RuleSet
from megatest.logpro.scan import patterns_of, scan
from megatest.logpro.watchdog import Watchdog
from megatest.model.error import Diagnostic, EnvironmentFault, Severity
from megatest.model.slotted import dataclass, replace

_PAGE_BUFFER: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where results go; what is None is not written.

    Attributes:
        page: path of the HTML page.
        stylesheet: link in the page to a style sheet of the user's.
        dat: path of the ``.dat``; if it cannot be written, a warning says so.
        dat_when_refused: write the reason even there if the rules cannot be read, or end with ``exit``.
        annotated: receives the annotated log and the summary.
    """

    page: Path | None = None
    stylesheet: str | None = None
    dat: Path | None = None
    dat_when_refused: bool = False
    annotated: Callable[[bytes], object] | None = None


def read_rule_text(path: Path) -> RuleText:
    """Read a rule file; bytes that are no UTF-8 become U+FFFD, as in the log.

    Raises:
        OSError: it cannot be read.
    """
    return RuleText(file=str(path), text=path.read_bytes().decode("utf-8", "replace"))


def run_logpro(
    rules: RuleText | Path,
    log: ByteStream,
    *,
    today: datetime.date,
    waivers: RuleText | Path | None = None,
    outputs: Outputs | None = None,
    host: Host | None = None,
    block_bytes: int = BLOCK_BYTES,
) -> Verdict:
    """Judge a log.

    Args:
        rules: a rule file, or its text.
        log: read to its end, in one pass; of any length, with any bytes.
        today: rules that expire on it or before are dropped.
        waivers: rules that stand before all others.
        outputs: what to write.
        host: what the rules may reach; without it no hook is run.
        block_bytes: how much to read at once; it changes nothing in the result.

    Returns:
        The verdict.  Rules that cannot be used are one too: exit code 1, with every finding.  So are rules
        that call ``exit``: the code that they give.

    Raises:
        OSError: a rule file cannot be read.
        EnvironmentFault: the page cannot be written.
    """
    outputs = outputs or Outputs()
    host = host or Host()
    texts = [text for text in (waivers, rules) if text is not None]
    try:
        loaded = load_rules([t if isinstance(t, RuleText) else read_rule_text(t) for t in texts], today, host)
    except RuleFileError as error:
        return _reject(error, outputs)
    except RulesExitError as ending:
        return _without_log(ended(ending.code, ending.finding), outputs, leaves_empty_dat=True)
    with ExitStack() as stack:
        page = _open_page(outputs, stack)
        text = AnnotatedText(outputs.annotated) if outputs.annotated else None
        if text is not None:
            text.header(_named_paths(rules, waivers, outputs))
        sinks: list[Sink] = [sink for sink in (page, text) if sink is not None]
        verdict = _scan_and_judge(loaded, log, sinks, host, block_bytes)
        verdict = _write_dat(outputs, dat_text(verdict), verdict)
        if page is not None:
            page.end(verdict)
        if text is not None:
            text.summary(verdict)
    return verdict


def _named_paths(rules: RuleText | Path, waivers: RuleText | Path | None, outputs: Outputs) -> dict[str, str]:
    """Return what the five lines at the head of the annotated log say."""
    named = {"command file": rules, "waiver file": waivers}
    files = {
        what: text.file if isinstance(text, RuleText) else str(text or "-") for what, text in named.items()
    }
    return {
        **files,
        "html file": str(outputs.page or "-"),
        "css file": outputs.stylesheet or "-",
        "summary file": str(outputs.dat or "-"),
    }


def _scan_and_judge(
    rules: RuleSet, log: ByteStream, sinks: Sequence[Sink], host: Host, block_bytes: int
) -> Verdict:
    translations = [translate_pattern(pattern) for pattern in patterns_of(rules)]
    hooks = HookRunner(rules.hooks, host.run_shell) if host.run_shell and rules.hooks else None
    with Watchdog() as watchdog:
        matcher, note = make_matcher(translations, watchdog)
        blocks = read_blocks(log, size=block_bytes)
        findings = scan(rules, matcher, blocks, sinks, hooks.counted if hooks else None)
    notes = [Diagnostic(severity=Severity.NOTE, message=note)] if note else []
    verdict = judge(findings, rules.complaints, [*rules.warnings, *notes])
    if hooks is not None:
        hooks.finished(verdict.rules)
    return verdict


def _reject(error: RuleFileError, outputs: Outputs) -> Verdict:
    """Say in every output that the rules cannot be used."""
    # Told to write a page, the original survives a file that it refuses, and leaves an empty .dat.
    leaves_empty_dat = error.refused and outputs.page is not None
    verdict = _without_log(rejected(error.diagnostics()), outputs, leaves_empty_dat=leaves_empty_dat)
    if outputs.annotated is not None:
        outputs.annotated(b"Syntax error in your command file\n")
    return verdict


def _without_log(verdict: Verdict, outputs: Outputs, *, leaves_empty_dat: bool) -> Verdict:
    """Write what there is to say of a log that was not read."""
    with ExitStack() as stack:
        page = _open_page(outputs, stack)
        is_empty = leaves_empty_dat and not outputs.dat_when_refused
        verdict = _write_dat(outputs, "" if is_empty else dat_text(verdict), verdict)
        if page is not None:
            page.end(verdict)
    return verdict


def _open_page(outputs: Outputs, stack: ExitStack) -> Page | None:
    if outputs.page is None:
        return None
    try:
        file = stack.enter_context(outputs.page.open("wb", buffering=_PAGE_BUFFER))
    except OSError as error:
        raise EnvironmentFault(
            f"{outputs.page} cannot be written: {os.strerror(error.errno or 0)}"
        ) from error
    page = Page(file.write)
    page.begin(outputs.page.stem, outputs.stylesheet)
    return page


def _write_dat(outputs: Outputs, text: str, verdict: Verdict) -> Verdict:
    if outputs.dat is None:
        return verdict
    try:
        outputs.dat.write_text(text, "utf-8", "replace")
    except OSError as error:
        # The original goes on without a word: the exit code counts, a full disk is no failed test.
        message = f"{outputs.dat} cannot be written: {os.strerror(error.errno or 0)}"
        return replace(
            verdict, findings=(*verdict.findings, Diagnostic(severity=Severity.WARNING, message=message))
        )
    return verdict
