"""``[executor NAME]`` sections as typed settings."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TypeVar

from megatest.model.error import ConfigError, Diagnostic, Severity
from megatest.model.slotted import dataclass, replace

_Settings = TypeVar("_Settings", "BatchSettings", "SshSettings")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSettings:
    """What an area says about a batch system.

    Attributes:
        queue: the queue or partition; empty for the system's default.
        account: the account or project that pays.
        options: further words for the submit command.
        array_size: most tasks in one array; 0 for the system's default.
        slots: most jobs in the queue at once; None for no limit.
        accounting: whether the accounting (sacct, qacct) may be asked.
        submit_timeout_s: how long a submission may keep the engine waiting; one without an
            answer goes on in the background.
        command_timeout_s: how long any other command may take.
        fastest_poll_s, slowest_poll_s: between two queries.
        patience_s: how long neither queue nor accounting must know a job before it is lost.
        parallel_environment: Grid Engine: for more than one CPU.
        memory_resource, gpu_resource: Grid Engine: names of the complexes.
    """

    queue: str = ""
    account: str = ""
    options: tuple[str, ...] = ()
    array_size: int = 0
    slots: int | None = None
    accounting: bool = True
    submit_timeout_s: float = 15
    command_timeout_s: float = 60
    fastest_poll_s: float = 0.1
    slowest_poll_s: float = 10
    patience_s: float = 60
    parallel_environment: str = "smp"
    memory_resource: str = "mem_free"
    gpu_resource: str = "gpu"


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSettings:
    """What an area says about its ssh hosts.

    Attributes:
        options: further words for ssh, before the host.
        connect_timeout_s: how long a connection may take to be made.
        lost_after_s: how long a host may be away before its tests are given up.
        transfer_timeout_s: how long it may take to copy a run directory to or from a host.
    """

    options: tuple[str, ...] = ()
    connect_timeout_s: float = 15
    lost_after_s: float = 300
    transfer_timeout_s: float = 3600


_ALIASES = {"partition": "queue", "project": "account"}
_NOT_SETTINGS = frozenset({"type", "kind"})


def batch_settings(section: str, keys: Mapping[str, str]) -> BatchSettings:
    """Return the settings of a batch system's section.

    Args:
        section: its name, for messages.
        keys: key -> value as the file has them; ``-`` and ``_`` in keys are the same.

    Raises:
        ConfigError: with one finding per unknown key or wrong value.
    """
    return _settings(section, keys, BatchSettings())


def ssh_settings(section: str, keys: Mapping[str, str]) -> SshSettings:
    """Return the settings of the ssh hosts' section; see `batch_settings`."""
    return _settings(section, keys, SshSettings())


def _settings(section: str, keys: Mapping[str, str], defaults: _Settings) -> _Settings:
    known = {field.name: str(field.type) for field in fields(defaults)}
    values: dict[str, object] = {}
    findings = []
    for key, text in keys.items():
        name = _name_of(key, known)
        if name in _NOT_SETTINGS:
            continue
        try:
            values[name] = _READERS[known[name]](text.strip())
        except KeyError:
            findings.append(_finding(f"[{section}] has no setting '{key}'", _hint(key, known)))
        except ValueError as error:
            findings.append(_finding(f"[{section}] {key}: {error}", None))
    if findings:
        raise ConfigError(findings)
    return replace(defaults, **values)  # type: ignore[arg-type] # each was read by its field's type


def _name_of(key: str, known: Mapping[str, str]) -> str:
    name = key.replace("-", "_")
    name = _ALIASES.get(name, name)
    return name if name in known or f"{name}_s" not in known else f"{name}_s"


def _finding(message: str, hint: str | None) -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, message=message, hint=hint)


def _hint(key: str, known: Mapping[str, str]) -> str:
    names = [name.removesuffix("_s").replace("_", "-") for name in known]
    near = difflib.get_close_matches(key, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are: {', '.join(names)}"


def _read_count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"'{text}' is not a whole number")
    return int(text)


def _read_seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ValueError(f"'{text}' is not a number of seconds")
    return value


def _read_yes_or_no(text: str) -> bool:
    if text not in ("yes", "no"):
        raise ValueError(f"'{text}' is neither yes nor no")
    return text == "yes"


def _read_words(text: str) -> tuple[str, ...]:
    return tuple(shlex.split(text))


_READERS: Mapping[str, Callable[[str], object]] = {
    "str": str,
    "int": _read_count,
    "int | None": _read_count,
    "float": _read_seconds,
    "bool": _read_yes_or_no,
    "tuple[str, ...]": _read_words,
}
