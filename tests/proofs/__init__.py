"""Proofs that payments are always correct. `make prove` runs all of them on SQLite and on PostgreSQL.

The run ends with one table: what was tried, how often, and how many problems were found. Every number of problems
must be 0 and every control must be caught. A control disables a guard on purpose. If a proof does not notice that,
it proves nothing.

To add a proof, write a test module here:

    PROOF = "Webhooks"  # the row of the table; a test can be more specific: report.name = "Webhooks: forged"

    def test_shuffled_events_have_the_same_outcome(report: ProofReport, simulator: Simulator) -> None:
        for event in events(scaled(quick=50, small=500, full=10_000)):
            response = deliver(event)
            report.count_try(response)         # counts one try, and a status of 500 or above as a problem
        report.check_consistency(simulator)       # checks charges, orders, stock and email; runs `audit`
        report.expect(paid == 7, "lost_orders", "an order was not paid")
        report.record_control("signature unchecked", caught=noticed_without_the_guard)

The `report` fixture fails the test during teardown if a problem was found or a control was not caught. It also writes
one line of JSON for the table. Problems are counted as double_charges, lost_orders, oversold, unexplained or
server_errors.

The abuse tests start whole servers and are marked `slow`: `make test-slow`, CI and `make prove` run them.

`scaled` selects a value by SCALE: `full` (`make prove`), `small` (`make prove SCALE=small`) or `quick` (`make test`).
`make test` leaves out tests and cases marked `proof` or `slow`; the others must be short there, about a second. To run
one module during development, use `python -m pytest tests/proofs/test_killed_processes.py`. Use
`pytest.mark.xdist_group("name")` for tests that need the whole machine, so that they do not run at the same time.
"""
