"""Batch numbers: people see them without holes, whatever was drafted and never confirmed."""

from __future__ import annotations

import pytest
from django.db import transaction

from tests.support.factories import make_batch, make_story, shots_of
from videogen.common.errors import RequestError
from videogen.models import RenderBatch
from videogen.models.people import Requester
from videogen.planning.drafts import confirm_batch, draft_batches, plan_draft

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

ASKS = Requester("admin", name="ines")


def drafted(story):
    (draft,) = draft_batches(shots_of(story), "default", ASKS)
    return draft


def test_a_draft_has_no_number_and_gets_the_next_one_when_it_is_confirmed():
    first = make_batch(make_story("first"))
    drafts = [drafted(make_story(f"story-{number}")) for number in range(3)]
    assert {each.number for each in drafts} == {None}
    assert str(drafts[0]) == "Draft: render what is missing"

    confirm_batch(drafts[2], ASKS, seen=plan_draft(drafts[2]).fingerprint)

    drafts[2].refresh_from_db()
    assert drafts[2].number == first.number + 1
    assert str(drafts[2]) == f"Batch {first.number + 1}: render what is missing"
    assert make_batch(make_story("last")).number == first.number + 2


def test_a_confirmation_that_is_refused_loses_no_number():
    before = make_batch(make_story("before"))
    draft = drafted(make_story())

    with pytest.raises(RequestError):
        confirm_batch(draft, ASKS, seen="something else")

    draft.refresh_from_db()
    assert draft.number is None
    assert make_batch(make_story("after")).number == before.number + 1


def test_a_batch_that_is_rolled_back_loses_no_number():
    before = make_batch(make_story("before"))
    with transaction.atomic():
        make_batch(before.story)
        transaction.set_rollback(True)

    assert make_batch(before.story).number == before.number + 1


def test_saving_a_batch_again_keeps_its_number():
    batch = make_batch(make_story())
    number = batch.number

    batch.save(update_fields=["plan"])

    assert RenderBatch.objects.get().number == number
