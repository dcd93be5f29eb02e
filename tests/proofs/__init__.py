"""The proofs that money is never wrong: `make prove` runs all of them on SQLite and on PostgreSQL.

It ends in one table: what was tried, how often, what was found. Everything found must be 0 and every control caught.
A control takes a guard out on purpose; the proof must notice, else it would prove nothing.

To add a proof, write a module of tests here:

    PROOF = "Webhooks"  # its line of the table; a test may add to it: ledger.name = "Webhooks: forged"

    def test_shuffled_events_end_as_single_ones(ledger: Ledger, simulator: Simulator) -> None:
        for event in events(scaled(quick=50, small=500, full=10_000)):
            answer = deliver(event)
            ledger.tried(answer)            # counts one try, and an answer of 500 or above as found
        ledger.check_books(simulator)       # charges against orders, stock, mails; and `audit` finds nothing
        ledger.expect(paid == 7, "lost_orders", "an order was not paid")
        ledger.control("signature unchecked", caught=noticed_without_the_guard)

The fixture `ledger` fails the test at its end if anything was found or a control was not caught, and writes one line
of JSON for the table. Figures: double_charges, lost_orders, oversold, unexplained, server_errors.

The abuse catalogue starts whole servers and is marked slow: `make test-slow` and CI run it, and so does `make prove`.

`scaled` chooses by SCALE: `full` (`make prove`), `small` (`make prove SCALE=small`), `quick` (`make test`). A test or
a case under the mark `proof` is left out of `make test`; the others must be short there. `python -m pytest
tests/proofs/test_kill.py` runs one while it is written; `pytest.mark.xdist_group("name")` keeps tests that
want the whole machine out of each other's way.
"""
