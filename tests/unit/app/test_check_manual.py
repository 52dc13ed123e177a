"""The configuration that the README and the manual show: it can be copied into an area as it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from megatest.app.check import findings_of
from megatest.app.session import AreaRequest
from megatest.config.schema_area import AREA
from megatest.config.schema_test import TEST
from megatest.model.error import Severity
from megatest.model.spec import NO_COMMENT

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs" / "manual").rglob("*.md")))
REQUIRED = (
    "[fields]\nrelease TEXT\n[setup]\nlinktree lt\n[pools]\nsimulator 4\nboard 2\n[jobgroups]\nheavy 1\n"
)


def blocks(page: Path) -> Iterator[str]:
    """Yield the blocks of a page, fenced and indented ones."""
    text = page.read_text()
    yield from re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    unfenced = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for indented in re.findall(r"(?:^(?: {4}.*)?\n)+", unfenced, re.MULTILINE):
        yield re.sub(r"^ {4}", "", indented, flags=re.MULTILINE).strip("\n") + "\n"


def sections(block: str) -> list[str]:
    """Return the sections of a block, none if it is no configuration."""
    lines = block.splitlines()
    first = next((line for line in lines if line and not line.startswith("#")), "")
    found = re.findall(r"^\[([^\]]+)\]$", block, re.MULTILINE)
    return found if re.fullmatch(r"\[[^\]]+\]", first) else []


SHOWN = [(page.name, block) for page in PAGES for block in blocks(page) if sections(block)]


def test_the_examples_are_found() -> None:
    assert len(SHOWN) > 20
    assert {"README.md", "local.md", "pools.md"} <= {page for page, _ in SHOWN}


@pytest.mark.parametrize(("page", "block"), SHOWN)
def test_what_the_manual_shows_has_no_errors(tmp_path: Path, page: str, block: str) -> None:
    named = sections(block)
    of_test = all(TEST.section(name) for name in named)
    of_area = all(AREA.section(name) for name in named)
    if not (of_test or of_area):
        pytest.skip("of another file, or part of one")
    home = tmp_path / "area"
    for directory in (home, tmp_path / "firmware"):
        directory.mkdir()
    (home / "runconfigs.config").touch()
    for name, text in {"setup": "", "build": "", "shown": block if of_test else ""}.items():
        directory = home / "tests" / name
        directory.mkdir(parents=True)
        (directory / "testconfig").write_text(f"{text}[setup]\nrunscript main.sh\n")
        (directory / "main.sh").write_text("#!/bin/sh\n")
    (home / "megatest.config").write_text(REQUIRED if of_test else f"{REQUIRED}{block}")
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    _, findings = findings_of(AreaRequest(start=str(home), environ=environ))
    wrong = [f.render() for f in findings if f.severity is Severity.ERROR or f.hint == NO_COMMENT]
    assert wrong == [], page
