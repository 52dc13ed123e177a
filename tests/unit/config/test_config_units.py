"""Times and sizes."""

from __future__ import annotations

import pytest

from megatest.config.units import format_duration, parse_seconds, parse_size_kib


def test_a_month_is_a_twelfth_of_a_year() -> None:
    assert parse_seconds("12M") == parse_seconds("1y")


def test_unknown_words_and_comments_are_passed_over() -> None:
    assert parse_seconds("1h 2m 3s # note") == 3723


def test_numbers_too_long_to_be_meant_are_no_times() -> None:
    assert parse_seconds("9" * 5000 + "s") == 0


@pytest.mark.parametrize(
    ("text", "kib"),
    [
        ("10000", 10000), ("10G", 10 * 1024**2), ("1.5M", 1536), ("500 MB", 512_000), ("2TiB", 2 * 1024**3),
        ("4096B", 4), ("0", 0), ("1p", 1024**4), ("3k", 3),
    ],
)  # fmt: skip
def test_a_size_is_kib_unless_a_unit_is_given(text: str, kib: int) -> None:
    assert parse_size_kib(text) == kib


@pytest.mark.parametrize("text", ["", "x", "10X", "-1", "1e3", "10 G # much", "9" * 400])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_size_kib(text)


def test_fractions_of_seconds_are_cut_off_and_nothing_is_negative() -> None:
    assert format_duration(59.9) == "59s"
    assert format_duration(-3) == "0s"
