"""What the words of [requirements] mean to a batch system."""

from __future__ import annotations

from dataclasses import replace

import pytest

from megatest.executors.gridengine import GridEngine
from megatest.executors.queue import ArrayJob, BatchSystem
from megatest.executors.setting import BatchSettings
from megatest.executors.slurm import Slurm
from megatest.executors.template import Template, TemplateSystem
from megatest.executors.template_systems import FLUX, LSF, PBS, TEMPLATES, TORQUE
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


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        (LSF, ("-q long", "-P chip", "-R rusage[sim=2]", "-R rusage[synth=1]", "-R select[bigmem]")),
        (PBS, ("-q long", "-A chip", "-l sim=2", "-l synth=1", "-l bigmem=true", "-l arch=lx")),
        (TORQUE, ("-q long", "-A chip", "-l nodes=1:ppn=1:bigmem", "-l arch=lx")),
        (FLUX, ("--queue=long", "--bank=chip", "--requires=bigmem")),
    ],
    ids=lambda value: value.name if isinstance(value, Template) else "",
)
def test_a_template_system_gets_each_wish_in_its_words_and_the_test_prevails(
    template: Template, parts: tuple[str, ...]
) -> None:
    system = TemplateSystem(template=template, settings=_SETTINGS, user="u")
    words = " ".join(system.submit(_array(*_EXTRA)).argv)
    for part in (*parts, "--first --nice=10 -x a b"):
        assert f" {part} " in words
    assert "short" not in words
    assert " all " not in words


def test_torque_gets_processors_and_a_feature_as_one_node() -> None:
    system = TemplateSystem(template=TORQUE, settings=_SETTINGS, user="u")
    array = replace(_array(), resources=Resources(cpus=4, extra=(("constraint", "bigmem"),)))
    words = system.submit(array).argv
    assert "nodes=1:ppn=4:bigmem" in words
    assert [word for word in words if word.startswith("nodes=")] == ["nodes=1:ppn=4:bigmem"]


_EVERY_WISH = {
    "cpus": Resources(cpus=2),
    "memory": Resources(memory_mib=512),
    "gpus": Resources(gpus=1),
    "walltime": Resources(walltime_s=60),
    **{name: Resources(extra=((name, value),)) for name, value in _EXTRA},
}
_SYSTEMS: tuple[BatchSystem, ...] = (
    Slurm(settings=_SETTINGS, user="1"),
    GridEngine(settings=_SETTINGS, user="u"),
    *(TemplateSystem(template=template, settings=_SETTINGS, user="u") for template in TEMPLATES.values()),
)


@pytest.mark.parametrize("wish", _EVERY_WISH)
@pytest.mark.parametrize("system", _SYSTEMS, ids=lambda system: system.name)
def test_each_wish_changes_the_command_or_is_said_to_be_unmet(system: BatchSystem, wish: str) -> None:
    resources = _EVERY_WISH[wish]
    without = system.submit(_array()).argv
    changed = system.submit(replace(_array(), resources=resources)).argv != without
    assert list(system.unmet(resources)) == ([] if changed else [wish])


def test_who_has_no_words_for_what() -> None:
    unmet = {
        (system.name, wish)
        for system in _SYSTEMS
        for wish, resources in _EVERY_WISH.items()
        if system.unmet(resources)
    }
    assert unmet == {
        ("lsf", "arch"),
        ("torque", "licenses"),
        ("flux", "memory"),
        ("flux", "licenses"),
        ("flux", "arch"),
    }


def test_what_cannot_be_the_name_of_an_option_is_unmet_by_slurm() -> None:
    assert Slurm(settings=_SETTINGS, user="1").unmet(Resources(extra=(("BOARD_2", "1"),))) == ["BOARD_2"]


def test_the_sections_values_hold_where_the_test_says_nothing() -> None:
    assert "--partition=short" in Slurm(settings=_SETTINGS, user="1").submit(_array()).argv
    assert "short" in GridEngine(settings=_SETTINGS, user="u").submit(_array()).argv
