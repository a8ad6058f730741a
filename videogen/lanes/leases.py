"""The lease of a lane: at most one pump works a lane at a time.

Only throughput depends on it. Two pumps on one lane would be slow, but not wrong, because every
claim and every change of a state is a conditional UPDATE.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from videogen.common.processes import is_provably_gone
from videogen.common.secret_key import fingerprint
from videogen.models import Lane, VideoRender
from videogen.models.routes import served_backends

PUMP_LEASE = timedelta(seconds=10)


def take_lease(lane: Lane, owner: str) -> bool:
    """Take or renew the lane's lease. Return False while another process that may be alive holds
    it."""
    now = timezone.now()
    free = Q(lease_owner__in=["", owner]) | Q(lease_expires_at=None) | Q(lease_expires_at__lt=now)
    lanes = Lane.objects.filter(pk=lane.pk)
    values = {
        "lease_owner": owner,
        "lease_expires_at": now + PUMP_LEASE,
        "lease_secret": fingerprint(),
        "beat_at": now,
    }
    if lanes.filter(free).update(**values):
        return True
    holder = lanes.values_list("lease_owner", flat=True).get()
    return is_provably_gone(holder) and bool(lanes.filter(lease_owner=holder).update(**values))


def is_pump_missing() -> bool:
    """Whether renders are in flight that no pump polls, such as between two slices of it. Whoever
    keeps a worker busy for long should leave it to the pump then."""
    now = timezone.now()
    no_pump = (
        Q(lane__lease_owner="") | Q(lane__lease_expires_at=None) | Q(lane__lease_expires_at__lt=now)
    )
    return (
        VideoRender.objects.open()
        .filter(no_pump, state=VideoRender.State.RUNNING, lane__name__in=served_backends())
        .exists()
    )


def release_lease(lane: Lane, owner: str) -> None:
    """Give the lease back, if the owner still has it."""
    Lane.objects.filter(pk=lane.pk, lease_owner=owner).update(lease_owner="", lease_expires_at=None)
