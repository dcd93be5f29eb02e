"""Sends requests to a server and measures its answers."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from multiprocessing import get_context

from tests.bench.client import exchange, status_of
from tests.bench.processes import cpu_seconds
from tests.bench.servers import Server

CLIENTS = 2  # at the same time, one for each worker
STRESS_CLIENTS = 8
MAX_STRESS_REQUESTS = 200_000


_Found = tuple[list[float], "Counter[int]"]


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
    burst, found = Burst(), list[_Found]()
    # Threads of one process would wait for each other and take twice the processor time from the servers.
    with ProcessPoolExecutor(clients, get_context("fork")) as pool:
        list(pool.map(abs, range(clients)))  # starts the processes
        tasks = [(server.port, request, seconds, max(most // clients, 1))] * clients
        _time(burst, server, lambda: found.extend(pool.map(_send_often, *zip(*tasks, strict=True))))
    for latencies, statuses in found:
        burst.latencies += latencies
        burst.statuses += statuses
    if set(burst.statuses) != {200}:
        raise RuntimeError(f"{server.name} answered {request.split()[1].decode()} with {dict(burst.statuses)}.")
    return burst


def _send_often(port: int, request: bytes, seconds: float, most: int) -> _Found:
    """Send a request for so many seconds, at most `most` times. Return the seconds of each answer, and the statuses."""
    latencies, statuses, deadline = [], Counter[int](), time.perf_counter() + seconds
    while len(latencies) < most:
        before = time.perf_counter()
        statuses[status_of(exchange(port, request))] += 1
        latencies.append(time.perf_counter() - before)
        if time.perf_counter() > deadline:
            break
    return latencies, statuses


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
