"""Processes that are started again when they end, as systemd does, and that the drill can kill and freeze."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

RESTART_SECONDS = 1.0


class Managed:
    """A process with the processes that it started. It is restarted until the context of `running` ends."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        self.name, self.command, self.log, self.environment, self.options = name, command, log, environment, options
        self._is_over = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator["Managed"]:
        """Keep the process running inside the context."""
        thread = threading.Thread(target=self._keep_running, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            thread.join(15)
            self.signal(signal.SIGKILL)

    def _keep_running(self) -> None:
        while not self._is_over.is_set():
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    self.command, stdout=log, stderr=log, env=self.environment, start_new_session=True, **self.options
                )
                self._process.wait()
            self._is_over.wait(RESTART_SECONDS)

    def signal(self, number: int, to_all: bool = True) -> None:
        """Send a signal to the process and, if `to_all`, to all processes that it started."""
        if self._process is None:
            return
        for process in [self._process.pid, *(descendants_of(self._process.pid) if to_all else ())]:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def kill(self) -> None:
        """Kill the process and all that it started."""
        self.signal(signal.SIGKILL)

    def freeze(self, seconds: float) -> None:
        """Stop all its processes for so long. Connections stay open, and nothing answers."""
        self.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.signal(signal.SIGCONT)


def descendants_of(process: int) -> list[int]:
    """Return the ids of the processes that this process started, and of those that they started."""
    try:
        text = Path(f"/proc/{process}/task/{process}/children").read_text()
    except OSError:  # it ended
        return []
    children = [int(number) for number in text.split()]
    return children + [number for child in children for number in descendants_of(child)]
