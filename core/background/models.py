"""When each kind of background run last began and finished."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import models
from django.utils import timezone

REPEAT_AFTER = timedelta(hours=23)  # so that a daily run is never left out
Value = TypeVar("Value")


class BackgroundRun(models.Model):
    """The last run of one kind, such as reconcile. Only a run that did all its work counts as finished."""

    name = models.CharField(max_length=50, primary_key=True)
    began = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name


def record_begin(name: str) -> None:
    """Record that a run of this kind begins now."""
    BackgroundRun.objects.update_or_create(name=name, defaults={"began": timezone.now()})


def record_finish(name: str) -> None:
    """Record that a run of this kind has done all its work."""
    BackgroundRun.objects.update_or_create(name=name, defaults={"finished": timezone.now()})


def last_began(name: str) -> datetime | None:
    """Return when a run of this kind last began, or None."""
    return _column(name, "began")


def last_finished(name: str) -> datetime | None:
    """Return when a run of this kind last finished, or None."""
    return _column(name, "finished")


def once_a_day(name: str, work: Callable[[], Value]) -> Value | None:
    """Do this work unless a run of this name finished within REPEAT_AFTER. Return its result, or None if not done."""
    last = last_finished(name)
    if last and last > timezone.now() - REPEAT_AFTER:
        return None
    result = work()
    record_finish(name)
    return result


def _column(name: str, column: str) -> datetime | None:
    return BackgroundRun.objects.filter(name=name).values_list(column, flat=True).first()
