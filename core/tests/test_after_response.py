"""Tests for work that runs after the response."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse

from core.background.after_response import run_after_response
from core.middleware import AfterResponseMiddleware


def respond(view: Callable[[], object]) -> HttpResponse:
    """Return the response to a request, which the server has not closed yet."""

    def get_response(request: HttpRequest) -> HttpResponse:
        view()
        return HttpResponse()

    return AfterResponseMiddleware(get_response)(HttpRequest())


def fail() -> None:
    raise OSError("no mail server")


@pytest.mark.django_db  # closing a response closes connections
def test_work_runs_when_the_response_is_closed() -> None:
    done: list[str] = []
    response = respond(lambda: run_after_response(lambda: done.append("sent")))
    assert done == []
    response.close()
    assert (done, response.closed) == (["sent"], True)


def test_work_outside_a_request_runs_at_once() -> None:
    respond(lambda: None)
    done: list[str] = []
    run_after_response(lambda: done.append("sent"))
    assert done == ["sent"]


@pytest.mark.django_db
def test_error_in_work_is_logged_and_stops_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []
    response = respond(lambda: [run_after_response(fail), run_after_response(lambda: done.append("sent"))])
    response.close()
    assert (done, response.closed, "no mail server" in caplog.text) == (["sent"], True, True)
