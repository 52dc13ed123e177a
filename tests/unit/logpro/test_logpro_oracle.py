"""The recorded behaviour of the original: every case comes out equal, or as the named ruling says.

`tests/oracle/logpro_ruled.json` names the cases where ours differs: the ruling's number, why, and what ours
gives for each thing that differs.  The recordings print ``>=`` and ``<=`` swapped, which ruling 26 ends.
"""

from __future__ import annotations

import base64
import datetime
import io
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from megatest.logpro.dat import dat_text
from megatest.logpro.finding import Event, RuleHit
from megatest.logpro.hook import HookRunner
from megatest.logpro.host import Host
from megatest.logpro.judge import Verdict, judge, rejected
from megatest.logpro.line import read_blocks
from megatest.logpro.load import RuleFileError, RuleText, load_rules
from megatest.logpro.pattern import make_matcher, translate_pattern
from megatest.logpro.rule import Kind, RuleSet
from megatest.logpro.scan import patterns_of, scan
from megatest.logpro.watchdog import Watchdog
from megatest.logpro.wording import comparison_text, expected_text, found_text
from megatest.scheme.number import format_number

ORACLE = Path(__file__).parents[2] / "oracle"
CASES: Mapping[str, Mapping[str, Any]] = {
    case["name"]: case for case in json.loads((ORACLE / "logpro.json").read_text("utf-8"))
}
RULED: Mapping[str, Mapping[str, Any]] = json.loads((ORACLE / "logpro_ruled.json").read_text("utf-8"))
TODAY = datetime.date(2026, 3, 1)
SWAPPED = {">=": "<=", "<=": ">="}


def dated(text: str) -> str:
    for word, days in (("YESTERDAY", -1), ("TODAY", 0), ("TOMORROW", 1)):
        day = TODAY + datetime.timedelta(days)
        text = text.replace("{{" + word + "}}", day.strftime("%m/%d/%Y"))
    return text


class HitSink:
    """Remembers the events as the recordings list them."""

    def __init__(self) -> None:
        self.hits: list[list[object]] = []

    def plain(self, raw: bytes, text: bytes) -> None:
        pass

    def hit(self, number: int, raw: bytes, text: bytes, events: tuple[Event, ...], end: bytes) -> None:
        for event in events:
            if isinstance(event, RuleHit):
                self.hits.append([number, event.rule.kind.value, event.rule.name])
            else:
                self.hits.append([number, "trigger", event.trigger.name])


class RecordingShell:
    """Takes the lines that hooks run."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def run(self, line: str) -> int:
        self.lines.append(line)
        return 0


def files_host(files: Mapping[str, str], shell: RecordingShell) -> Host:
    def read(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(2, "No such file or directory", name)
        return dated(files[name]).encode()

    return Host(read_file=read, exists=lambda name: name in files, run_shell=shell.run)


def outcome(case: Mapping[str, Any]) -> dict[str, object]:
    """Return what ours gives for a case, in the words of the recordings."""
    shell, sink = RecordingShell(), HitSink()
    host = files_host(case.get("files") or {}, shell)
    log = base64.b64decode(case["log_base64"]) if "log_base64" in case else case["log"].encode()
    texts = [RuleText(file="rules.logpro", text=dated(case["rules"]))]
    if "waivers" in (case["args"] or {}):
        texts.insert(0, RuleText(file="waivers.logpro", text=dated(case["args"]["waivers"])))
    try:
        rules = load_rules(texts, TODAY, host)
    except RuleFileError as error:
        verdict = rejected(error.diagnostics())
        has_page = (case["args"] or {}).get("html", True)
        dat = "" if error.refused and has_page else dat_text(verdict)
    else:
        verdict = judged(rules, log, sink, HookRunner(rules.hooks, shell.run))
        dat = dat_text(verdict)
    return {
        "exit": verdict.exit_code,
        "dat": dat,
        "hits": sink.hits,
        "summary": [summary_row(verdict, index) for index in range(len(verdict.rules))],
        "triggers": [[t.tally.trigger.name, t.state.value, t.tally.fired] for t in verdict.triggers],
        "hook_out": "".join(shell_output(line) for line in shell.lines),
    }


def judged(rules: RuleSet, log: bytes, sink: HitSink, hooks: HookRunner) -> Verdict:
    with Watchdog() as watchdog:
        matcher, _ = make_matcher([translate_pattern(p) for p in patterns_of(rules)], watchdog)
        findings = scan(rules, matcher, read_blocks(io.BytesIO(log)), [sink], hooks.counted)
    verdict = judge(findings, rules.complaints)
    hooks.finished(verdict.rules)
    return verdict


def shell_output(line: str) -> str:
    """Return what a hook of the recordings, ``echo WORD >> hook.out``, appends."""
    words = shlex.split(line)
    assert words[0] == "echo"
    assert words[-2:] == [">>", "hook.out"]
    return " ".join(words[1:-2]) + "\n"


def summary_row(verdict: Verdict, index: int) -> list[str]:
    row = verdict.rules[index]
    status = "OK" if row.ok else "FAIL"
    comparison = comparison_text(row.rule)
    return [row.rule.name, row.rule.kind.value, status, comparison, expected_text(row.rule), found_text(row)]


def recorded(case: Mapping[str, Any]) -> dict[str, object]:
    return {
        "exit": case["exit"],
        "dat": case["dat"],
        "hits": case["hits"],
        "summary": [recorded_row(row) for row in case["summary"]],
        "triggers": case["triggers"],
        "hook_out": case.get("hook_out", ""),
    }


def recorded_row(row: list[Any]) -> list[str]:
    name, kind, status, comparison, expected, found = row
    if kind != Kind.VALUE:
        comparison = SWAPPED.get(comparison, comparison)
    return [name, kind, status, comparison, shown(expected), shown(found)]


def shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int | float):
        return format_number(value)
    return str(value).replace('"', "") if str(value).startswith('("') else str(value)


@pytest.mark.parametrize(
    "name", [name for name in CASES if name not in RULED and CASES[name]["dat"] is not None]
)
def test_a_recorded_case_comes_out_equal(name: str) -> None:
    assert outcome(CASES[name]) == recorded(CASES[name])


@pytest.mark.parametrize("name", RULED)
def test_a_ruled_case_comes_out_as_the_ruling_says_and_in_nothing_else_differently(name: str) -> None:
    ours, theirs, ruled = outcome(CASES[name]), recorded(CASES[name]), RULED[name]
    assert ruled["ruling"] in (26, 30, 31, 32)
    assert ruled["why"]
    assert {key: value for key, value in ours.items() if value != theirs[key]} == ruled["ours"]
    assert ruled["ours"]


def test_only_the_case_without_a_rule_file_is_left_to_the_command() -> None:
    assert [name for name in CASES if CASES[name]["dat"] is None] == ["syn-missing-rules"]
