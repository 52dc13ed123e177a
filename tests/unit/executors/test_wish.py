"""What the words of [requirements] mean to a batch system."""

from __future__ import annotations

import pytest

from megatest.executors.gridengine import GridEngine
from megatest.executors.queue import ArrayJob
from megatest.executors.setting import BatchSettings
from megatest.executors.slurm import Slurm
from megatest.executors.wish import split_options, wishes_from
from megatest.model.job import Resources

_EXTRA = (
    ("licenses", "sim:2,synth"),
    ("queue", "long"),
    ("account", "chip"),
    ("constraint", "bigmem"),
    ("options", "--nice=10 '-x a b'"),
    ("arch", "lx"),
)
_SETTINGS = BatchSettings(queue="short", account="all", options=("--first",))


def _array(*extra: tuple[str, str]) -> ArrayJob:
    return ArrayJob(
        name="mt-1", count=2, script="/s", out="/o", directory="/d", resources=Resources(extra=extra)
    )


@pytest.mark.parametrize(
    ("text", "licenses"),
    [
        ("sim:2,synth", (("sim", 2), ("synth", 1))),
        ("sim synth:3", (("sim", 1), ("synth", 3))),
        ("sim@server:2", (("sim@server", 2),)),
        ("a:b", (("a:b", 1),)),
    ],
)
def test_licences_are_names_with_numbers(text: str, licenses: tuple[tuple[str, int], ...]) -> None:
    assert wishes_from([("licenses", text)]).licenses == licenses


def test_an_empty_value_wishes_nothing() -> None:
    assert wishes_from([("queue", ""), ("licenses", ""), ("arch", "")]) == wishes_from([])


def test_options_with_an_open_quote_are_cut_at_the_blanks() -> None:
    assert split_options("-p 'x") == ("-p", "'x")


def test_slurm_gets_each_wish_as_its_own_option_and_the_test_prevails() -> None:
    words = Slurm(settings=_SETTINGS, user="1").submit(_array(*_EXTRA)).argv
    assert {
        "--licenses=sim:2,synth:1",
        "--partition=long",
        "--account=chip",
        "--constraint=bigmem",
        "--arch=lx",
    } <= set(words)
    assert words[-4:-1] == ("--first", "--nice=10", "-x a b")
    assert not {"--partition=short", "--account=all"} & set(words)


def test_grid_engine_gets_licences_as_complexes() -> None:
    words = " ".join(GridEngine(settings=_SETTINGS, user="u").submit(_array(*_EXTRA)).argv)
    for part in ("-q long", "-P chip", "-l sim=2", "-l synth=1", "-l bigmem", "-l arch=lx"):
        assert f" {part} " in words
    assert "--first --nice=10 -x a b -shell n" in words
    assert "short" not in words


def test_the_sections_values_hold_where_the_test_says_nothing() -> None:
    assert "--partition=short" in Slurm(settings=_SETTINGS, user="1").submit(_array()).argv
    assert "short" in GridEngine(settings=_SETTINGS, user="u").submit(_array()).argv
