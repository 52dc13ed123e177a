"""The annotated log as one HTML page: the log, a mark on every counted line, a table of the rules.

The page is written as the log is read.  A counted line is an anchor ``key_RULE_N`` that links to the rule's
next one; the last one's link finds the rule's row in the table, which carries the number after it.  The row
links to the first.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from megatest.typed import Final

from megatest.logpro.finding import Event, RuleHit, TriggerHit
from megatest.logpro.judge import RuleOutcome, TriggerOutcome, Verdict
from megatest.logpro.wording import comparison_text, expected_text, found_text, pattern_text, status_text
from megatest.model.error import Diagnostic

_STYLE: Final = """\
body { font-family: sans-serif; margin: 1em; color: #1a1a1a; background: #fff; }
pre { border: 1px solid #bbb; padding: .5em; overflow-x: auto; line-height: 1.3; }
pre a { color: inherit; text-decoration: none; }
pre a:target, tr:target { outline: 3px solid #2457c5; }
table { border-collapse: collapse; }
th, td { border: 1px solid #bbb; padding: .2em .5em; text-align: left; }
.error, .required, .value, .abort { background: #f9c6c0; }
.warning, .required-warn { background: #fbe6a2; }
.check, .waive, .skip { background: #d5e3fb; }
.ignore, .note { background: #e6e6e6; }
.passed, .OK { background: #c9ecc7; }
.FAIL { background: #f9c6c0; font-weight: bold; }
.trigger { border-left: 4px solid #7a3fb5; padding-left: 2px; }
"""
_HEADINGS: Final = ("RuleNum", "RuleType", "Status", "Comp", "Count/Val", "Desc", "Count", "Rx")
# What HTML does not allow, or a terminal would act upon; a tab stays.
_CONTROLS: Final = bytes(b if b >= 32 or b in b"\t\n" else ord("?") for b in range(256)).replace(
    b"\x7f", b"?"
)


class Page:
    """A `finding.Sink` that writes the page.

    Args:
        write: receives the bytes, in UTF-8.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._openings: dict[tuple[int, bool, tuple[str, ...]], bytes] = {}

    def begin(self, title: str, stylesheet: str | None = None) -> None:
        """Write what stands before the log.

        Args:
            title: of the page.
            stylesheet: link to the user's own, which wins over ours.
        """
        link = f'<link rel="stylesheet" href="{html.escape(stylesheet)}">\n' if stylesheet else ""
        self._text(
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f"<title>{_escaped(title)}</title>\n<style>\n{_STYLE}</style>\n{link}</head>\n<body>\n"
            f'<h1>{_escaped(title)}</h1>\n<p><a href="#summary">Summary</a></p>\n<pre>\n'
        )

    def plain(self, raw: bytes, text: bytes) -> None:
        """See `finding.Sink`."""
        self._write(_escaped_bytes(text))

    def hit(self, number: int, raw: bytes, text: bytes, events: tuple[Event, ...], end: bytes) -> None:
        """See `finding.Sink`."""
        last = events[-1]
        is_plain = len(events) == 1 and isinstance(last, RuleHit)  # nearly always
        triggers = () if is_plain else tuple(e.trigger.name for e in events if isinstance(e, TriggerHit))
        if isinstance(last, RuleHit):
            opening = self._rule_opening(last, triggers) % (last.occurrence, last.occurrence + 1, number)
            closing = b"</a>"
        else:
            names = "; ".join(f"trigger {name}" for name in triggers)
            opening = f'<span class="trigger" title="line {number}; {_escaped(names)}">'.encode(
                "utf-8", "replace"
            )
            closing = b"</span>"
        self._write(opening + _escaped_bytes(text) + closing + end)

    def _rule_opening(self, hit: RuleHit, triggers: tuple[str, ...]) -> bytes:
        """Return the opening of an anchor; wants the occurrence, the one after it, and the line's number."""
        rule = hit.rule
        key = (rule.number, hit.passed, triggers)
        if key not in self._openings:
            names = [
                "; ".join(f"trigger {name}" for name in triggers),
                f"rule-{rule.number} {rule.kind}: {rule.name}",
            ]
            classes = ["trigger" if triggers else "", "passed" if hit.passed else rule.kind, rule.css_class]
            title = _escaped("; ".join(filter(None, names))).replace("%", "%%")
            css = _escaped(" ".join(filter(None, classes))).replace("%", "%%")
            anchor = f"key_{rule.number}_%d"
            opening = f'<a id="{anchor}" href="#{anchor}" class="{css}" title="line %d; {title}">'
            self._openings[key] = opening.encode("utf-8", "replace")
        return self._openings[key]

    def end(self, verdict: Verdict) -> None:
        """Write the table of rules, the triggers and the verdict."""
        self._text('</pre>\n<h2 id="summary">Summary</h2>\n')
        self._findings(verdict.findings)
        self._triggers(verdict.triggers)
        self._rules(verdict.rules)
        message = f": {_escaped(verdict.message)}" if verdict.message else ""
        self._text(
            f"<p><strong>EXIT CODE: {verdict.exit_code} ({verdict.status})</strong>{message}</p>\n"
            f"<p>{verdict.lines} lines</p>\n</body>\n</html>\n"
        )

    def _findings(self, findings: Sequence[Diagnostic]) -> None:
        for finding in findings:
            self._text(f'<pre class="{finding.severity}">{_escaped(finding.render())}</pre>\n')

    def _triggers(self, triggers: Sequence[TriggerOutcome]) -> None:
        if not triggers:
            return
        self._text("<table>\n<tr><th>Trigger</th><th>Status</th><th>Count</th></tr>\n")
        for outcome in triggers:
            name, state = _escaped(outcome.tally.trigger.name), outcome.state
            self._text(
                f'<tr><td>{name}</td><td class="{state}">{state}</td><td>{outcome.tally.fired}</td></tr>\n'
            )
        self._text("</table>\n")

    def _rules(self, outcomes: Sequence[RuleOutcome]) -> None:
        section: str | None = None
        for outcome in outcomes:
            if outcome.rule.section_text != section:
                self._text("</table>\n" if section is not None else "")
                section = outcome.rule.section_text
                headings = "".join(f"<th>{heading}</th>" for heading in _HEADINGS)
                self._text(f"<h3>Section {_escaped(section)}</h3>\n<table>\n<tr>{headings}</tr>\n")
            self._text(_row(outcome))
        self._text("</table>\n" if section is not None else "")

    def _text(self, text: str) -> None:
        self._write(text.encode("utf-8", "replace"))


def _row(outcome: RuleOutcome) -> str:
    rule, count = outcome.rule, outcome.tally.count
    counted = f'<a href="#key_{rule.number}_1">{count}</a>' if count else "0"
    cells = (
        str(rule.number),
        _escaped(rule.kind),
        f"{status_text(outcome)}",
        _escaped(f"{comparison_text(rule)} {expected_text(rule)}"),
        _escaped(found_text(outcome)),
        _escaped(rule.name),
        counted,
        _escaped(pattern_text(rule)),
    )
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr id="key_{rule.number}_{count + 1}" class="{status_text(outcome)}">{body}</tr>\n'


def _escaped(text: str) -> str:
    return html.escape(text)


def _escaped_bytes(text: bytes) -> bytes:
    text = text.translate(_CONTROLS)
    return text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")
