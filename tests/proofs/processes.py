"""Child processes that act as shoppers, workers and staff, and that tests can kill.

A fork server without threads loads the shop once. Each child uses the test's database, simulator and email folder,
disables guards if it belongs to a control, and then runs the requested action.
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

from tests.workers import run_tasks, use_engine

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "tests.proofs.actions", "stripe"])
KILLED_EXIT_CODE = 9  # the exit code of a child that died at its fail point
Action = Callable[..., Any]


@dataclass(frozen=True)
class ChildEnvironment:
    """The environment of a child: the database, simulator, email folder and task engine of the test."""

    database: str
    stripe: str
    mail: str
    task_engine: str = "immediate"

    def activate(self) -> None:
        """Set up Django in a child process. Every child calls this first."""
        from django.db import connection
        from django.test.utils import setup_test_environment

        from billing import gateway
        from billing.stripe_calls import time_limits

        setup_test_environment(debug=False)
        logging.disable(logging.CRITICAL)
        connection.settings_dict["NAME"] = self.database
        settings.STRIPE_API_BASE, settings.STRIPE_WEBHOOK_SECRET = self.stripe, "whsec_tests"
        settings.STRIPE_SECRET_KEY = "sk_test_tests"
        settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
        settings.EMAIL_FILE_PATH = self.mail
        use_engine(self.task_engine, settings)
        settings.CARD_TRIES = dict.fromkeys(settings.CARD_TRIES, 10_000)  # all shoppers have one IP address
        settings.REQUEST_LIMITS = dict.fromkeys(settings.REQUEST_LIMITS, 10_000)
        time_limits.CONNECT_SECONDS = time_limits.READ_SECONDS = 30.0  # fifty processes on a busy machine
        # Retry soon after a "busy" response, because a proof runs thousands of rounds.
        gateway.time = SimpleNamespace(sleep=lambda _s: time.sleep(0.02), monotonic=time.monotonic, time=time.time)


def run_in_child(place: ChildEnvironment, prepare: Action, act: Action, *args: Any) -> int:
    """Run `prepare()` and then `act(*args)` in a child process.

    Return the exit code: 0, KILLED_EXIT_CODE, 1 if an exception was raised, or -1 if the child did not end within 120
    seconds.
    """
    process = CONTEXT.Process(target=_run_once, args=(place, prepare, act, args))
    process.start()
    process.join(120)
    code = process.exitcode
    process.kill()
    process.join()
    process.close()
    return -1 if code is None else code


def _run_once(place: ChildEnvironment, prepare: Action, act: Action, args: tuple[Any, ...]) -> None:
    place.activate()
    prepare()
    act(*args)
    run_tasks()  # the worker can be killed too


class ProcessGroup:
    """A group of long-lived child processes that run jobs at the same time, any number of times."""

    def __init__(self, size: int, place: ChildEnvironment, prepare: Action) -> None:
        self.size = size
        self.errors: list[str] = []
        self._barrier = CONTEXT.Barrier(size)  # kept because it is deleted with its last reference
        pairs = [CONTEXT.Pipe() for _number in range(size)]
        self._pipes = [parent_end for parent_end, _child_end in pairs]
        self._processes = [
            CONTEXT.Process(target=_run_jobs, args=(place, prepare, self._barrier, child_end), daemon=True)
            for _parent_end, child_end in pairs
        ]
        for process, (_parent_end, child_end) in zip(self._processes, pairs, strict=True):
            process.start()
            child_end.close()

    def __enter__(self) -> "ProcessGroup":
        return self

    def __exit__(self, *exception: object) -> None:
        for pipe, process in zip(self._pipes, self._processes, strict=True):
            pipe.close()
            process.kill()
            process.join()
            process.close()

    def run_in_parallel(self, jobs: Iterable[tuple[Any, ...]]) -> list[Any]:
        """Run the nth job, a function and its arguments, in the nth child when all children are ready.

        Return what the functions returned or raised. Keep the representations of exceptions in `errors`.
        """
        for pipe, job in zip(self._pipes, jobs, strict=True):
            pipe.send(job)
        results = [pipe.recv() for pipe in self._pipes]
        self.errors += [repr(result) for result in results if isinstance(result, Exception)]
        return results


def _run_jobs(place: ChildEnvironment, prepare: Action, barrier: Any, pipe: Any) -> None:
    place.activate()
    prepare()
    while True:
        try:
            act, *args = pipe.recv()
        except EOFError:  # the test is over
            os._exit(0)
        barrier.wait(300)
        try:
            pipe.send(act(*args))
        except Exception as error:  # the test decides whether this is a problem
            pipe.send(error)


if not settings.configured or not django.apps.apps.ready:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ecommerce.settings")
    os.environ.setdefault("SITE_URL", "http://127.0.0.1:8000")  # also if this checkout was last run on another port
    django.setup()
