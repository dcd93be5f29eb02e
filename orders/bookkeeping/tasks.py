"""Tasks for what `reconcile` does, so that a worker does it sooner."""

from django_tasks import task

from orders.bookkeeping import pruning
from orders.bookkeeping import reconcile as rounds

SLOW = "slow"  # a queue for tasks that can take minutes, so that emails do not have to wait for them


@task()
def send_due_emails() -> int:
    """Send the emails that are due. Return how many were sent."""
    return rounds.send_emails()


@task(queue_name=SLOW)
def reconcile() -> None:
    """Run one round of `reconcile`."""
    rounds.run_round()


@task(queue_name=SLOW)
def prune() -> None:
    """Delete old rows."""
    pruning.run_pruning()
