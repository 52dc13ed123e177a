import datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from megatest.config.paths import WAIVERS_NAME
from megatest.config.source import ParseCache
from megatest.config.waivers import load_waivers, parse_day, waiver_text
from megatest.model.ids import TestId
from megatest.model.waiver import Waiver

GOOD = """\
# ours
[compile/json 0123456789ab]
reason   bug 12: drops the last row
owner    ann
since    2026-11-01
expires  2026-12-31
target   ubuntu/nfs suse/nfs
failure  FAIL: exit 3
  error: x

[other 0123456789ab]
reason known
owner bob
"""


def findings(tmp_path: Path, text: str) -> list[str]:
    """Return what is said of a file, as ``LINE SEVERITY MESSAGE``."""
    (tmp_path / WAIVERS_NAME).write_text(text)
    loaded = load_waivers(str(tmp_path), ParseCache())
    return [f"{f.location.line if f.location else 0} {f.severity} {f.message}" for f in loaded.findings]


def test_a_file_has_a_section_for_each_waiver(tmp_path: Path) -> None:
    (tmp_path / WAIVERS_NAME).write_text(GOOD)
    loaded = load_waivers(str(tmp_path), ParseCache())
    assert loaded.findings == ()
    first, second = loaded.value
    assert first.test_id == TestId("compile", "json")
    assert (first.signature, first.owner, first.reason) == (
        "0123456789ab",
        "ann",
        "bug 12: drops the last row",
    )
    assert (first.since, first.expires) == (datetime.date(2026, 11, 1), datetime.date(2026, 12, 31))
    assert first.targets == ("ubuntu/nfs", "suse/nfs")
    assert first.failure == "FAIL: exit 3\nerror: x"
    assert first.location is not None
    assert first.location.line == 3
    assert second.expires is None


def test_no_file_means_no_waivers(tmp_path: Path) -> None:
    assert load_waivers(str(tmp_path), ParseCache()).value == ()


def test_each_mistake_is_pointed_at_and_its_waiver_left_out(tmp_path: Path) -> None:
    text = (
        "[a 0123456789ab]\nowner ann\n\n[b 0123456789ab]\nreason x\nowner y\nexpires tomorrow\n\n"
        "[c nohex]\nreason x\nowner y\n\n[d 0123456789ab]\nreason x\nowner y\n"
        "expire 2026-01-01\n\n[e 0123456789ab]\n"
    )
    assert findings(tmp_path, text) == [
        "2 error the waiver [a 0123456789ab] has no reason",
        "7 error expires: 'tomorrow' is no day",
        "10 error [c nohex] is no waiver: a section is a test, a blank, and a signature of 12 digits",
        "16 warning [d 0123456789ab] knows no 'expire'",
        f"0 error {WAIVERS_NAME}: [e 0123456789ab] says nothing: a waiver has a reason and an owner",
    ]
    assert [w.test_id.test for w in load_waivers(str(tmp_path), ParseCache()).value] == ["d"]


def test_no_command_of_the_file_runs(tmp_path: Path) -> None:
    made = tmp_path / "made"
    text = f"[a 0123456789ab]\nreason #{{shell touch {made}}}\nowner [system touch {made}]\n"
    assert any("owner" in finding for finding in findings(tmp_path, text))
    assert not made.exists()


def test_days_are_written_as_iso_dates() -> None:
    assert parse_day("2026-02-28") == datetime.date(2026, 2, 28)
    for text in ("2026-02-30", "26-2-3", "20260228", "", "2026-W01-1", "\uff12026-02-03"):
        assert parse_day(text) is None


PLAIN = (
    st.text(st.sampled_from("abcXYZ 019.,:;#'\"$()!é")).map(lambda text: " ".join(text.split())).filter(bool)
)


@given(reason=PLAIN, owner=PLAIN, failure=st.lists(st.text(st.characters(codec="utf-8")), max_size=3))
def test_what_is_written_is_read_back(
    tmp_path_factory: object, reason: str, owner: str, failure: list[str]
) -> None:
    waiver = Waiver(
        test_id=TestId("t", "x/1"),
        signature="0123456789ab",
        reason=reason,
        owner=owner,
        expires=datetime.date(2026, 1, 2),
        since=datetime.date(2025, 1, 2),
        targets=("a/b",),
        failure="\n".join(line for text in failure for line in text.split()),
    )
    home = tmp_path_factory.mktemp("area")  # type: ignore[attr-defined]
    (home / WAIVERS_NAME).write_text(waiver_text(waiver), encoding="utf-8")
    loaded = load_waivers(str(home), ParseCache())
    (found,) = loaded.value
    assert (found.name, found.reason, found.owner) == (waiver.name, reason, owner)
    assert (found.since, found.expires, found.targets) == (waiver.since, waiver.expires, waiver.targets)
