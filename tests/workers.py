"""Workers of the database engine for tests."""

from typing import Any

from core.background.tasks import has_workers
from ecommerce.variables import TASK_ENGINES


def use_engine(name: str, settings: Any) -> None:
    """Use this engine, as with TASK_ENGINE=name."""
    settings.TASK_ENGINE = name
    settings.TASKS = {"default": settings.TASKS["default"] | {"BACKEND": TASK_ENGINES[name]}}


def use_workers(settings: Any) -> None:
    """Let tasks wait for a worker."""
    use_engine("database", settings)


def run_tasks() -> None:
    """Run all waiting tasks as a worker does, whose process needs a connection without a transaction.

    Without workers, no task waits.
    """
    if not has_workers():
        return
    # A child of a proof imports this module before Django is set up.
    from django_tasks_db.management.commands.db_worker import Worker
    from django_tasks_db.models import DBTaskResult

    worker = Worker(
        queue_names=["*"], interval=0, batch=True, backend_name="default", startup_delay=False, max_tasks=None,
        worker_id="test", excluded_queue_names=[],
    )  # fmt: skip
    while task := DBTaskResult.objects.ready().first():
        task.claim(worker.worker_id)
        worker.run_task(task)
