"""A story with a row in every table that an archive has, and a dump of everything that refers to a
story, made without the product's own tables of what that is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone

from storybook.media_store import media
from storybook.models import Scenelet, Shot, Story
from videogen.models import (
    Budget,
    Candidate,
    Direction,
    Film,
    GuestLink,
    GuestNote,
    Notice,
    OutgoingEvent,
    Price,
    ReferenceChoice,
    RenderBatch,
    StorySettings,
    TakeCheck,
    TakeNote,
    VideoRender,
)
from videogen.models.render_warnings import RenderWarning, WarningCode

from .factories import (
    force,
    make_batch,
    make_lane,
    make_price,
    make_render,
    make_story,
    make_submission,
    shots_of,
)

State = VideoRender.State
Review = VideoRender.Review

INVOICE = "invoice of the studio"

# What a restore makes anew, or what depends on where it is.
NOT_COMPARED = {
    "videogen.guestlink": {"token_sha256", "passphrase", "tries", "tries_since", "revoked_at"},
    "videogen.notice": {"next_attempt_at"},
    "videogen.outgoingevent": {"next_attempt_at"},
}
# Primary keys within documents, by their names.
_KEYS = {
    "shot": Shot,
    "shots": Shot,
    "shot_id": Shot,
    "render": VideoRender,
    "render_id": VideoRender,
    "copy_of": VideoRender,
    "retake_of": VideoRender,
    "batch_id": RenderBatch,
    "film_id": Film,
}
_TOLD_OF = {
    "batch": RenderBatch,
    "batch_finished": RenderBatch,
    "clip_expires": RenderBatch,
    "budget_80": Budget,
    "take": VideoRender,
    "film": Film,
}


def make_archived_story(story_id="the-lamp", *, takes=2):
    """A story whose renders have all ended: `takes` of its first shot, what became of others, and
    everything that people have said about it. Some rows refer to later ones."""
    ines = get_user_model().objects.get_or_create(username="ines")[0]
    story = make_story(story_id, scenelets=("opening", "stairs", "window"), shots=2)
    opening, stairs, window = story.scenelets.order_by("place")
    # The ending comes before what it follows on.
    Scenelet.objects.filter(pk=opening.pk).update(parent=window, choice_label="Back?")
    Story.objects.filter(pk=story.pk).update(archived_at=_ago(days=9))
    first, second, third, *_ = shots_of(story).order_by("scenelet__place", "shot_index")
    known = Price.objects.filter(source=INVOICE).first()
    lane, price = make_lane("gemini"), known or make_price("0.40", days_ago=1, source=INVOICE)
    batch = make_batch(story, requested_by=ines, requested_by_name="ines", counts={"generate": 2})
    values = {"batch": batch, "lane": lane, "backend": "gemini", "price": price}
    values |= {"requested_by": ines, "requested_by_name": "ines", "is_simulated": False}
    done = [_take(first, number, **values) for number in range(takes)]
    for take in done:
        _tell_of(take, ines)
    copied = make_batch(
        story, filters={"copy_of": done[0].pk, "shots": [first.pk]}, door="admin", mode="override"
    )
    copy = _take(second, takes, **{**values, "batch": copied}, copy_of=done[0])
    force(copy, review=Review.APPROVED, reviewed_at=_ago(days=1), reviewed_by_name="somebody gone")
    for state in (State.FAILED, State.BLOCKED, State.REHEARSED, State.CANCELLED):
        make_render(third, state, **values, error_details={"z": 1, "a": 2}, error_code="given_up")
    unpaid = make_render(third, State.FAILED, **values, submission=False)
    make_submission(unpaid, "rejected", claimed_at=_ago(days=2))
    make_submission(unpaid, "not_charged", error_code="blocked_audio", claimed_at=_ago(days=2))
    plan = [
        {"shot": first.pk, "render": done[0].pk, "decision": "generate", "params": {}},
        {"shot": second.pk, "render": None, "decision": "skip", "params": {"render": copy.pk}},
    ]
    RenderBatch.objects.filter(pk=batch.pk).update(plan=plan)
    given = make_batch(story, filters={"video_download_link": "https://clips.example/a.mp4"})
    RenderBatch.objects.filter(pk=given.pk).update(created_at=_ago(days=4))
    _directions(story, stairs, second, ines, done[0])
    _around(story, window, first, done, batch, ines)
    media.put_bytes(f"{story_id}/pictures/0123456789abcdef/older.png", b"of an older render")
    media.put_bytes(f"{story_id}/thumbnails/0123456789abcdef.jpg", b"made again")
    return story


def _take(shot, number, **values):
    name = f"{shot.scenelet.story.story_id}/shots/{shot.pk}-{number}.mp4"
    clip = f"moving pictures {number} of {shot.code}".encode() * 50
    media.put_bytes(name, clip)
    media.put_bytes(name.replace(".mp4", ".jpg"), b"poster " + clip[:20])
    picture = shot.scenelet.story.pictures.exclude(file="").first()
    repeat = {"take": 1, "render": None, "shot": "", "story": "", "day": "2026-11-02"}
    take = make_render(
        shot,
        State.DONE,
        **values,
        video_file=name,
        poster_file=name.replace(".mp4", ".jpg"),
        sha256=hashlib.sha256(clip).hexdigest(),
        byte_size=len(clip),
        fps=24.0,
        video_seconds=8.041666666666666,
        queued_at=_ago(days=3, minutes=number),
        ended_at=_ago(days=2, minutes=number),
        operation_name=f"operations/{shot.pk}-{number}",
        download_uri=f"https://api.example/v1beta/files/{shot.pk}-{number}:download?alt=media",
        request_sha256=hashlib.sha256(f"{shot.code}/{number}".encode()).hexdigest(),
        prompt_text='{"z": "ink 灯", "a": 1}',
        references=[{"kind": "character", "id": "ada", "path": picture.file, "sha256": "0" * 64}],
        submission={"claimed_at": _ago(days=3), "price_usd": Decimal("3.20")},
    )
    warning = RenderWarning(WarningCode.REPEAT, {**repeat, "render": take.pk, "is_rejected": False})
    VideoRender.objects.filter(pk=take.pk).update(warnings=[warning])
    return take


def _tell_of(take, person):
    is_first = take.take == 1
    force(
        take,
        review=Review.REJECTED if is_first else Review.UNREVIEWED,
        review_reason="Her face changes." * is_first,
        review_reasons="face,lip_sync" * is_first,
        reviewed_at=_ago(days=1),
        reviewed_by=person,
        reviewed_by_name="ines",
    )
    note = TakeNote.objects.create(
        render=take, frame=36, x=0.25, y=0.1, text="Too dark.", author=person, author_name="ines"
    )
    TakeNote.objects.create(render=take, parent=note, text="True.", author_name="somebody gone")
    TakeCheck.objects.create(
        render=take,
        result="notes",
        findings=[{"kind": "black", "at_seconds": 0, "seconds": 1.5}],
        signature=bytes(range(256)),
        checked_at=_ago(days=1),
    )
    OutgoingEvent.objects.create(
        type="take.made",
        key=f"take.made:{take.pk}",
        story=take.shot.scenelet.story,
        data={"render_id": take.pk, "batch_id": take.batch_id, "shot_id": take.shot_id, "take": 1},
        webhook_sent_at=_ago(days=1),
    )


def _directions(story, scenelet, shot, person, take):
    new = Direction.objects.create(
        story=story, shot=shot, text="Slower.", position=1, author=person, author_name="ines"
    )
    old = Direction.objects.create(
        story=story,
        scenelet=scenelet,
        text="Slow.",
        position=2,
        author_name="ines",
        switched_off_at=_ago(days=1),
    )
    Direction.objects.filter(pk=new.pk).update(replaces=old)
    TakeNote.objects.filter(render=take, parent=None).update(direction=new)


def _around(story, ending, shot, done, batch, person):
    media.put_bytes(f"{story.story_id}/films/window.mp4", b"a whole film")
    film = Film.objects.create(
        story=story,
        ending=ending,
        status="done",
        file=f"{story.story_id}/films/window.mp4",
        manifest={"title": "Z", "chapters": [], "parts": [], "captions": False, "levelling": True},
        requested_by=person,
        made_at=_ago(days=1),
    )
    link, _ = GuestLink.objects.make(
        story=story, film=film, passphrase="lamp", expires_at=_ago(days=-5), made_by=person
    )
    GuestNote.objects.create(link=link, shot=shot, render=done[0], text="Lovely.", name="Bo")
    StorySettings.objects.create(story=story, seed=2**32 - 1, negative_prompt="rain")
    ReferenceChoice.objects.create(shot=shot, kind="character", reference_id="ada", choice="pinned")
    budget = Budget.objects.create(scope="story", story=story, limit_usd=Decimal("250.50"))
    Candidate.objects.create(
        lane=batch.renders.first().lane,
        source="operations",
        name=f"operations/{story.story_id}",
        status="taken",
        render=done[0],
        token=done[0].submissions.get().token,
    )
    about = {"story": story, "subject": "It has ended.", "text": "It cost $6.40."}
    Notice.objects.create(
        kind="batch_finished",
        key=f"batch_finished:{batch.pk}",
        batch=batch,
        path=f"/admin/videogen/renderbatch/{batch.pk}/progress/",
        next_attempt_at=None,
        **about,
    )
    Notice.objects.create(
        kind="budget_80", key=f"budget_80:{budget.pk}:250.50", next_attempt_at=None, **about
    )


def _ago(**times):
    return timezone.now() - timedelta(**times)


# -- the dump --------------------------------------------------------------------------------------


def dump_story(story_id):
    """By model: every row that refers to the story, in the order in which they were made, with the
    places of rows instead of their primary keys. Any model of ours that leads to a story counts."""
    found = _rows_of(Story.objects.get(story_id=story_id))
    places = {
        model: {row.pk: place for place, row in enumerate(_in_order(rows), start=1)}
        for model, rows in found.items()
    }
    dump = {}
    for model, rows in found.items():
        label = model._meta.label_lower
        left_out = NOT_COMPARED.get(label, set())
        if lines := [_line(row, places, left_out) for row in _in_order(rows)]:
            dump[label] = lines
    # Their order says nothing: they are found by their shots.
    dump.get("videogen.shotstanding", []).sort(key=repr)
    return dump


def files_of(story_id):
    """The checksum of every media file of the story that no program makes again."""
    return {
        each.name: media.sha256(each.name)
        for each in media.files(story_id)
        if "/thumbnails/" not in each.name
    }


def differing_rows(one, other):
    """How many rows of two dumps differ."""
    return sum(
        one.get(label, [])[place : place + 1] != other.get(label, [])[place : place + 1]
        for label in one.keys() | other.keys()
        for place in range(max(len(one.get(label, [])), len(other.get(label, []))))
    )


def sha256_of_dump(dump):
    return hashlib.sha256(json.dumps(dump, sort_keys=True).encode()).hexdigest()


def _rows_of(story):
    found = {Story: {story.pk: story}}
    grows = True
    while grows:
        grows = False
        for model in apps.get_models():
            if model._meta.app_label not in ("storybook", "videogen"):
                continue
            for field in model._meta.get_fields():
                if not isinstance(field, models.ForeignKey) or field.related_model not in found:
                    continue
                rows = models.QuerySet(model).filter(
                    **{f"{field.name}__in": list(found[field.related_model])}
                )
                known = found.setdefault(model, {})
                before = len(known)
                known.update({row.pk: row for row in rows})
                grows = grows or len(known) > before
    return {model: list(rows.values()) for model, rows in found.items()}


def _in_order(rows):
    return sorted(rows, key=lambda row: (getattr(row, "claimed_at", None) or _EPOCH, row.pk))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _line(row, places, left_out):
    line = {}
    for field in row._meta.concrete_fields:
        if field.name in left_out or isinstance(field, models.AutoField):
            continue
        value = getattr(row, field.attname)
        if isinstance(field, models.ForeignKey) and value is not None:
            if field.related_model in places:
                value = places[field.related_model][value]
            else:
                value = str(getattr(row, field.name))
        elif field.name == "key":
            value = _told_key(value, places)
        elif field.name == "path" and type(row) is Notice:
            value = re.sub(r"\d+", lambda match: str(places[RenderBatch][int(match[0])]), value)
        if isinstance(field, models.JSONField):
            # PostgreSQL keeps no order of keys.
            value = json.loads(json.dumps(value, sort_keys=True))
        line[field.name] = _plain(value, places)
    for field in row._meta.many_to_many:
        line[field.name] = sorted(
            places[field.related_model][other.pk] for other in getattr(row, field.name).all()
        )
    return line


def _told_key(key, places):
    kind, pk, *rest = key.split(":")
    model = _TOLD_OF[kind if kind in _TOLD_OF else kind.partition(".")[0]]
    return ":".join([kind, str(places[model][int(pk)]), *rest])


def _plain(value, places, name=""):
    if isinstance(value, RenderWarning):
        value = value.stored
    if isinstance(value, dict):
        return [[key, _plain(each, places, key)] for key, each in value.items()]
    if isinstance(value, list | tuple):
        return [_plain(each, places, name) for each in value]
    if name in _KEYS and isinstance(value, int):
        return places[_KEYS[name]][value]
    if isinstance(value, bytes | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, str | int | float | None):
        return value
    return str(value)
