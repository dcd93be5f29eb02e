"""Tests for runs of reconcile: one at a time, for a limited time, and recorded when all is done."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from billing.answers import OutcomeUnknown
from core.background.models import BackgroundRun, last_began, last_finished, record_finish
from orders.bookkeeping import reconcile as rounds
from orders.bookkeeping import runs, tasks
from orders.bookkeeping.pruning import PRUNE, run_pruning
from orders.bookkeeping.reconcile import RECONCILE, run_round
from orders.management.commands import reconcile as command
from orders.models import Order
from orders.workflow import cancellation, order_cards
from stripe_simulator.server import Simulator
from tests.makers import make_open_order
from tests.threads import run_in_threads

pytestmark = pytest.mark.django_db


def make_stale_orders(number: int) -> None:
    """Make unpaid orders whose stock reconcile releases."""
    for _number in range(number):
        order = make_open_order()
        Order.objects.filter(pk=order.pk).update(
            status=Order.Status.PLACED, placed_at=timezone.now() - timedelta(hours=1)
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that moves the clock of runs forward, by seconds."""
    now = [1000.0]
    monkeypatch.setattr(runs.time, "monotonic", lambda: now[0])

    def move(seconds: float) -> None:
        now[0] += seconds

    return move


def test_finished_run_is_recorded(simulator: Simulator) -> None:
    assert last_finished(RECONCILE) is None
    run_round()
    began, finished = last_began(RECONCILE), last_finished(RECONCILE)
    assert began is not None
    assert finished is not None
    assert began <= finished


def test_failed_run_is_not_recorded_as_finished() -> None:
    with pytest.raises(ZeroDivisionError), runs.begin(RECONCILE):
        raise ZeroDivisionError
    assert last_began(RECONCILE) is not None
    assert last_finished(RECONCILE) is None


