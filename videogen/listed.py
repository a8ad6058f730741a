"""The API's lists as candidates: rows that are not stored yet."""

from __future__ import annotations

from uuid import UUID

from .asking import Lists
from .candidates import file_key
from .models import Candidate, Lane

Source = Candidate.Source


def candidates_of(lists: Lists, lane: Lane) -> list[Candidate]:
    found = [
        Candidate(
            lane=lane,
            source=Source.OPERATIONS,
            name=each.name,
            download_uri=each.uri or "",
            is_done=each.is_done,
            made_at=each.submitted_at,
            token=_uuid(each.token),
        )
        for each in lists.operations
    ]
    # An operation tells more than its file does.
    told = {file_key(each.download_uri) for each in found if each.download_uri}
    found += [
        Candidate(
            lane=lane,
            source=Source.GENERATED_FILES,
            name=each.name,
            download_uri=each.uri,
            is_done=True,
            made_at=each.created_at,
        )
        for each in lists.files
        if file_key(each.name) not in told and _may_be_video(each.mime_type)
    ]
    return found


def _may_be_video(mime_type: str) -> bool:
    return not mime_type or mime_type.startswith("video/")


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
