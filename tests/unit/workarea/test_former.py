"""What an area that was moved or copied may take for its own, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.workarea.former import was_here


def area_at(path: Path) -> Path:
    (path / "lt").mkdir(parents=True)
    (path / "megatest.config").touch()
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return area_at(tmp_path / "now")


def test_what_names_a_place_where_no_area_is_any_more_is_ours(home: Path, tmp_path: Path) -> None:
    assert was_here(str(tmp_path / "gone"), str(home), "/disk/anywhere")
    (tmp_path / "other").mkdir()
    assert was_here(str(tmp_path / "other"), str(home), "/disk/anywhere")


@pytest.mark.parametrize("file", ["megatest.config", "megatest.db"])
def test_what_names_an_area_that_lives_is_that_ones(home: Path, tmp_path: Path, file: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / file).touch()
    assert not was_here(str(tmp_path / "other"), str(home), str(home / "lt"))


def test_what_a_copy_has_inside_as_its_original_has_is_the_copys(home: Path, tmp_path: Path) -> None:
    original = area_at(tmp_path / "original")
    assert was_here(str(original), str(home), str(home / "lt"))
    assert not was_here(str(original), str(home), "/disk/anywhere")


def test_what_two_areas_share_is_not_taken_for_a_copy(home: Path, tmp_path: Path) -> None:
    other = area_at(tmp_path / "other")
    (other / "lt").rmdir()
    (other / "lt").symlink_to(home / "lt")
    assert not was_here(str(other), str(home), str(home / "lt"))


def test_one_area_under_two_names_is_one(home: Path, tmp_path: Path) -> None:
    (tmp_path / "before").symlink_to(home)
    assert was_here(str(tmp_path / "before"), str(home), "/disk/anywhere")


def test_what_names_no_place_is_nobodys(home: Path) -> None:
    assert not was_here("", str(home), str(home / "lt"))
