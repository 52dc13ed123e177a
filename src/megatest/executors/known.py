"""The batch systems by name, each as an executor made from its section of the configuration."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Final

from megatest.executors.batch import BatchExecutor
from megatest.executors.call import child_starter
from megatest.executors.command import Glance
from megatest.executors.gridengine import GridEngine
from megatest.executors.queue import BatchSystem
from megatest.executors.setting import BatchSettings, batch_settings
from megatest.executors.slurm import Slurm, unfiltered
from megatest.executors.template import TemplateSystem
from megatest.executors.template_systems import TEMPLATES
from megatest.model.job import Resources

BATCH_SYSTEMS: Final = ("slurm", "gridengine", *TEMPLATES)
"""What ``type`` in ``[executor NAME]`` may be; without it, what NAME may be."""


def make_batch_executor(
    name: str, keys: Mapping[str, str], *, spool: str, glance: Glance, environment: Mapping[str, str]
) -> BatchExecutor | None:
    """Return the executor of a section ``[executor NAME]``; None if it is no batch system's.

    Args:
        name: of the section and of the executor.
        keys: of the section.
        spool: absolute directory for array scripts, seen by the compute nodes.
        glance: reads the begin and the end from a journal.
        environment: of the batch system's commands.

    Raises:
        ConfigError: with one finding per unknown key or wrong value.
    """
    kind = keys.get("type", name)
    if kind not in BATCH_SYSTEMS:
        return None
    settings = batch_settings(f"executor {name}", keys)
    return BatchExecutor(
        system=_system(kind, settings),
        settings=settings,
        spool=spool,
        glance=glance,
        start=child_starter(unfiltered(environment)),
        name=name,
    )


def unmet_wishes(kind: str, resources: Resources) -> Sequence[str]:
    """Return what a test asks for that a kind of batch system has no words for; nothing if it is none."""
    return _system(kind, BatchSettings()).unmet(resources) if kind in BATCH_SYSTEMS else ()


def _system(kind: str, settings: BatchSettings) -> BatchSystem:
    if kind == "slurm":
        return Slurm(settings=settings, user=str(os.getuid()))
    user = _user_name()
    if kind == "gridengine":
        return GridEngine(settings=settings, user=user)
    return TemplateSystem(template=TEMPLATES[kind], settings=settings, user=user)


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())  # a container may have no name for its user
