"""Pruning: deletes the rows that nobody needs any more. `retention` says how long the rows of each table are kept.

A round is bounded, so that a shop that never pruned delays no other work. It is safe to run several processes in
parallel and to kill them at any time.
"""

import logging
from collections.abc import Callable, Mapping
from functools import partial

from axes.models import AccessAttempt, AccessFailureLog, AccessLog

from core.background.models import once_a_day
from core.database.statistics import STATISTICS, update_statistics
from orders.bookkeeping import old_rows, runs, stale_guests
from orders.bookkeeping.old_rows import Done, delete_old
from orders.bookkeeping.ranking import RANK, count_bought
from products.images.stray_files import delete_stray_files

logger = logging.getLogger(__name__)
PRUNE = "prune"  # the name of its runs

# By the label of the count. Rows that refer to others come first, and what calls Stripe comes last.
STEPS: Mapping[str, Callable[[], Done]] = {
    "sessions": partial(delete_old, old_rows.expired_sessions),
    "sign-ins": partial(delete_old, old_rows.sign_ins_without_session),
    "anonymous carts": partial(delete_old, old_rows.old_carts, old_rows.delete_with_drafts),
    "replaced open orders": partial(delete_old, old_rows.old_drafts),
    "guest emails": partial(delete_old, old_rows.old_guest_emails),
    "account emails": partial(delete_old, old_rows.old_account_emails),
    "rejected sign-ups": partial(delete_old, old_rows.old_taken_signups),
    "password tries": partial(delete_old, old_rows.old_password_tries),
    "sign-in attempts": partial(delete_old, partial(old_rows.old_sign_ins, AccessAttempt)),
    "sign-in logs": partial(delete_old, partial(old_rows.old_sign_ins, AccessLog)),
    "sign-in failure logs": partial(delete_old, partial(old_rows.old_sign_ins, AccessFailureLog)),
    "Stripe events": partial(delete_old, old_rows.old_stripe_events),
    "card attempts": partial(delete_old, old_rows.old_card_attempts),
    "background tasks": partial(delete_old, old_rows.old_tasks),
    "visitors of unpaid orders": old_rows.forget_placers,
    "messages to the shop": partial(delete_old, old_rows.old_contact_mails),
    "visitors of withdrawals": old_rows.forget_declarers,
    "texts of unmatched withdrawals": old_rows.clear_unmatched_withdrawals,
    "emails with links to orders": partial(delete_old, old_rows.old_order_link_mails),
    "wrong discount codes": partial(delete_old, old_rows.old_wrong_codes),
    "emails about cards": partial(delete_old, old_rows.old_card_mails),
    "rate counters": partial(delete_old, old_rows.old_rate_counters),
    "unused picture files": lambda: (delete_stray_files(), False),
    "guests and erased payers": stale_guests.prune_profiles,
}
# By the name of its runs.
DAILY: Mapping[str, Callable[[], int | None]] = {RANK: count_bought, STATISTICS: update_statistics}


def prune() -> tuple[dict[str, int], bool]:
    """Run one round. Return how many rows of each kind were deleted, and whether old rows are left for the next round.

    A kind that fails does not stop the others. Within a run, the steps end when its time is over. Once a day, products
    are ranked and the statistics of the database are updated.
    """
    pruned, is_more = _daily_work(), False
    for kind, step in runs.while_time(STEPS.items()):
        try:
            pruned[f"{kind} pruned"], is_left = step()
            is_more = is_more or is_left
        except Exception:  # for example a lock that was not granted in time
            logger.exception("old %s are left for the next round", kind)
    return pruned, is_more or not runs.has_time()


def _daily_work() -> dict[str, int]:
    done: dict[str, int | None] = {}
    for name, work in DAILY.items():
        try:
            done[name] = once_a_day(name, work)
        except Exception:
            logger.exception("the daily work %s is left for the next round", name)
    ranked = done.get(RANK)
    return {"products ranked": ranked} if ranked else {}


def run_pruning() -> tuple[dict[str, int], bool] | None:
    """Run one round as a run of its own. Return None if another one is at work."""
    with runs.begin(PRUNE) as run:
        return prune() if run else None
