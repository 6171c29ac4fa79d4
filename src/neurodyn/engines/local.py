"""Processes on this machine: one single-threaded worker a core, which imports and loads once and stays."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from neurodyn.engines.base import Engine, Failure, Finished, check_importable

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_PATIENCE_S = 5.0
"""How long a worker may take to put its files in order when it is told to stop."""
_LAST_WORDS = 4000
"""Characters of a dead worker's stderr that are shown."""
_Waiting = queue.SimpleQueue[tuple[int, bytes]]


class Local(Engine):
    """Runs tasks in processes on this machine, each with one thread.

    Workers are fresh interpreters: nothing of the calling script is run again, and no guard is needed in it. What a task caches in its module stays for the
    next one. A worker that dies is a `Failure` of its task, and another takes its place; when this process goes, its workers go too.

    Args:
        workers: processes; None takes one a core.
    """

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(workers)
        self.workers = workers or cores()
        """Processes at most."""
        self._crew: list[_Worker] = []

    def results(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Finished]:
        check_importable(function)
        waiting: _Waiting = queue.SimpleQueue()
        finished: queue.SimpleQueue[Finished] = queue.SimpleQueue()
        for index, task in enumerate(tasks):
            waiting.put((index, pickle.dumps((function, task))))
        needed = min(self.workers, len(tasks))
        self._crew += [_Worker() for _ in range(needed - len(self._crew))]
        threads = [
            threading.Thread(target=worker.serve, args=(waiting, finished), daemon=True)
            for worker in self._crew[:needed]
        ]
        for thread in threads:
            thread.start()
        whole = False
        try:
            for _ in tasks:
                yield finished.get()
            whole = True
        finally:
            if not whole:
                self.close()
            for thread in threads:
                thread.join()

    def close(self) -> None:
        for worker in self._crew:
            worker.tell_to_stop()
        for worker in self._crew:
            worker.stop()
        self._crew = []


class _Worker:
    """One process and the pipes to it; the process is started when there is a task for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `stop`)
        self._lock = threading.Lock()
        self._stopped = False

    def serve(self, waiting: _Waiting, finished: queue.SimpleQueue[Finished]) -> None:
        """Takes tasks until none is left or it is stopped; runs in a thread of its own."""
        while True:
            try:
                index, request = waiting.get_nowait()
                process = self._running()
            except (queue.Empty, _Stopped):
                return
            try:
                assert process.stdin is not None and process.stdout is not None
                pickle.dump(request, process.stdin)
                process.stdin.flush()
                value, failure = pickle.load(process.stdout)
            except (EOFError, OSError, pickle.UnpicklingError):
                value, failure = None, self._died(process)
            finished.put(Finished(index, value, failure))

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise _Stopped
            if self._process is None:
                path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "neurodyn.engines._worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._errors,
                    env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
                    start_new_session=True,  # Ctrl-C is this process's to handle
                )
            return self._process

    def _died(self, process: subprocess.Popen[bytes]) -> Failure:
        code = process.wait()
        words = ""
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        guess = " (out of memory?)" if code == -signal.SIGKILL else ""
        with self._lock:
            if not self._stopped:
                self._close_pipes()
                self._process = None
                self._errors.seek(0)
                words = self._errors.read().decode(errors="replace")[-_LAST_WORDS:]
                self._errors.seek(0)
                self._errors.truncate()
        return Failure("died", f"the worker process {how}{guess}", words)

    def tell_to_stop(self) -> None:
        """Lets it put its files in order."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()

    def stop(self) -> None:
        """Waits for it to end, and ends it where that takes too long."""
        with self._lock:
            process = self._process
        if process is not None:
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with self._lock:
            self._close_pipes()
            self._errors.close()

    def _close_pipes(self) -> None:
        for pipe in () if self._process is None else (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # what could not be sent to a process that is gone
                assert pipe is not None
                pipe.close()


class _Stopped(Exception):
    """The engine is being closed."""


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