def test_run_stops_after_five_minutes_and_the_next_one_goes_on(
    simulator: Simulator, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stale_orders(3)
    cancel, seconds = cancellation.cancel, iter([runs.STEP_SECONDS - 1, 2, 2])

    def cancel_slowly(order: Order, by: str) -> None:
        cancel(order, by=by)
        clock(next(seconds))

    monkeypatch.setattr(cancellation, "cancel", cancel_slowly)
    first = run_round()
    assert first is not None
    assert (first["orders expired"], last_finished(RECONCILE)) == (2, None)
    second = run_round()
    assert second is not None
    assert second["orders expired"] == 1
    assert last_finished(RECONCILE) is not None


def test_step_that_waits_for_stripe_does_not_use_up_the_run(
    simulator: Simulator, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow Stripe delays the steps that need it, and not those of the database or the ones after it."""
    make_stale_orders(6)
    done: list[str] = []

    def cancel_slowly(order: Order, by: str) -> None:
        clock(runs.STEP_SECONDS / 2)
        raise OutcomeUnknown("no answer")

    monkeypatch.setattr(cancellation, "cancel", cancel_slowly)
    monkeypatch.setattr(order_cards, "drop_overdue_cards", lambda: done.append("cards") or 0)
    first = run_round()
    assert first is not None
    assert done == ["cards"]
    assert list(first)[-2:] == ["customers erased", "emails sent"]
    assert last_finished(RECONCILE) is None


def test_emails_are_sent_before_and_after_the_steps_that_need_stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    monkeypatch.setattr(rounds, "send_emails", lambda: order.append("emails") or 1)
    monkeypatch.setattr(runs, "do_all", lambda steps: order.append("steps") or {})
    assert run_round() == {"emails sent": 2}
    assert order == ["emails", "steps", "emails"]


def test_pruning_stops_when_its_time_is_over(clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {"slow": lambda: (clock(runs.RUN_SECONDS + 1), (1, False))[1], "left": lambda: (1, False)}
    monkeypatch.setattr("orders.bookkeeping.pruning.STEPS", steps)
    assert run_pruning() == ({"slow pruned": 1}, True)
    assert last_finished(PRUNE) is None


def test_command_without_time_to_compare_says_so_and_exits_with_1(
    simulator: Simulator, clock: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "prune", lambda: (clock(runs.RUN_SECONDS + 1), ({}, False))[1])
    monkeypatch.setattr(command.Command, "_compare", lambda *args, **options: pytest.fail("no time is left"))
    output = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("reconcile", stdout=output)
    assert "The time of this run is over." in output.getvalue()
    assert last_finished(RECONCILE) is None


def test_command_records_its_run(simulator: Simulator) -> None:
    call_command("reconcile", stdout=StringIO())
    assert last_finished(RECONCILE) is not None


# Two runs at the same time

is_postgresql = connection.vendor == "postgresql"


def run_during_another(began: timedelta) -> str:
    """Run the command while another connection holds the lock of a run that began so long ago. Return its output."""
    output = StringIO()

    def hold_and_run() -> None:
        with runs.begin(RECONCILE):
            BackgroundRun.objects.update(began=timezone.now() - began)
            run_in_threads(lambda: call_command("reconcile", stdout=output))

    run_in_threads(hold_and_run)
    return output.getvalue()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not is_postgresql, reason="SQLite has no lock of this kind, so runs always work in parallel")
def test_run_that_finds_another_at_work_says_so_and_changes_nothing(simulator: Simulator) -> None:
    make_stale_orders(1)
    assert run_during_another(timedelta(minutes=5)) == "Another run is at work.\n"
    assert Order.objects.filter(status=Order.Status.PLACED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_run_works_in_parallel_with_one_that_is_stuck(simulator: Simulator) -> None:
    make_stale_orders(1)
    assert "1 orders expired" in run_during_another(timedelta(minutes=7))


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_lock_of_a_run_is_released_at_its_end(simulator: Simulator) -> None:
    call_command("reconcile", stdout=StringIO())
    output = StringIO()
    run_in_threads(lambda: call_command("reconcile", stdout=output))
    assert output.getvalue() == "nothing to do\n"


# Runs of workers


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[Any]:
    """Return the tasks that the command hands over to workers."""
    settings.TASK_ENGINE = "database"
    found: list[Any] = []
    monkeypatch.setattr(command, "start", found.append)
    return found


def repeat(monkeypatch: pytest.MonkeyPatch, rounds: int = 1, between: Callable[[], Any] = lambda: None) -> list[str]:
    """Run so many rounds of `reconcile --every 60`, and call `between` after each. Return what it did itself."""
    done: list[str] = []
    left = iter(range(rounds - 1))

    class Stopped(Exception): ...

    def wait(*args: Any) -> None:
        between()
        if next(left, None) is None:
            raise Stopped

    monkeypatch.setattr(command.Command, "_round", lambda self: done.append("round"))
    monkeypatch.setattr(command.Command, "_prune", lambda self: done.append("prune"))
    monkeypatch.setattr(command.Command, "_compare", lambda self, quiet: True)
    monkeypatch.setattr(command.Command, "_send_emails_for", wait)
    monkeypatch.setattr(command, "close_old_connections", lambda: None)  # the test is in a transaction
    with pytest.raises(Stopped):
        call_command("reconcile", every=60)
    return done


def test_workers_that_finish_their_runs_get_the_next_ones(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert repeat(monkeypatch, 3, between=lambda: record_finish(RECONCILE)) == []
    assert started == [tasks.reconcile, tasks.prune, tasks.reconcile, tasks.reconcile]


def test_emails_do_not_wait_behind_long_runs() -> None:
    queues = [task.queue_name for task in (tasks.send_due_emails, tasks.reconcile, tasks.prune)]
    assert queues == ["default", tasks.SLOW, tasks.SLOW]


def test_command_does_the_work_of_workers_that_do_not_finish(
    started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    record_finish(RECONCILE)
    assert repeat(monkeypatch, 4) == ["round"] * 3
    assert started == [tasks.reconcile, tasks.prune]


def test_command_does_all_the_work_without_workers(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.TASK_ENGINE = "immediate"
    assert (repeat(monkeypatch), started) == (["round", "prune"], [])
