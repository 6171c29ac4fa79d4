"""Engines: every task is answered, failures are told apart, workers persist, and nothing is left when they stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from engine_jobs import begins_a_file, double, fails, identity_and_threads

from neurodyn import registry
from neurodyn.engines.base import Engine
from neurodyn.engines.local import Local, cores
from neurodyn.engines.serial import Serial
from neurodyn.errors import InvalidInput


def test_engines_are_registered() -> None:
    assert {"local", "serial"} <= set(registry.names("engines"))
    assert registry.load("engines", "local") is Local


@pytest.mark.parametrize("engine", [Serial(), Local(2)])
def test_every_task_is_answered_once(engine: Engine) -> None:
    with engine:
        for tasks in (range(5), range(3), range(0)):
            found = list(engine.results(double, tasks))
            assert sorted(f.index for f in found) == list(tasks)
            assert all(f.value == 2 * f.index and f.failure is None for f in found)


def test_workers_stay_and_have_one_thread() -> None:
    with Local(2) as engine:
        first = [f.value for f in engine.results(identity_and_threads, range(6))]
        second = [f.value for f in engine.results(identity_and_threads, range(6))]
    processes = {process for process, _, _ in first}
    assert len(processes) == 2 and os.getpid() not in processes
    assert {process for process, _, _ in second} == processes
    assert max(calls for _, calls, _ in second) > 3  # what a module holds stays
    assert {threads for _, _, threads in first + second} == {1}
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_failures_say_what_happened_and_the_rest_goes_on() -> None:
    with Local(1) as engine:
        found = {f.index: f for f in engine.results(fails, range(6))}
    assert found[0].value == 0 and found[5].value == 5
    kinds = {index: f.failure.kind for index, f in found.items() if f.failure}
    assert kinds == {1: "error", 2: "refused", 3: "died", 4: "error"}
    assert "one is bad" in found[1].failure.message and "in fails" in found[1].failure.traceback
    assert found[2].failure.message.startswith("x: got 2")
    assert "SIGKILL" in found[3].failure.message and "last words" in str(found[3].failure)
    assert "pickle" in found[4].failure.message


def test_serial_failures_are_told_apart_too() -> None:
    found = list(Serial().results(fails, [0, 1, 2]))
    assert [f.failure and f.failure.kind for f in found] == [None, "error", "refused"]
    assert [f.value for f in found] == [0, None, None]


def test_leaving_early_stops_the_workers_and_leaves_no_half_written_file(tmp_path: Path) -> None:
    start = time.monotonic()
    with Local(2) as engine, pytest.raises(KeyboardInterrupt):
        for finished in engine.results(begins_a_file, [tmp_path / "absent" / "a", tmp_path / "b", tmp_path / "c"]):
            assert finished.index == 0 and finished.failure and finished.failure.kind == "refused"
            deadline = time.monotonic() + 30
            while len(list(tmp_path.glob(".*.part"))) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    assert time.monotonic() - start < 40


@pytest.mark.parametrize("engine", [Serial, Local])
def test_what_cannot_run_elsewhere_is_refused(engine: type[Engine]) -> None:
    with pytest.raises(InvalidInput, match="top level"):
        list(engine().results(lambda x: x, [1]))
    with pytest.raises(InvalidInput, match="workers"):
        engine(0)


def test_serial_has_one_worker() -> None:
    with pytest.raises(InvalidInput, match="local"):
        Serial(2)
    assert Local().workers == cores() >= 1


def test_workers_end_with_the_process_that_wanted_them(tmp_path: Path) -> None:
    pulse = tmp_path / "pulse"
    script = Path(__file__).with_name("engine_jobs.py")
    with subprocess.Popen([sys.executable, str(script), str(pulse)]) as process:
        deadline = time.monotonic() + 30
        while not pulse.exists() or not pulse.read_text():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
        worker = int(pulse.read_text().split()[0])
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{worker}/stat").exists() and Path(f"/proc/{worker}/stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its owner")
