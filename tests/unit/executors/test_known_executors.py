"""Executors made from their sections."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.executors.batch import BatchExecutor
from megatest.executors.call import Reply
from megatest.executors.gridengine import GridEngine
from megatest.executors.known import BATCH_SYSTEMS, make_batch_executor
from megatest.executors.queue import BatchSystem
from megatest.executors.setting import BatchSettings
from megatest.executors.slurm import Slurm
from megatest.executors.template import TemplateSystem
from megatest.executors.template_systems import TEMPLATES
from megatest.model.error import ConfigError

_SETTINGS = BatchSettings()
_SYSTEMS: tuple[BatchSystem, ...] = (
    Slurm(settings=_SETTINGS, user="1000"),
    GridEngine(settings=_SETTINGS, user="ann"),
    *(TemplateSystem(template=template, settings=_SETTINGS, user="ann") for template in TEMPLATES.values()),
)


def _make(spool: Path, name: str, **keys: str) -> BatchExecutor | None:
    return make_batch_executor(
        name, keys, spool=str(spool), glance=lambda _run_dir: (None, None), environment={}
    )


@pytest.mark.parametrize("name", BATCH_SYSTEMS)
def test_a_section_named_after_a_batch_system_needs_no_type(tmp_path: Path, name: str) -> None:
    executor = _make(tmp_path, name, slots="7")
    assert executor is not None
    assert (executor.name, executor.slots) == (name, 7)


def test_a_section_of_any_name_says_its_type(tmp_path: Path) -> None:
    executor = _make(tmp_path, "overnight", type="slurm", partition="long")
    assert executor is not None
    assert executor.name == "overnight"


def test_what_is_no_batch_system_is_nothing(tmp_path: Path) -> None:
    assert _make(tmp_path, "ssh") is None


def test_wrong_keys_are_named_with_the_section(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="executor slurm"):
        _make(tmp_path, "slurm", partitoin="x")


def test_making_one_touches_nothing(tmp_path: Path) -> None:
    _make(tmp_path / "spool", "slurm")
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize("system", _SYSTEMS, ids=lambda system: system.name)
def test_a_program_that_is_not_installed_is_a_refusal_and_a_silent_one_is_not(system: BatchSystem) -> None:
    assert system.is_refusal(Reply(code=None, trouble="there is none", not_installed=True))
    assert not system.is_refusal(Reply(code=None, trouble="it gave no answer in 15 s"))
