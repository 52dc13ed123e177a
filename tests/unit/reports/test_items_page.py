"""The page about the items of a test."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from fakes.records import run_record
from megatest.model.ids import TestId
from megatest.model.record import TestRecord
from megatest.reports.items_page import items_html, items_page

RUN = run_record("a", "b")
PARENT = TestRecord(
    id=1, run_id=1, test_id=TestId("t"), state="COMPLETED", status="FAIL", is_parent=True, event_time=5
)


def item(path: str, status: str = "PASS", **more: object) -> TestRecord:
    values: dict[str, object] = {"state": "COMPLETED", "attempt": 1, "event_time": 9, **more}
    return TestRecord(id=2, run_id=1, test_id=TestId("t", path), status=status, **values)  # type: ignore[arg-type]


class Reader(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def read(*items: TestRecord) -> Reader:
    reader = Reader()
    reader.feed(items_html(items_page(RUN, PARENT, items)))
    return reader


def test_the_page_counts_the_items_and_lists_them() -> None:
    page = items_page(RUN, PARENT, [item("x"), item("y", "FAIL", comment="why"), item("z")])

    assert page.states == (("COMPLETED", 3),)
    assert page.statuses == (("PASS", 2), ("FAIL", 1))
    assert [(row.name, row.word, row.comment) for row in page.items] == [
        ("x", "PASS", ""),
        ("y", "FAIL", "why"),
        ("z", "PASS", ""),
    ]


def test_an_item_is_linked_to_its_directory_and_its_log() -> None:
    links = read(item("a b/ö?", final_logf="out#1.html"), item("z", final_logf="logs/final.log")).links

    assert links == ["./a%20b/%C3%B6%3F/", "./a%20b/%C3%B6%3F/out%231.html", "./z/", "./z/mt_launch.log"]


def test_an_item_that_did_not_run_has_no_links() -> None:
    never = item("x", "PREQ_FAIL", state="NOT_STARTED", attempt=0)

    assert read(never).links == []
    assert "PREQ_FAIL" in read(never).text


def test_a_log_that_names_another_scheme_stays_a_file() -> None:
    assert read(item("x", final_logf="javascript:alert(1)")).links[1] == "./x/javascript%3Aalert%281%29"


ANY = st.text(st.characters(exclude_characters="\r"), max_size=20)


@given(ANY.filter(lambda text: text.strip("/")), ANY, ANY)
def test_nothing_that_a_test_says_becomes_markup(path: str, comment: str, log: str) -> None:
    plain = read(item("x")).tags
    said = read(item(path, comment=comment, final_logf=log))

    assert said.tags == plain
    assert all(link.startswith("./") for link in said.links)
