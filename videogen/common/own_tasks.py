"""What the cluster takes off its queue: tasks of videogen/tasks.py and nothing else.

django-q2 runs whatever function a task names, with this installation's API key in its environment.
Anybody who can write a row of the queue or a schedule could have any program run that way.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.models import Task
from django_q.signing import BadSignature, SignedPackage
from django_q.utils import get_func_repr

from .untrusted_text import clean

logger = logging.getLogger(__name__)

# One name only: what a module of ours has imported is not ours to run.
_OWN_TASK = re.compile(r"videogen\.tasks\.[a-z][a-z_]*")

Payload = tuple[Any, str]


class OwnTasksOnly:
    """Refuses other tasks at the one door that everything passes, whoever enqueued it."""

    def dequeue(self) -> list[Payload] | None:
        # The ORM's broker has waited already if there is nothing.
        payloads: list[Payload] | None = super().dequeue()  # type: ignore[misc]
        return payloads and [each for each in payloads if self._is_own(*each)]

    def _is_own(self, ack_id: Any, payload: str) -> bool:
        try:
            task = SignedPackage.loads(payload)
        except (TypeError, BadSignature):
            return True  # the cluster itself tells of it and drops it
        if not (problem := problem_of(task)):
            return True
        logger.error("A task on the queue was refused: %s", problem)
        _keep_failure(task, problem)
        self.acknowledge(ack_id)  # type: ignore[attr-defined]
        return False


class OrmBroker(OwnTasksOnly, ORM):  # type: ignore[misc]
    """The queue in the database. That in Redis is in redis_broker.py."""


def problem_of(task: Mapping[str, Any]) -> str:
    """Return why the cluster must not run the task, as a sentence, or ""."""
    for what, name in (("it", task.get("func")), ("its hook", task.get("hook"))):
        if what == "its hook" and not name:
            continue
        if not isinstance(name, str) or not _OWN_TASK.fullmatch(name):
            told = _name_of(name)[:200] or "nothing"
            return f"{what} would run {told}, and workers run videogen.tasks only."
    if task.get("chain"):
        return "it brings a chain of other tasks, and workers run single tasks only."
    return ""


def keep_out_of_this_process(sender: object, task: dict[str, Any], **kwargs: Any) -> None:
    """Receive django-q2's signal before a task is queued: a schedule can ask that its task is run
    at once, in the process that reads the schedules. One that is not ours goes to the queue, which
    refuses it."""
    if task.get("sync") and problem_of(task):
        task["sync"] = False


def _name_of(function: object) -> str:
    return clean(function if isinstance(function, str) else get_func_repr(function))


def _keep_failure(task: Mapping[str, Any], problem: str) -> None:
    """Show the refused task among those that failed."""
    now = timezone.now()
    try:
        Task.objects.create(
            id=task["id"],
            name=clean(task["name"])[:100],
            func=_name_of(task["func"])[:256],
            args=clean(repr(task.get("args"))),
            kwargs=clean(repr(task.get("kwargs"))),
            started=task.get("started") or now,
            stopped=now,
            result=f"Refused: {problem}",
            success=False,
        )
    except (DatabaseError, KeyError):
        logger.exception("The refused task could not be kept")
