from fakes.engine_world import FakeClock, FakeWorkArea
from megatest.engine.gate import Gate


def _gate(
    said: list[str], clock: FakeClock, workarea: FakeWorkArea, loads: list[float], delay_s: float = 0
) -> Gate:
    return Gate(
        workarea=workarea,
        clock=clock,
        delay_s=delay_s,
        max_load=4,
        say=said.append,
        load=lambda: loads[0],
    )


def test_a_full_disk_closes_the_gate_and_is_told_once() -> None:
    said: list[str] = []
    clock, workarea = FakeClock(), FakeWorkArea(full="/runs is full")
    gate = _gate(said, clock, workarea, [0])
    assert not gate.is_open(1)
    clock.seconds += 60
    assert not gate.is_open(1)
    workarea.full = ""
    clock.seconds += 60
    assert gate.is_open(1)
    assert said == ["nothing is launched: /runs is full", "launching again"]


def test_a_high_load_is_told_only_when_it_lasts() -> None:
    said: list[str] = []
    clock, loads = FakeClock(), [9.0]
    gate = _gate(said, clock, FakeWorkArea(), loads)
    assert not gate.is_open(1)
    clock.seconds += 5
    assert not gate.is_open(1)
    assert said == []
    clock.seconds += 6
    assert not gate.is_open(1)
    assert said == ["nothing is launched: the load of this machine is 9.0, the limit 4"]


def test_a_load_that_others_make_does_not_stop_the_only_test() -> None:
    assert _gate([], FakeClock(), FakeWorkArea(), [99.0]).is_open(0)


def test_a_closed_gate_is_not_asked_again_at_every_turn() -> None:
    clock, workarea = FakeClock(), FakeWorkArea(full="full")
    gate = _gate([], clock, workarea, [0])
    assert not gate.is_open(1)
    workarea.full = ""
    assert not gate.is_open(1)
    clock.seconds = gate.opens_at
    assert gate.is_open(1)


def test_the_delay_keeps_launches_apart() -> None:
    clock = FakeClock()
    gate = _gate([], clock, FakeWorkArea(), [0], delay_s=3)
    assert gate.is_open(0)
    gate.launched()
    clock.seconds += 2
    assert not gate.is_open(1)
    clock.seconds += 1
    assert gate.is_open(1)
