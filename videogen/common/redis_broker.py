"""The queue in Redis. A module of its own, because the import of redis takes long."""

from __future__ import annotations

from django_q.brokers.redis_broker import Redis

from .own_tasks import OwnTasksOnly


class RedisBroker(OwnTasksOnly, Redis):  # type: ignore[misc]
    pass
