"""All runners, ourselves and the floor included, in the order of the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.peers import (
    avocado,
    bare,
    canary,
    ctest,
    doit,
    dvsim,
    make,
    megatest,
    ninja,
    reframe,
    snakemake,
    xargs,
)
from bench.peers.peer import Peer, Tool, Unavailable

OURS: Final = megatest.PEER
FLOOR: Final = bare.PEER
PEERS: Final = (
    bare.RECORDING,
    ctest.PEER,
    ctest.FILING,
    make.PEER,
    make.FILING,
    ninja.PEER,
    ninja.FILING,
    xargs.PEER,
    xargs.FILING,
    doit.PEER,
    dvsim.PEER,
    snakemake.PEER,
    canary.PEER,
    reframe.PEER,
    avocado.PEER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The runners that can take part, and why the others cannot.

    Attributes:
        tools: the runners that were found, with their programs.
        absent: name of a runner -> why it is not here.
    """

    tools: Mapping[Peer, Tool]
    absent: Mapping[str, str]


def find_all(peers: tuple[Peer, ...], cache: Path) -> Field:
    """Find every runner; install those that are packages."""
    tools: dict[Peer, Tool] = {}
    absent: dict[str, str] = {}
    for peer in peers:
        try:
            tools[peer] = peer.find(cache)
        except Unavailable as reason:
            absent[peer.name] = str(reason)
    return Field(tools=tools, absent=absent)
