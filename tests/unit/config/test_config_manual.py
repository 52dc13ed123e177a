"""The settings page of the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.config.kind import Kind, problem_with
from megatest.config.manual import FILES, settings_page
from megatest.config.schema import FileSchema

MANUAL = Path(__file__).parents[3] / "docs" / "manual"


def test_the_page_in_the_manual_is_up_to_date() -> None:
    assert (MANUAL / "settings.md").read_text() == settings_page()


@pytest.mark.parametrize("schema", FILES, ids=lambda schema: schema.name)
def test_every_section_and_setting_is_on_the_page(schema: FileSchema) -> None:
    page = settings_page()
    for section in schema.sections.values():
        assert f"[{section.name}]" in page
        for name in section.names():
            assert f"`{name}`" in page


@pytest.mark.parametrize("schema", FILES, ids=lambda schema: schema.name)
def test_every_default_is_of_its_kind(schema: FileSchema) -> None:
    for section in schema.sections.values():
        for setting in section.settings:
            assert not setting.default or problem_with(setting.kind, setting.default) is None
            assert not setting.doc.endswith(".")
            assert setting.kind in Kind
