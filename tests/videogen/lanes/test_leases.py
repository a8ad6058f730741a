from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.support.factories import make_lane
from videogen.common.processes import is_provably_gone, this_process
from videogen.lanes import leases
from videogen.lanes.leases import release_lease, take_lease
from videogen.models import Lane

pytestmark = [pytest.mark.django_db, pytest.mark.postgres]

ME = this_process()
AWAY = "another-host|boot|1|1.0"
GONE = ME.rpartition("|")[0] + "|1.00"


def lane_of(owner, seconds):
    expires = None if seconds is None else timezone.now() + timedelta(seconds=seconds)
    return make_lane(lease_owner=owner, lease_expires_at=expires)


@pytest.mark.parametrize(
    ("owner", "seconds", "is_taken"),
    [
        ("", None, True),
        (ME, 5, True),
        (ME, -5, True),
        (AWAY, 5, False),
        (AWAY, -1, True),
        (AWAY, None, True),
        (GONE, 5, True),
        ("nonsense", 5, False),
    ],
    ids=[
        "free",
        "my own",
        "my own, expired",
        "somebody's",
        "somebody's, expired",
        "without an end",
        "a dead one's",
        "nobody can tell",
    ],
)
def test_a_lease_is_taken_unless_its_holder_may_live(owner, seconds, is_taken):
    lane = lane_of(owner, seconds)

    assert take_lease(lane, ME) is is_taken

    stored = Lane.objects.get()
    assert stored.lease_owner == (ME if is_taken else owner)
    if is_taken:
        left = (stored.lease_expires_at - timezone.now()).total_seconds()
        assert 9 < left <= 10
        assert stored.beat_at is not None


def test_the_first_one_holds_it_until_it_gives_it_back():
    lane = make_lane()

    taken = [take_lease(lane, ME), take_lease(lane, AWAY)]
    release_lease(lane, AWAY)
    taken.append(take_lease(lane, AWAY))
    release_lease(lane, ME)
    taken.append(take_lease(lane, AWAY))

    assert taken == [True, False, False, True]


def test_renewing_moves_the_end():
    lane = lane_of(ME, 3)

    take_lease(lane, ME)

    assert Lane.objects.get().lease_expires_at > timezone.now() + timedelta(seconds=9)


def test_of_two_who_find_the_holder_dead_one_gets_it(monkeypatch):
    """The other one takes it between the first one's look at the holder and its update."""
    lane = lane_of(GONE, 5)
    others = []

    def meanwhile(holder):
        if not others:
            others.append(None)
            others[0] = take_lease(lane, AWAY)
        return is_provably_gone(holder)

    monkeypatch.setattr(leases, "is_provably_gone", meanwhile)

    mine = take_lease(lane, ME)

    assert (mine, others) == (False, [True])
    assert Lane.objects.get().lease_owner == AWAY


def test_the_holder_leaves_a_fingerprint_of_its_secret_key(settings):
    lane = make_lane()
    take_lease(lane, ME)
    mine = Lane.objects.get().lease_secret

    settings.SECRET_KEY = "another one"
    take_lease(lane, ME)

    assert len(mine) == 16
    assert Lane.objects.get().lease_secret not in ("", mine)
