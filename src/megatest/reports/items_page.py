"""The page about the items of one test, for a browser: one file that needs no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

from megatest.model.record import RunRecord, TestRecord
from megatest.model.rundir import JOB_LOG, NO_LOG
from megatest.model.slotted import dataclass
from megatest.reports import listing, verdict

_STYLE: Final = """\
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .2em 1em .2em 0; text-align: left; vertical-align: top }
th { border-bottom: 1px solid }
td.number { text-align: right }
.good { color: #1a7f37 } .warn { color: #b35900 } .bad { color: #cf222e } .busy { color: #0969da }
"""

_KINDS: Final[Mapping[str, str]] = {
    "PASS": "good",
    "WAIVED": "good",
    "SKIP": "good",
    "WARN": "warn",
    "CHECK": "warn",
    "KILLED": "warn",
    "FAIL": "bad",
    "ABORT": "bad",
    "PREQ_FAIL": "bad",
    "INCOMPLETE": "bad",
    "RUNNING": "busy",
    "LAUNCHED": "busy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRow:
    """One item as the page shows it.

    Attributes:
        name: the item path.
        word: its verdict.
        duration, comment: for people.
        directory, log: addresses relative to the page; empty where it did not run.
    """

    name: str
    word: str
    duration: str
    comment: str
    directory: str
    log: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsPage:
    """What the page shows.

    Attributes:
        test, run: names.
        word: verdict of the test.
        when: the latest change of an item.
        states, statuses: how many items have each, the most frequent first.
        items: in the order of their paths.
    """

    test: str
    run: str
    word: str
    when: str
    states: tuple[tuple[str, int], ...]
    statuses: tuple[tuple[str, int], ...]
    items: tuple[ItemRow, ...]


def items_page(run: RunRecord, parent: TestRecord, items: Sequence[TestRecord]) -> ItemsPage:
    """Return what there is to say about the items of a test."""
    latest = max((item.event_time for item in items), default=parent.event_time)
    return ItemsPage(
        test=parent.test_id.test,
        run=run.name,
        word=verdict.word(parent.state, parent.status),
        when=listing.moment(latest),
        states=_counted(item.state for item in items),
        statuses=_counted(item.status for item in items),
        items=tuple(map(_item, items)),
    )


def _counted(words: Iterable[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(words).items(), key=lambda pair: (-pair[1], pair[0])))


def _item(item: TestRecord) -> ItemRow:
    name = item.test_id.item
    log = item.final_logf if item.final_logf not in ("", NO_LOG) else JOB_LOG
    return ItemRow(
        name=name,
        word=verdict.word(item.state, item.status) + (" (flaky)" if item.flaky else ""),
        duration=listing.duration(item.run_duration_s) if item.attempt else "",
        comment=item.comment,
        directory=_address(f"{name}/") if item.attempt else "",
        log=_address(f"{name}/{log}") if item.attempt else "",
    )


def _address(path: str) -> str:
    """Return a relative address; what a test calls its log never becomes another scheme or host."""
    from urllib.parse import quote  # most runs have no such page

    try:
        name = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates that stand for no byte: no file has this name
        name = path.encode("utf-8", "surrogatepass")
    return "./" + quote(name)


def items_html(page: ItemsPage) -> str:
    """Return the page as HTML; everything in it is text."""
    title = f"{page.test}: {page.word}"
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f"<title>{_text(title)}</title>",
            f"<style>\n{_STYLE}</style></head><body>",
            f"<h1>{_text(page.test)} {_colored(page.word)}</h1>",
            f"<p>Run {_text(page.run)}, {len(page.items)} items, {_text(page.when)}</p>",
            _counts("State", page.states),
            _counts("Status", page.statuses),
            "<table><tr><th>Item</th><th>Result</th><th>Time</th><th>Log</th><th>Comment</th></tr>",
            *map(_item_row, page.items),
            "</table></body></html>",
            "",
        )
    )


def _counts(title: str, counts: Sequence[tuple[str, int]]) -> str:
    rows = "".join(
        f'<tr><td>{_colored(word)}</td><td class="number">{number}</td></tr>' for word, number in counts
    )
    total = sum(number for _, number in counts)
    return (
        f"<table><tr><th>{title}</th><th>Items</th></tr>{rows}"
        f'<tr><td>Total</td><td class="number">{total}</td></tr></table>'
    )


def _item_row(item: ItemRow) -> str:
    name, log = _text(item.name), ""
    if item.directory:
        name = f'<a href="{_text(item.directory)}">{name}</a>'
        log = f'<a href="{_text(item.log)}">log</a>'
    cells = (name, _colored(item.word), _text(item.duration), log, _text(item.comment))
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _colored(word: str) -> str:
    kind = _KINDS.get(word.partition(" ")[0], "")
    return f'<span class="{kind}">{_text(word)}</span>' if kind else _text(word)


def _text(text: str) -> str:
    return escape(text.encode("utf-8", "backslashreplace").decode())
