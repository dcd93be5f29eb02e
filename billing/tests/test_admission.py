"""Tests for the admission of calls to Stripe: a few at a time, and a pause while Stripe does not answer."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
import stripe

from billing import answers, gateway
from billing.stripe_calls import admission, time_limits
from billing.stripe_calls.admission import MAX_TIMEOUTS, PAUSE_SECONDS, CircuitBreaker, Slots

pytestmark = pytest.mark.sampled(3)

CUSTOMER = b'{"id": "cus_1", "object": "customer"}', 200, {}
THREADS = 8


class Clock:
    """A clock that stands still until a test moves it."""

    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of a new circuit breaker that the gateway uses."""
    clock = Clock()
    monkeypatch.setattr(admission, "breaker", CircuitBreaker(clock))
    monkeypatch.setattr(admission, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def stripe_does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], list[str]]:
    """Return a function that sets what Stripe does on each call. It returns the list of the calls' URLs."""

    def set_behavior(behavior: Callable[[], Any]) -> list[str]:
        calls: list[str] = []

        class Client(stripe.RequestsClient):
            def request(self, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
                calls.append(url)
                return behavior()

        monkeypatch.setattr(gateway, "http_client", lambda timeout: Client(timeout=timeout))
        return calls

    return set_behavior


def time_out(clock: Clock, seconds: float = time_limits.READ_SECONDS) -> Callable[[], Any]:
    """Return a behavior of Stripe: no answer for so many seconds, and then the end of the connection."""

    def behavior() -> Any:
        clock.seconds += seconds
        raise stripe.APIConnectionError("timed out")

    return behavior


def call() -> str:
    """Make a call and return the name of its error, or the id that Stripe answered."""
    try:
        return gateway.retrieve_customer("cus_1")
    except answers.GatewayError as error:
        return type(error).__name__


# Slots


def test_slot_that_is_given_back_can_be_taken_again() -> None:
    slots = Slots(2, wait_seconds=0)
    assert [slots.take() for _request in range(3)] == [True, True, False]
    slots.give_back()
    assert [slots.take() for _request in range(2)] == [True, False]


def test_request_that_waits_gets_the_slot_and_the_next_one_is_refused_immediately() -> None:
    slots = Slots(1, wait_seconds=60)
    assert slots.take()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(slots.take)
        while slots._waiting.acquire(blocking=False):
            slots._waiting.release()  # The thread does not wait yet.
        assert not slots.take()
        slots.give_back()
        assert waiting.result()


def test_refused_request_makes_room_for_another_one_that_waits() -> None:
    slots = Slots(1, wait_seconds=0.01)
    assert slots.take()
    assert [slots.take() for _request in range(3)] == [False] * 3
    slots.give_back()
    assert slots.take()


def test_process_makes_a_few_calls_at_the_same_time(
    stripe_does: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Event()
    calls = stripe_does(lambda: answer.wait(60) and CUSTOMER)
    monkeypatch.setattr(admission, "slots", Slots(admission.MAX_STEPS, wait_seconds=0.05))
    with ThreadPoolExecutor(THREADS) as pool:
        results = [pool.submit(call) for _request in range(THREADS)]
        while sum(result.done() for result in results) < THREADS - admission.MAX_STEPS:
            pass
        assert len(calls) == admission.MAX_STEPS
        answer.set()
    found = sorted(result.result() for result in results)
    assert found == ["NotCalled"] * (THREADS - admission.MAX_STEPS) + ["cus_1"] * admission.MAX_STEPS
    assert call() == "cus_1"


def test_few_of_the_threads_of_a_process_call_stripe() -> None:
    """Check the thread count that README.md names: some threads are left when all slots are taken and waited for."""
    assert 2 * admission.MAX_STEPS < THREADS
    assert admission.WAIT_SECONDS <= 0.5


# The circuit breaker


def test_calls_pause_after_three_timeouts_in_a_row(clock: Clock, stripe_does: Callable[..., list[str]]) -> None:
    calls = stripe_does(time_out(clock))
    assert [call() for _time in range(5)] == ["OutcomeUnknown"] * 3 + ["NotCalled"] * 2
    assert len(calls) == MAX_TIMEOUTS == 3


def test_one_call_starts_after_each_pause_until_stripe_answers(
    clock: Clock, stripe_does: Callable[..., list[str]]
) -> None:
    stripe_does(time_out(clock))
    found = [call() for _time in range(3)]
    for _pause in range(2):
        clock.seconds += PAUSE_SECONDS - 0.1
        assert call() == "NotCalled"
        clock.seconds += 0.1
        found.append(call())
        assert call() == "NotCalled"
    assert found == ["OutcomeUnknown"] * 5
    stripe_does(lambda: CUSTOMER)
    clock.seconds += PAUSE_SECONDS
    assert [call() for _time in range(3)] == ["cus_1"] * 3


def test_others_wait_while_the_call_after_a_pause_runs(clock: Clock, stripe_does: Callable[..., list[str]]) -> None:
    stripe_does(time_out(clock))
    for _time in range(3):
        call()
    clock.seconds += PAUSE_SECONDS
    with admission.admitted():
        breaker = admission.breaker
        assert [breaker.admit() for _request in range(2)] == [False, False]


def test_step_after_a_pause_that_makes_no_call_lets_another_one_start(
    clock: Clock, stripe_does: Callable[..., list[str]]
) -> None:
    stripe_does(time_out(clock))
    for _time in range(3):
        call()
    clock.seconds += PAUSE_SECONDS
    for _visitor_over_a_limit in range(3):
        with admission.admitted():
            pass
    assert call() == "OutcomeUnknown"
    assert call() == "NotCalled"


@pytest.mark.parametrize(
    "answer",
    [CUSTOMER, (b"<html>", 502, {}), (b'{"error": {"type": "api_error"}}', 500, {}), (b"{}", 404, {})],
    ids=["answer", "HTML", "500", "404"],
)
def test_any_answer_ends_the_count_of_timeouts(
    clock: Clock, stripe_does: Callable[..., list[str]], answer: tuple[bytes, int, Any]
) -> None:
    for _round in range(3):
        stripe_does(time_out(clock))
        assert [call(), call()] == ["OutcomeUnknown"] * 2
        stripe_does(lambda: answer)
        assert call() != "NotCalled"


def test_connection_that_is_refused_immediately_is_no_timeout(
    clock: Clock, stripe_does: Callable[..., list[str]]
) -> None:
    """Check that calls go on: they take no time, and a shopper learns as much as from a refusal."""
    stripe_does(time_out(clock, seconds=0.1))
    assert [call() for _time in range(10)] == ["OutcomeUnknown"] * 10


def test_slow_answer_is_no_timeout(clock: Clock, stripe_does: Callable[..., list[str]]) -> None:
    def answer_slowly() -> Any:
        clock.seconds += time_limits.READ_SECONDS
        return b"{}", 500, {}

    stripe_does(answer_slowly)
    assert "NotCalled" not in [call() for _time in range(10)]


# Admission


def test_step_that_has_begun_is_not_refused_halfway(clock: Clock, stripe_does: Callable[..., list[str]]) -> None:
    stripe_does(time_out(clock))
    with admission.admitted():
        assert [call() for _time in range(5)] == ["OutcomeUnknown"] * 5
        stripe_does(lambda: CUSTOMER)
        with admission.admitted():
            assert call() == "cus_1"


def test_slot_is_free_again_after_an_error_and_after_a_refusal(
    clock: Clock, stripe_does: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "slots", Slots(1, wait_seconds=0))
    stripe_does(time_out(clock))
    assert [call() for _time in range(5)] == ["OutcomeUnknown"] * 3 + ["NotCalled"] * 2
    assert admission.slots.take()


def test_background_work_is_always_admitted(
    clock: Clock, stripe_does: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "slots", Slots(1, wait_seconds=0))
    assert admission.slots.take()
    calls = stripe_does(time_out(clock))
    with time_limits.long_timeouts():
        assert [call() for _time in range(5)] == ["OutcomeUnknown"] * 5
    assert len(calls) == 10  # Each is made twice.
    admission.slots.give_back()
    assert call() == "OutcomeUnknown"  # Time-outs in the background pause no visitor's calls.
