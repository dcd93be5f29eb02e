"""Starts processes, and tells what the system reports about them: processor time and memory (Linux only)."""

import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
TICK = 1 / os.sysconf("SC_CLK_TCK")


def start(command: list[str], **options: Any) -> "subprocess.Popen[Any]":
    """Start a process. Ctrl-C waits until it runs, because `Popen` would leave it behind. Call this in the main thread.

    Raise KeyboardInterrupt, and stop the process, if a signal came in the meantime.
    """
    waiting: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _frame: waiting.append(number)) for number in STOP_SIGNALS}
    try:
        process = subprocess.Popen(command, **options)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    if waiting:
        process.kill()
        process.communicate()
        raise KeyboardInterrupt
    return process


def children_of(process: int) -> list[int]:
    """Return the ids of the child processes."""
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(number) for number in path.read_text().split()]


def cpu_seconds(processes: Iterable[int]) -> float:
    """Return the processor time of these processes, user and system, in seconds."""
    return sum(_cpu_seconds(process) for process in processes)


def _cpu_seconds(process: int) -> float:
    """Return the time of one process: exact if the kernel counts it, otherwise in ticks of 10 milliseconds."""
    tasks = list(Path(f"/proc/{process}/task").glob("*/schedstat"))
    if tasks:
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK


def memory_megabytes(process: int) -> float:
    """Return the memory of a process. Memory that it shares counts in part (PSS)."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
