"""``[requirements]`` and ``[itemmap]``: what a test waits for and what it needs."""

from __future__ import annotations

from sys import intern
from typing import Final

from megatest.config.entry import Entry
from megatest.config.line import BLANKS
from megatest.config.nearest import did_you_mean
from megatest.config.units import parse_size_kib
from megatest.config.values import Values, words
from megatest.model.error import Severity
from megatest.model.job import Resources
from megatest.model.spec import Area, ItemMap, Mode, PoolWish, Requirements, Waiton

_MODES: Final = {**{str(mode): mode for mode in Mode}, "itemwait": Mode.ITEMMATCH}
_NONE: Final = Requirements()
_WAITON_ONLY: Final = frozenset(("waiton",))
"""All that most tests require: then nothing else is looked up."""
_OURS: Final = frozenset(
    (
        "waiton", "waitor", "mode", "priority", "itemmap", "runtimelim", "retries", "retry-on",
        "cpus", "memory", "gpus", "walltime",
    )
)  # fmt: skip


def requirements_from(values: Values, area: Area) -> Requirements:
    """Return what a test requires; what is wrong goes to the values' findings."""
    sections = values.document.sections
    if not sections.get("requirements") and not sections.get("itemmap"):
        return _NONE
    if not sections.get("itemmap") and sections["requirements"].keys() == _WAITON_ONLY:
        return Requirements(waitons=_waitons(values))
    priority = values.number("requirements", "priority")
    _check_waitor(values)
    return Requirements(
        waitons=_waitons(values),
        modes=_modes(values),
        itemmaps=_itemmaps(values),
        priority=priority or 0,
        priority_given=values.entry("requirements", "priority") is not None,
        run_limit_s=values.seconds("requirements", "runtimelim") or None,
        retries=values.integer("requirements", "retries") or 0,
        resources=_resources(values, area),
        pools=_pool_wishes(values, area),
    )


def _pool_wishes(values: Values, area: Area) -> tuple[PoolWish, ...]:
    if not area.pools:
        return ()
    from megatest.config.wishes import wishes_from

    return wishes_from(values, area)


def _waitons(values: Values) -> tuple[Waiton, ...]:
    entry = values.entry("requirements", "waiton")
    if entry is None:
        return ()
    return tuple(_waiton(entry, test) for test in dict.fromkeys(words(entry.value)))


def _waiton(entry: Entry, test: str) -> Waiton:
    line, offset = entry.find(test)
    location = line.place(entry.origin.file, offset)
    # A test's name is kept once, however many wait on it, and is found by identity.
    return Waiton(test=intern(test), location=location, source=line.physical(offset))


def _check_waitor(values: Values) -> None:
    entry = values.entry("requirements", "waitor")
    if entry is not None and entry.value.strip(BLANKS):
        hint = "name this test in the waiton of the others"
        values.findings.append(
            entry.key_finding(Severity.WARNING, "nothing waits because of waitor", hint=hint)
        )


def _modes(values: Values) -> frozenset[Mode]:
    entry = values.entry("requirements", "mode")
    if entry is None:
        return frozenset()
    modes = set()
    for word in words(entry.value):
        mode = _MODES.get(word)
        if mode is None:
            hint = did_you_mean(word, _MODES) or f"the modes are {', '.join(_MODES)}"
            values.findings.append(
                entry.finding(Severity.ERROR, f"unknown mode {word!r}", word=word, hint=hint)
            )
        else:
            modes.add(mode)
    return frozenset(modes)


def _itemmaps(values: Values) -> tuple[ItemMap, ...]:
    """Return the map for all prerequisites, then those for one; the first that matches counts."""
    everywhere = values.entry("requirements", "itemmap")
    maps = [] if everywhere is None else [_itemmap("%", everywhere)]
    maps += [_itemmap(entry.key, entry) for entry in values.entries("itemmap")]
    return tuple(maps)


def _itemmap(upstream: str, entry: Entry) -> ItemMap:
    lines = [words(line) for line in entry.value.split("\n")]
    pairs = tuple((line[0], line[1] if len(line) > 1 else "") for line in lines if line)
    return ItemMap(upstream=upstream, lines=pairs, location=entry.location)


def _resources(values: Values, area: Area) -> Resources:
    return Resources(
        cpus=values.integer("requirements", "cpus") or 0,
        memory_mib=-(-_size_kib(values, "memory") // 1024),
        gpus=values.integer("requirements", "gpus") or 0,
        walltime_s=values.seconds("requirements", "walltime") or 0,
        extra=_extra(values, area),
    )


def _size_kib(values: Values, key: str) -> int:
    """Return a size; the original passed over it whatever it said, so an unreadable one only warns."""
    entry = values.entry("requirements", key)
    if entry is None or not entry.value.strip(BLANKS):
        return 0
    try:
        return parse_size_kib(entry.value)
    except ValueError as error:
        values.findings.append(entry.finding(Severity.WARNING, f"{key}: {error}"))
        return 0


def _extra(values: Values, area: Area) -> tuple[tuple[str, str], ...]:
    """Return all other wishes, for the batch system; those of our own pools are none of its business."""
    extra = []
    for entry in values.entries("requirements"):
        if entry.key in _OURS or entry.key in area.pools:
            continue
        if entry.key == "diskspace":
            _size_kib(values, "diskspace")
            continue  # the disks are chosen by the area; no batch system is asked for room
        extra.append((entry.key, entry.value.strip(BLANKS)))
    return tuple(extra)
