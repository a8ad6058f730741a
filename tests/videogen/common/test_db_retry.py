from __future__ import annotations

import threading

import pytest
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import RequestFactory

from tests.support.factories import make_lane
from videogen.common.db_retry import DeadlockMiddleware, again_after_deadlock, gave_way
from videogen.models import Lane

pytestmark = pytest.mark.postgres


class Cause(Exception):
    sqlstate = "40P01"


def deadlock():
    error = OperationalError("deadlock detected")
    error.__cause__ = Cause()
    return error


class Work:
    """It meets a deadlock so many times, and then gets through."""

    def __init__(self, deadlocks, error=None):
        self.deadlocks, self.error, self.runs = deadlocks, error or deadlock(), 0

    def __call__(self, *args, **kwargs):
        self.runs += 1
        if self.runs <= self.deadlocks:
            raise self.error
        return HttpResponse("done")


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_tried_again():
    work = Work(2)

    assert again_after_deadlock(work)().content == b"done"
    assert work.runs == 3


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("database is locked"), ValueError("x")])
def test_no_other_error_is_tried_again(error):
    work = Work(1, error)

    with pytest.raises(type(error)):
        again_after_deadlock(work)()

    assert work.runs == 1


@pytest.mark.django_db(transaction=True)
def test_it_ends_some_time():
    work = Work(99)

    with pytest.raises(OperationalError):
        again_after_deadlock(work)()

    assert work.runs == 5


@pytest.mark.django_db(transaction=True)
def test_a_part_of_a_transaction_is_not_tried_again():
    work = Work(1)

    with pytest.raises(OperationalError), transaction.atomic():
        again_after_deadlock(work)()

    assert work.runs == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("method", "runs"), [("post", 2), ("get", 0)])
def test_a_button_is_tried_again(method, runs):
    """A page is left to Django."""
    view = Work(1)
    middleware = DeadlockMiddleware(HttpResponse)

    middleware.process_view(getattr(RequestFactory(), method)("/"), view, (), {})

    assert view.runs == runs


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_two_who_lock_in_opposite_orders_both_get_through():
    lanes = [make_lane("first"), make_lane("second")]
    meeting = threading.Barrier(2)
    met = []

    @again_after_deadlock
    def write(order):
        with transaction.atomic():
            for number, lane in enumerate(order):
                Lane.objects.filter(pk=lane.pk).update(wait_reason="x")
                if number == 0 and len(met) < 2:
                    met.append(lane)
                    meeting.wait(10)

    def other():
        write(lanes[::-1])
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    write(lanes)
    thread.join(30)

    assert not thread.is_alive()
    assert Lane.objects.filter(wait_reason="x").count() == 2


def test_only_postgresql_says_that_it_was_a_deadlock():
    assert gave_way(deadlock())
    assert not gave_way(OperationalError("deadlock detected"))
