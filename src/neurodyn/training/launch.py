"""Starts the processes of one training on this machine and waits for them, as `torchrun` would, but from within Python."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import torch

from neurodyn.errors import InvalidInput, NeurodynError
from neurodyn.training.interrupt import Terminated

T = TypeVar("T")
GRACE_S = 20.0
"""Seconds that the other processes have to end by themselves after one has failed."""


def in_processes(task: Callable[[], T], processes: int, threads: int) -> T:
    """Calls a task in several processes at once, each with its place in the environment; gives back what the first returned.

    On Linux without a GPU they are forks: they see the data of this process without a copy, and models may be defined in a notebook. Elsewhere, or with several
    threads each (which forks cannot have), they start afresh and are sent a copy.

    Args:
        task: trains.
        processes: how many.
        threads: that each will use.

    Raises:
        InvalidInput: the task cannot be sent to a fresh process; a process was killed.
        Exception: what the task raised.
    """
    forks = sys.platform == "linux" and threads == 1 and not torch.cuda.is_available()
    context: Any = multiprocessing.get_context("fork" if forks else "spawn")
    # pickled by hand: what multiprocessing sends of tensors shares their memory, and each process trains weights of its own
    sent = task if forks else _pickled(task, processes)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = [Path(folder, str(rank)) for rank in range(processes)]
        port = _free_port()
        started = [
            context.Process(target=_work, args=(sent, _environment(rank, processes, port), outcome), daemon=True)
            for rank, outcome in enumerate(outcomes)
        ]
        try:
            for process in started:
                process.start()
            with _passing_on(started) as passed:
                codes = _wait(started)
        finally:
            for process in started:
                if process.is_alive():
                    process.kill()
                process.join()
        found: list[Any] = [
            pickle.loads(path.read_bytes()) if code in (0, 1) and path.exists() else None
            for path, code in zip(outcomes, codes)
        ]
    if any(codes):
        raise _error(codes, found, signal.SIGTERM in passed)
    value: T = found[0]
    return value


# -- in each process ----------------------------------------------------------------------------------------------------


def _work(task: Callable[[], Any] | bytes, environment: dict[str, str], outcome: Path) -> None:
    """What a process does: the task, and then a file with what came of it. It ends with code 1 where that is an error."""
    os.setpgid(0, 0)  # Ctrl-C reaches it once, from the process that started it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    os.environ.update(environment)
    torch.set_num_threads(1)  # a fork has none of the threads of the process it is of
    try:
        value = (pickle.loads(task) if isinstance(task, bytes) else task)()
        found, code = pickle.dumps(value if environment["RANK"] == "0" else None), 0
    except BaseException as error:
        found, code = pickle.dumps(_account_of(error)), 1
    outcome.write_bytes(found)
    sys.exit(code)


def _leave_with_parent() -> None:
    """Ends the process where the one that started it was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _account_of(error: BaseException) -> tuple[type[BaseException], tuple[Any, ...], dict[str, Any], str]:
    """Type, arguments, attributes and traceback of an error, in a form that can be sent."""
    text = "".join(traceback.format_exception(error))
    account = type(error), error.args, vars(error), text
    try:
        pickle.loads(pickle.dumps(account))
        return account
    except Exception:
        return RuntimeError, (str(error),), {}, text


# -- in the process that starts them ------------------------------------------------------------------------------------


def _pickled(task: Callable[[], Any], processes: int) -> bytes:
    try:
        return pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        fix = f"Define the model in a module, or start the script with `torchrun --nproc-per-node {processes}`."
        raise InvalidInput(
            "train.processes", f"{processes}, and {error}", "what can be sent to another process", fix
        ) from error


def _environment(rank: int, processes: int, port: int) -> dict[str, str]:
    """What `torchrun` would say."""
    said: dict[str, object] = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
    said |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_USE_AGENT_STORE": False}
    return {name: str(value) for name, value in said.items()}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def _passing_on(processes: Sequence[BaseProcess]) -> Iterator[set[int]]:
    """Within, the processes are told of Ctrl-C and SIGTERM, which the caller of fit would be told of; gives the signals there were."""
    passed: set[int] = set()

    def pass_on(number: int, frame: FrameType | None) -> None:
        passed.add(number)
        for process in processes:
            if process.is_alive() and process.pid is not None:
                os.kill(process.pid, number)

    if threading.current_thread() is not threading.main_thread():
        yield passed
        return
    numbers = [signal.SIGINT]
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        numbers.append(signal.SIGTERM)
    before = {number: signal.signal(number, pass_on) for number in numbers}
    try:
        yield passed
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait(processes: Sequence[BaseProcess]) -> list[int | None]:
    """Until all have ended, or one has failed and the others had time to; gives the exit codes, None where it still runs."""
    deadline: float | None = None
    while alive := [process for process in processes if process.exitcode is None]:
        wait([process.sentinel for process in alive], None if deadline is None else deadline - time.monotonic())
        if deadline is None and any(process.exitcode for process in processes):
            deadline = time.monotonic() + GRACE_S
        if deadline is not None and time.monotonic() > deadline:
            break
    return [process.exitcode for process in processes]


def _error(codes: Sequence[int | None], found: Sequence[Any], terminated: bool) -> BaseException:
    """What to raise: an error made for people; else what killed a process, which the others then lost; else the first there is."""
    accounts = [account for account, code in zip(found, codes) if code == 1 and account is not None]
    for kind, arguments, values, _ in accounts:
        if issubclass(kind, Terminated):
            return Terminated()
        if issubclass(kind, NeurodynError | KeyboardInterrupt):
            return _rebuilt(kind, arguments, values)
    if terminated:  # before they listened
        return Terminated()
    for rank, code in enumerate(codes):
        if code and found[rank] is None:
            return InvalidInput(
                "train.processes",
                f"process {rank} of {len(codes)}, which ended with code {code}",
                "processes that live until the end, in the memory there is",
                "Give fewer processes, or more train.parts; go on with --resume (resume=True).",
            )
    kind, arguments, values, text = accounts[0]
    error = _rebuilt(kind, arguments, values)
    error.add_note(f"In another process:\n{text}")
    return error


def _rebuilt(kind: type[BaseException], arguments: tuple[Any, ...], values: dict[str, Any]) -> BaseException:
    """An error from its account, whatever its constructor takes."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    vars(error).update(values)
    return error
