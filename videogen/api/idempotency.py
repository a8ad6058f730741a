"""Idempotency-Key: who sends a request twice, because the first answer was lost, gets the answer of
the first and makes nothing a second time.

The row with the key is written before the work begins. What is made, and the answer, are committed
together, so after a crash there are both or neither.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Header
from ninja.responses import NinjaJSONEncoder
from pydantic import BaseModel

from videogen.common.db_retry import again_after_deadlock
from videogen.common.errors import VideogenError
from videogen.common.processes import is_provably_gone, this_process
from videogen.models import ApiAnswer

from .access import person_of
from .problems import CONTENT_TYPE, ApiProblem, as_response, of_error

IdempotencyKey = Annotated[
    str,
    Header(
        ...,
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="A new one for each thing that is to be made, such as a UUID. A request that "
        "is sent again with the same key gets the same answer.",
    ),
]
_KEPT_HEADERS = ("Location",)
# No request takes so long.
SILENT_AFTER = timedelta(minutes=10)
_CHUNK = 1024**2


def once(
    request: HttpRequest,
    key: str,
    make: Callable[[], HttpResponse],
    *,
    in_one_transaction: bool = True,
) -> HttpResponse:
    """Return what `make` answers, or what it answered to the same request before.

    Raises ApiProblem where the key came with another request, or where somebody is still at work.
    in_one_transaction: whether what is made and the answer are committed together. Without it, who
    repeats a request after a crash may make it twice: only for what does not matter twice.
    """
    sha256 = _fingerprint(request)
    answer = _take(request, key, sha256)
    if answer.status is not None:
        return _again(answer)

    @again_after_deadlock
    def work() -> HttpResponse:
        with transaction.atomic():
            response = make()
            _keep(answer, response)
        return response

    def work_and_keep() -> HttpResponse:
        response = make()
        _keep(answer, response)
        return response

    try:
        return work() if in_one_transaction else work_and_keep()
    except (VideogenError, ApiProblem) as error:
        # Nothing was made. The refusal is the answer.
        refused = as_response(error if isinstance(error, ApiProblem) else of_error(error))
        _keep(answer, refused)
        return refused
    except BaseException:
        _mine(answer).delete()
        raise


def made(status: int, what: BaseModel, location: str = "") -> HttpResponse:
    """Return the answer about what was made."""
    content = json.dumps(what.model_dump(), cls=NinjaJSONEncoder, ensure_ascii=False)
    response = HttpResponse(content, status=status, content_type="application/json; charset=utf-8")
    if location:
        response["Location"] = location
    return response


def only_file(request: HttpRequest, name: str) -> None:
    """Raise ApiProblem where the form has more than that file: it would be dropped in silence."""
    sent = [*request.POST, *(each for each, files in request.FILES.lists() for _ in files)]
    if sent != [name]:
        others = sorted(set(sent) - {name}) or [name]
        errors = [
            {"place": f"form.{each}", "message": "It is not known here, or there twice."}
            for each in others
        ]
        raise ApiProblem(422, "invalid", "The form has one file and nothing else.", errors=errors)


def _take(request: HttpRequest, key: str, sha256: str) -> ApiAnswer:
    """Return the row of the key: with an answer, or without one, and then it is the caller's."""
    user = person_of(request)
    rows = ApiAnswer.objects.filter(user=user, key=key)
    found = rows.first()
    if found is not None and not found.is_kept:
        rows.filter(pk=found.pk).delete()
        found = None
    if found is None:
        mine = ApiAnswer(user=user, key=key, request_sha256=sha256, worker=this_process())
        try:
            with transaction.atomic():
                mine.save(force_insert=True)
        except IntegrityError:
            found = rows.first()
        else:
            return mine
    if found is None:
        raise _still_at_work()
    if found.request_sha256 != sha256:
        raise ApiProblem(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key came with another request before: use a new one.",
        )
    if found.status is None and not _take_over(found):
        raise _still_at_work()
    return found


def _take_over(answer: ApiAnswer) -> bool:
    """Go on in the place of a process that is gone. False while it is there, or where somebody else
    was faster."""
    # Nobody can tell whether a process on another host is gone, so it counts as gone after a long
    # silence, also if the clock was set back since. If it was only slow, its work is undone: it
    # finds that the row is no longer its own.
    me, now = this_process(), timezone.now()
    is_silent = answer.worker != me and abs(now - answer.made_at) > SILENT_AFTER
    if not is_silent and not is_provably_gone(answer.worker):
        return False
    won = _mine(answer).update(worker=me, made_at=now)
    answer.worker = me
    return bool(won)


def _still_at_work() -> ApiProblem:
    return ApiProblem(
        409, "still_at_work", "A request with this Idempotency-Key is still at work: ask again."
    )


def _mine(answer: ApiAnswer) -> Any:
    return ApiAnswer.objects.filter(pk=answer.pk, worker=answer.worker, status=None)


def _keep(answer: ApiAnswer, response: HttpResponse) -> None:
    headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
    kept = _mine(answer).update(
        status=response.status_code, headers=headers, body=response.content.decode()
    )
    if not kept:
        raise _still_at_work()


def _again(answer: ApiAnswer) -> HttpResponse:
    status = answer.status or 500
    kind = CONTENT_TYPE if status >= 400 else "application/json; charset=utf-8"
    response = HttpResponse(answer.body, status=status, content_type=kind)
    for name, value in answer.headers.items():
        response[name] = value
    response["Idempotent-Replayed"] = "true"
    return response


def _fingerprint(request: HttpRequest) -> str:
    """Return a hash of the method, the address and what was sent, files included."""
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    if request.FILES:
        # Of several of one name the last one counts, as everywhere.
        files: dict[str, Any] = dict(request.FILES.items())
        for name, file in sorted(files.items()):
            digest.update(f"{name} {file.name} {file.size}\n".encode("utf-8", "surrogatepass"))
            for chunk in file.chunks(_CHUNK):
                digest.update(chunk)
            file.seek(0)
        fields = sorted((name, *values) for name, values in request.POST.lists())
        digest.update(json.dumps(fields).encode())
    else:
        digest.update(request.body)
    return digest.hexdigest()
