"""Events: what the webhook tells, for those who were away or have no receiver."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Query, Router

from videogen.models import OutgoingEvent
from videogen.notifications.deliver import message_id_of, payload_of

from .access import READ, SEE_EVENTS, rights
from .fields import Json, Moment, Name, Out
from .pages import Page, PageQuery, read_page

router = Router(tags=["events"])


class EventQuery(PageQuery):
    story_id: Name | None = None
    type: OutgoingEvent.Type | None = None


class EventOut(Out):
    id: str
    type: str
    timestamp: Moment
    data: Json


class EventPage(Page):
    items: list[EventOut]


@router.get("/events", response=EventPage, **rights(READ, SEE_EVENTS))
def list_events(request: HttpRequest, query: Query[EventQuery]) -> EventPage:
    """List the events, the newest first, as the webhook sends them. `id` is the `webhook-id`."""
    rows = OutgoingEvent.objects.all()
    if query.story_id is not None:
        rows = rows.filter(story__story_id=query.story_id)
    if query.type is not None:
        rows = rows.filter(type=query.type)
    found, cursor = read_page(rows, query)
    items = [EventOut(id=message_id_of(each), **payload_of(each)) for each in found]
    return EventPage(items=items, next_cursor=cursor)
