"""Tasks: work that a worker does soon, so that no visitor and no web process waits for it.

settings.TASK_ENGINE chooses who runs them. A task only makes rows move sooner: each row says that it is due, so that
`reconcile` finishes what a lost task left. Nothing may wait for a task or for its result.
"""

import logging
from functools import partial
from typing import Any

from django.conf import settings
from django_tasks.base import Task

from core.background.after_response import run_after_response

logger = logging.getLogger(__name__)
IMMEDIATE = "immediate"


def has_workers() -> bool:
    """Return whether other processes run the tasks."""
    return bool(settings.TASK_ENGINE != IMMEDIATE)


def start(task: "Task[..., Any]", *args: Any, **kwargs: Any) -> None:
    """Have a worker run `task` after the response. Without workers, this process runs it then.

    The arguments must be values of JSON. If the engine does not answer, the task is lost.
    """
    run_after_response(partial(_enqueue if has_workers() else _call, task, *args, **kwargs))


def _call(task: "Task[..., Any]", *args: Any, **kwargs: Any) -> None:
    task.call(*args, **kwargs)


def _enqueue(task: "Task[..., Any]", *args: Any, **kwargs: Any) -> None:
    try:
        task.enqueue(*args, **kwargs)
    except Exception:  # of the database or of Redis, of any kind
        logger.exception("%s was not started, so reconcile does its work", task.name)
