"""Tasks: work that a worker does soon, so that no visitor and no web process waits for it.

settings.TASK_ENGINE chooses who runs them. A task only makes rows move sooner: each row says that it is due, so that
`reconcile` finishes what a lost task left. Nothing may wait for a task or for its result.
"""

from functools import partial
from typing import Any

from django.conf import settings
from django_tasks.base import Task

from core.background.after_response import run_after_response

IMMEDIATE = "immediate"


def has_workers() -> bool:
    """Return whether other processes run the tasks."""
    return bool(settings.TASK_ENGINE != IMMEDIATE)


def start(task: "Task[..., Any]", *args: Any, **kwargs: Any) -> None:
    """Have a worker run `task` after the response. Without workers, this process runs it then.

    The arguments must be values of JSON. If the engine does not answer, the task is lost, which is only logged.
    """
    run_after_response(partial(task.enqueue if has_workers() else task.call, *args, **kwargs))
