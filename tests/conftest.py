"""What tests of several rooms share: throw-away services, started once a session."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, settings

from services.service import ServiceMissing, Services, give_up, service

# Below nohup a hangup is ignored, in the background of a script Ctrl-C, and by every child too: none could
# be told to end by one.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Start each service when it is first asked for, and stop all in the end."""
    started: dict[str, dict[str, str] | ServiceMissing] = {}
    with ExitStack() as stack:

        def environment_of(script: str, ports: int) -> dict[str, str]:
            if script not in started:
                directory = tmp_path_factory.mktemp("service") / script
                try:
                    started[script] = stack.enter_context(service(script, directory, ports=ports))
                except ServiceMissing as missing:
                    started[script] = missing
            environment = started[script]
            if isinstance(environment, ServiceMissing):
                give_up(str(environment))
            return environment

        yield environment_of
