"""Variables of runs."""

from __future__ import annotations

from pathlib import Path

from megatest.config.entry import Loaded
from megatest.config.runconfig import RunConfig, load_runconfig
from megatest.config.source import ParseCache
from megatest.model.error import Severity
from megatest.model.ids import Target
from megatest.model.spec import Area, Field, Variable

TEXT = """A 0
[default]
A 1
TESTPATT t%
quick:scheduled:run cron=1
[u/%]
B 2
[u/v]
A 3
MODE m/%
X #{rget A}
[u/w]
A 4
[/x.*/]
C 5
"""


def _load(home: Path, target: str, mode_key: str | None = None, text: str = TEXT) -> Loaded[RunConfig]:
    (home / "runconfigs.config").write_text(text)
    area = Area(
        home=str(home), config_file="f", name="n", fields=(Field(name="s"), Field(name="r")), linktree="/lt"
    )
    parts = Target(tuple(target.split("/"))) if target else None
    return load_runconfig(area, parts, env={}, cache=ParseCache(), mode_key=mode_key)


def test_variables_are_those_of_default_then_of_the_target(tmp_path: Path) -> None:
    config = _load(tmp_path, "u/v").value
    assert config.variables == (
        Variable("A", "1"),
        Variable("TESTPATT", "t%"),
        Variable("B", "2"),
        Variable("A", "3"),
        Variable("MODE", "m/%"),
        Variable("X", "3"),
    )
    assert (config.value("A"), config.value("none"), config.found_target) == ("3", None, True)


def test_a_wildcard_section_reaches_a_target_that_has_none_of_its_own(tmp_path: Path) -> None:
    config = _load(tmp_path, "u/z").value
    assert Variable("B", "2") in config.variables
    assert not config.found_target


def test_all_sections_are_listed_whatever_the_target_is(tmp_path: Path) -> None:
    for target in ("", "u/v"):
        assert _load(tmp_path, target).value.sections == ("default", "u/v", "u/w")


def test_the_pattern_is_testpatt_or_the_key_that_is_asked_for(tmp_path: Path) -> None:
    assert _load(tmp_path, "u/v").value.testpatt == "t%"
    assert _load(tmp_path, "u/v", "MODE").value.testpatt == "m/%"
    assert _load(tmp_path, "u/v", "NONE").value.testpatt is None


def test_without_a_target_only_default_counts_and_all_sections_are_there(tmp_path: Path) -> None:
    config = _load(tmp_path, "").value
    assert [variable.value for variable in config.variables] == ["1", "t%"]
    assert list(config.resolved) == ["default", "u/v", "u/w"]
    assert not config.found_target


def test_lines_before_the_first_section_are_default(tmp_path: Path) -> None:
    config = _load(tmp_path, "", text="A 1\n[u/v]\nB 2\n").value
    assert config.sections == ("default", "u/v")
    assert config.value("A") == "1"


def test_a_missing_file_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    area = Area(
        home=str(tmp_path / "sub"), config_file="f", name="n", fields=(Field(name="s"),), linktree="/lt"
    )
    loaded = load_runconfig(area, None, env={}, cache=ParseCache())
    assert loaded.value.variables == ()
    assert [finding.severity for finding in loaded.findings] == [Severity.WARNING]
