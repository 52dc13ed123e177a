"""``[executor NAME]`` sections as typed settings."""

from __future__ import annotations

import pytest

from megatest.executors.setting import BatchSettings, SshSettings, batch_settings, ssh_settings
from megatest.model.error import ConfigError


def test_an_empty_section_is_the_defaults() -> None:
    assert batch_settings("executor slurm", {}) == BatchSettings()
    assert ssh_settings("executor ssh", {}) == SshSettings()


def test_values_are_read_by_their_type() -> None:
    keys = {
        "partition": "long",
        "account": "p1",
        "options": "--qos=low --comment='two words'",
        "array-size": "500",
        "slots": " 40 ",
        "accounting": "no",
        "patience": "120",
        "command_timeout": "7.5",
    }
    assert batch_settings("executor slurm", keys) == BatchSettings(
        queue="long",
        account="p1",
        options=("--qos=low", "--comment=two words"),
        array_size=500,
        slots=40,
        accounting=False,
        patience_s=120,
        command_timeout_s=7.5,
    )


def test_the_key_that_says_which_kind_an_executor_is_passes() -> None:
    assert batch_settings("executor farm", {"type": "slurm"}) == BatchSettings()


def test_all_mistakes_are_found_at_once_with_the_nearest_name() -> None:
    keys = {"quue": "a", "slots": "many", "patience": "-1", "accounting": "maybe", "options": "'open"}
    with pytest.raises(ConfigError) as caught:
        batch_settings("executor slurm", keys)
    texts = [finding.render() for finding in caught.value.diagnostics()]
    assert len(texts) == 5
    assert "did you mean 'queue'?" in texts[0]
    assert "'many' is not a whole number" in texts[1]
    assert "'-1' is not a number of seconds" in texts[2]
    assert "neither yes nor no" in texts[3]


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "", "x"])
def test_a_time_must_be_a_number(text: str) -> None:
    with pytest.raises(ConfigError):
        ssh_settings("executor ssh", {"lost-after": text})
