"""Tests whose files say the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.config.entry import Loaded
from megatest.config.source import MOST_ALIKE, ParseCache
from megatest.config.testconfig import Purpose, load_test
from megatest.config.twin import Twins
from megatest.model.spec import Area, Field, TestSpec

ENV = {"PATH": "/usr/bin:/bin", "HOME": "/home/me"}
PLAIN = "[setup]\nrunscript run.sh\n[ezsteps]\none ./one\n[items]\nX a b\n[waivers]\nlog r g\n"


class Home:
    """An area whose tests are read one after the other, with twins or without."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.area = Area(
            home=str(directory),
            config_file=str(directory / "megatest.config"),
            name="n",
            fields=(Field(name="s"),),
            linktree=str(directory / "lt"),
        )
        self.cache = ParseCache()
        self.twins = Twins()

    def write(self, name: str, text: str) -> None:
        (self.directory / name).mkdir(exist_ok=True)
        (self.directory / name / "testconfig").write_text(text)

    def load(self, name: str, twins: Twins | None, cache: ParseCache | None = None) -> Loaded[TestSpec]:
        return load_test(
            self.area,
            name,
            str(self.directory / name),
            env={**ENV, "MT_TEST_NAME": name},
            cache=cache or self.cache,
            runconfig=None,
            purpose=Purpose.SCAN,
            twins=twins,
        )

    def alone(self, name: str) -> TestSpec:
        return self.load(name, None, ParseCache()).value


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_test_whose_file_is_a_copy_is_what_its_file_says_and_shares_the_parts(home: Home) -> None:
    for name in ("a", "b"):
        home.write(name, PLAIN)
    first, second = (home.load(name, home.twins).value for name in ("a", "b"))
    assert (first, second) == (home.alone("a"), home.alone("b"))
    assert second.resolved is first.resolved
    assert second.steps is first.steps


def test_a_copy_has_the_places_of_its_own_item_lists(home: Home) -> None:
    for name in ("a", "b"):
        home.write(name, "[ezsteps]\na true\n[items]\nX 1 2\n[itemstable]\nY 3\n")
    first, second = (home.load(name, home.twins).value for name in ("a", "b"))
    assert (first, second) == (home.alone("a"), home.alone("b"))
    assert second.steps is first.steps


@pytest.mark.parametrize(
    "text",
    [
        "[setup]\nrunscript #{getenv MT_TEST_NAME}.sh\n",
        "[setup]\nrunscript [system basename $PWD]\n[requirements]\nn [system echo $MT_TEST_NAME]\n",
        "[setup]\n[include own.config]\n",
        "[setup]\n[scriptinc ./own.sh]\n",
        "[requirements]\nwaiton a\n",
        "[itemmap]\na x y\n",
        "[triggers]\nCOMPLETED/FAIL echo\n",
        "[disks]\nd0 /tmp\n",
        "[requirements]\nlicence 1\n",
        "[setup]\nrunscript run.sh\n[items]\nX a/../b\n",
        "[pre-launch-env-vars]\nX $MT_TEST_NAME\n",
    ],
)
def test_what_a_file_takes_from_elsewhere_or_where_it_lies_is_its_own(home: Home, text: str) -> None:
    for name in ("a", "b"):
        home.write(name, text)
        (home.directory / name / "own.config").write_text(f"runscript {name}.sh\n")
    loaded = [home.load(name, home.twins) for name in ("a", "b")]
    assert [each.value for each in loaded] == [home.alone(name) for name in ("a", "b")]
    plain = [home.load(name, None, ParseCache()).findings for name in ("a", "b")]
    assert [each.findings for each in loaded] == plain


def test_a_copy_that_was_changed_meanwhile_says_what_it_says_now(home: Home) -> None:
    home.write("a", PLAIN)
    home.write("b", PLAIN)
    home.load("a", home.twins)
    home.write("b", PLAIN.replace("run.sh", "other.sh"))
    assert home.load("b", home.twins).value.runscript == "other.sh"


def test_a_file_that_cannot_be_read_is_reported_beside_twins_too(home: Home) -> None:
    home.write("a", PLAIN)
    home.load("a", home.twins)
    (home.directory / "b" / "testconfig").mkdir(parents=True)
    for name in ("b", "none"):
        with_twins, without = home.load(name, home.twins), home.load(name, None)
        assert with_twins.findings == without.findings != ()


def test_more_kinds_of_files_than_are_kept_are_all_read_right(home: Home) -> None:
    names = [f"t{number}" for number in range(MOST_ALIKE + 3)]
    for name in names:
        home.write(name, f"[setup]\nrunscript {name}.sh\n")
    for name in (*names, *names):
        assert home.load(name, home.twins).value.runscript == f"{name}.sh"
