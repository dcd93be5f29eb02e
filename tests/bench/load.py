"""Sends requests to a server and measures its answers."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice

from tests.bench.client import exchange, status_of
from tests.bench.processes import cpu_seconds
from tests.bench.servers import Server

CLIENTS = 2  # at the same time, one for each worker
STRESS_CLIENTS = 8
MAX_STRESS_REQUESTS = 200_000


@dataclass
class Burst:
    """What a burst of requests measured."""

    seconds: float = 0
    cpu: float = 0  # processor time of all workers
    latencies: list[float] = field(default_factory=list)  # seconds
    statuses: "Counter[int]" = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds


def send_burst(server: Server, request: bytes, seconds: float, most: int, clients: int = CLIENTS) -> Burst:
    """Send one request for so many seconds, at most `most` times. Raise RuntimeError unless all answers are 200."""
    burst = Burst()
    deadline = time.perf_counter() + seconds

    def run(_number: int) -> None:
        for _request in range(max(most // clients, 1)):
            before = time.perf_counter()
            burst.statuses[status_of(exchange(server.port, request))] += 1
            burst.latencies.append(time.perf_counter() - before)
            if time.perf_counter() > deadline:
                return

    _time(burst, server, lambda: _in_threads(run, clients))
    if set(burst.statuses) != {200}:
        raise RuntimeError(f"{server.name} answered {request.split()[1].decode()} with {dict(burst.statuses)}.")
    return burst


def repeat(server: Server, action: Callable[[], object], times: int) -> Burst:
    """Do something so many times with one client."""
    burst = Burst()

    def run() -> None:
        for _time_number in range(times):
            before = time.perf_counter()
            action()
            burst.latencies.append(time.perf_counter() - before)

    _time(burst, server, run)
    return burst


def stress(port: int, actions: list[Callable[[], int]], seconds: float) -> "Counter[int]":
    """Do all actions in turn with eight clients. Return how often each status was answered."""
    statuses: Counter[int] = Counter()
    deadline = time.monotonic() + seconds

    def run(number: int) -> None:
        turns = islice(cycle(actions), number, number + MAX_STRESS_REQUESTS // STRESS_CLIENTS)
        for action in turns:
            statuses[action()] += 1
            if time.monotonic() > deadline:
                return

    _in_threads(run, STRESS_CLIENTS)
    return statuses


def _in_threads(run: Callable[[int], None], threads: int) -> None:
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, range(threads)))


def _time(burst: Burst, server: Server, run: Callable[[], object]) -> None:
    workers = server.workers()
    cpu, before = cpu_seconds(workers), time.perf_counter()
    run()
    burst.seconds, burst.cpu = time.perf_counter() - before, cpu_seconds(workers) - cpu
