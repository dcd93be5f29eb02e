"""Processes of their own for shoppers, workers and staff: forked from one that has loaded the shop, killed at will.

A fork server without threads loads the shop once; each child gets the test's database, simulator and mail folder,
takes guards out if it is a control's, and then does what it is told.
"""

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import django
from django.conf import settings

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "tests.proofs.acts"])
DEATH = 9  # the exit code of a child that died where it should
Act = Callable[..., Any]


@dataclass(frozen=True)
class Place:
    """Where a child works: what the test's own process was given by its fixtures."""

    database: str
    stripe: str
    mail: str

    def enter(self) -> None:
        """Called first in every child."""
        from django.db import connection
        from django.test.utils import setup_test_environment

        from billing import gateway

        setup_test_environment(debug=False)
        logging.disable(logging.CRITICAL)
        connection.settings_dict["NAME"] = self.database
        settings.STRIPE_API_BASE, settings.STRIPE_WEBHOOK_SECRET = self.stripe, "whsec_tests"
        settings.STRIPE_SECRET_KEY = "sk_test_tests"
        settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
        settings.EMAIL_FILE_PATH = self.mail
        settings.CARD_TRIES = dict.fromkeys(settings.CARD_TRIES, 10_000)  # all shoppers come from one address
        gateway.CONNECT_SECONDS = gateway.READ_SECONDS = 30.0  # fifty at once on a busy machine
        # Busy answers are asked again soon: thousands of rounds are run.
        gateway.time = SimpleNamespace(sleep=lambda _s: time.sleep(0.02), monotonic=time.monotonic, time=time.time)


def run(place: Place, prepare: Act, act: Act, *args: Any) -> int:
    """Let a child do `act(*args)` after `prepare()`; its exit code: 0, or DEATH, or 1 for an exception."""
    process = CONTEXT.Process(target=_live, args=(place, prepare, act, args))
    process.start()
    process.join(120)
    code = process.exitcode
    process.kill()
    process.join()
    process.close()
    return -1 if code is None else code


def _live(place: Place, prepare: Act, act: Act, args: tuple[Any, ...]) -> None:
    place.enter()
    prepare()
    act(*args)


class Crowd:
    """Long-lived children that do something at the same moment, as often as asked."""

    def __init__(self, size: int, place: Place, prepare: Act) -> None:
        self.size = size
        self.errors: list[str] = []
        self._barrier = CONTEXT.Barrier(size)  # kept: it is gone from the machine when nobody here holds it
        pairs = [CONTEXT.Pipe() for _number in range(size)]
        self._pipes = [ours for ours, _theirs in pairs]
        self._processes = [
            CONTEXT.Process(target=_serve, args=(place, prepare, self._barrier, theirs), daemon=True)
            for _ours, theirs in pairs
        ]
        for process, (_ours, theirs) in zip(self._processes, pairs, strict=True):
            process.start()
            theirs.close()

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *exception: object) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.close()
            process.kill()
            process.join()
            process.close()

    def at_once(self, jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Child n does the nth job, an act and its arguments, when all are ready; what the acts returned or raised."""
        for pipe, job in zip(self._pipes, jobs, strict=True):
            pipe.send(job)
        results = [pipe.recv() for pipe in self._pipes]
        self.errors += [repr(result) for result in results if isinstance(result, Exception)]
        return results


def _serve(place: Place, prepare: Act, barrier: Any, pipe: Any) -> None:
    place.enter()
    prepare()
    while True:
        try:
            act, *args = pipe.recv()
        except EOFError:  # the test is over
            os._exit(0)
        barrier.wait(300)
        try:
            pipe.send(act(*args))
        except Exception as error:  # for the test to judge
            pipe.send(error)


if not settings.configured or not django.apps.apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    django.setup()
