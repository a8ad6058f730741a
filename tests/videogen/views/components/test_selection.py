from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.test import RequestFactory

from tests.support.drafts import make_shots
from videogen.views.components.selection import tell_of_left_out

pytestmark = pytest.mark.django_db


def told(asked, taken):
    request = RequestFactory().post("/")
    request._messages = CookieStorage(request)
    tell_of_left_out(request, asked, {shot.pk for shot in taken})
    return [str(message) for message in get_messages(request)]


def test_what_is_drafted_whole_needs_no_words(django_assert_num_queries):
    shots = make_shots(2)
    with django_assert_num_queries(0):
        assert told([str(shot.pk) for shot in shots], shots) == []


def test_a_shot_that_was_added_is_not_left_out():
    shots = make_shots(2)

    assert told([str(shots[0].pk)], shots) == []


def test_what_was_left_out_is_counted_with_the_reason():
    mine, others = make_shots(1), make_shots(2)
    asked = [str(shot.pk) for shot in mine + others] + ["999999", "<b>", "9" * 40]

    assert told(asked, mine) == [
        "5 of 6 selected shots were left out: 2 are not among those that can be selected there, "
        "3 do not exist."
    ]


def test_ids_of_one_field_count_singly_and_once():
    mine, (other,) = make_shots(1), make_shots(1)

    assert told([f"{mine[0].pk}, {other.pk},", str(other.pk)], mine) == [
        "1 of 2 selected shots was left out: 1 is not among those that can be selected there."
    ]


def test_all_of_it_may_be_left_out():
    (other,) = make_shots(1)

    assert told([str(other.pk)], []) == [
        "1 of 1 selected shot was left out: 1 is not among those that can be selected there."
    ]
