"""Stateful proof: Hypothesis chooses the steps and their order, and shrinks a failing sequence."""

import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis.stateful import run_state_machine_as_test

from billing import gateway
from orders.workflow import payments
from stripe_simulator.server import Simulator
from tests.proofs import disabled_guards
from tests.proofs.crashes import CrashSchedule
from tests.proofs.incremental_audit import IncrementalAudit
from tests.proofs.proof_report import ProofReport, scaled
from tests.proofs.shop_machine import ShopMachine
from tests.proofs.shop_machine_base import ShopMachineBase
from tests.proofs.withdrawal_machine import WithdrawalMachine

PROOF = "Stateful"
pytestmark = pytest.mark.django_db(transaction=True)
RUNS, STEPS, PARTS = scaled(quick=(25, 30, 5), small=(6, 30, 3), full=(300, 40, 6))
WITHDRAWAL_RUNS = scaled(quick=10, small=5, full=200)
MOST = 100  # maximum number of runs until the control is caught
if settings.get_current_profile_name() == "long":
    RUNS, STEPS, PARTS = settings().max_examples, 40, 100


@pytest.fixture
def without_delays_and_logs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Retry immediately if Stripe is busy, and disable logging, because thousands of faults would fill the log."""
    clock = SimpleNamespace(sleep=lambda seconds: None, monotonic=time.monotonic, time=time.time)
    monkeypatch.setattr(gateway, "time", clock)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(before)  # not by monkeypatch: each logger caches whether it is enabled, and this clears the caches


def run(
    simulator: Simulator,
    patch: pytest.MonkeyPatch,
    runs: int,
    seed: int | None = None,
    machine: type[ShopMachineBase] = ShopMachine,
    **chosen: Any,
) -> None:
    """Let Hypothesis search for steps that break an invariant. Raise an exception if it finds any."""
    chosen |= {"max_examples": runs, "stateful_step_count": STEPS, "deadline": None, "database": None}
    chosen |= {"suppress_health_check": list(HealthCheck)}
    machine.runs, watch = 0, IncrementalAudit()
    with CrashSchedule().waiting(patch) as crash_schedule:
        shop = lambda: machine(simulator, crash_schedule, watch)  # noqa: E731 - Hypothesis stores the seed on the function
        start = shop if seed is None else with_seed(seed)(shop)
        run_state_machine_as_test(start, settings=settings(**chosen))


@pytest.mark.slow
@pytest.mark.usefixtures("without_delays_and_logs")
@pytest.mark.parametrize("part", range(PARTS))
def test_any_steps_keep_all_invariants(
    simulator: Simulator, report: ProofReport, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    report.name = f"Stateful: runs of {STEPS} steps"
    seed = scaled(quick=part, small=None, full=None)  # make test always runs the same steps
    phases = set(Phase) - {Phase.explain}
    try:
        run(simulator, monkeypatch, RUNS // PARTS, seed=seed, print_blob=True, phases=phases)
    except Exception as error:
        report.expect(False, "unexplained", repr(error))
        raise
    finally:
        report.count_try(times=ShopMachine.runs)


@pytest.mark.slow
@pytest.mark.usefixtures("without_delays_and_logs")
def test_withdrawals_refunds_and_shipments_in_any_order_keep_all_invariants(
    simulator: Simulator, report: ProofReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.name = f"Stateful: withdrawals, runs of {STEPS} steps"
    seed, phases = scaled(quick=1, small=None, full=None), set(Phase) - {Phase.explain}
    try:
        run(simulator, monkeypatch, WITHDRAWAL_RUNS, seed, WithdrawalMachine, print_blob=True, phases=phases)
    except Exception as error:
        report.expect(False, "unexplained", repr(error))
        raise
    finally:
        report.count_try(times=WithdrawalMachine.runs)


@pytest.mark.proof
@pytest.mark.usefixtures("without_delays_and_logs")
def test_control_intent_for_each_press_is_found(
    simulator: Simulator, report: ProofReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    report.name = f"Stateful: runs of {STEPS} steps"
    for name in ("ensure_intent", "_start"):
        monkeypatch.setattr(payments, name, getattr(payments, name))  # so that monkeypatch restores them
    disabled_guards.create_intent_for_each_press()
    try:
        run(simulator, monkeypatch, MOST, phases=[Phase.generate], report_multiple_bugs=False)
    except Exception:
        report.record_control("an intent for each press, created and confirmed", caught=True)
    else:
        report.record_control("an intent for each press, created and confirmed", caught=False)
