"""What the tests of services share."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.executor_place import Workshop


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "runs")
