"""A story with a render in every state and a row of every kind that the screens show, for tests
that look at all pages at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.signing import SignedPackage

from storybook.models import DesignDocument, Picture, Scenelet, Shot, Story
from videogen.models import (
    ApiToken,
    Budget,
    Candidate,
    Film,
    GuestLink,
    Notice,
    Price,
    ReferenceChoice,
    RenderBatch,
    Submission,
    TakeNote,
    VideoModel,
    VideoRender,
    WipedStory,
)
from videogen.models.people import Requester
from videogen.models.states import ENDED
from videogen.planning.drafts import draft_batches

from .factories import force, make_batch, make_lane, make_render, make_story, shots_of

State = VideoRender.State
Review = VideoRender.Review

PASSPHRASE = "the lamp is lit"

# Shots of the story, in this order, with the renders that each has.
SHOTS = (
    [State.DONE, State.DONE, State.DONE, State.REHEARSED],
    [State.UNKNOWN],
    [State.INTERRUPTED],
    [State.NOT_DOWNLOADED],
    [State.FAILED],
    [State.BLOCKED],
    [State.QUEUED],
    [State.RUNNING],
    [],
)


def make_everything(words="It did not work out.", story=None, *, name="", errors=None):
    """The rows, by what they are. `words` stand wherever somebody else's words are shown: the
    API's, a reviewer's, an exporter's. `name` stands for people, files and designs, if it is given;
    `errors` has other words for the renders of a state."""
    name = name or words
    told = dict.fromkeys(State, words) | (errors or {})
    story = story or make_story(shots=len(SHOTS))
    shots = list(shots_of(story).select_related("scenelet__story"))[: len(SHOTS)]
    lane = make_lane(
        paused_at=timezone.now(), pause_code="key_refused", pause_reason=words, wait_reason=words
    )
    owner = get_user_model().objects.create_user("ines")
    batch = make_batch(story, requested_by_name=name[:150])
    renders = {}
    for shot, states in zip(shots, SHOTS, strict=True):
        for state in states:
            renders.setdefault(state, []).append(
                _render(shot, state, batch, lane, told[state], name)
            )
    first, second, third = renders[State.DONE]
    force(first, review=Review.REJECTED, review_reason=words)
    force(second, review=Review.SELECTED)
    batch.plan = [
        {
            "shot": shots[-1].pk,
            "scenelet_id": shots[-1].scenelet.scenelet_id,
            "shot_index": shots[-1].shot_index,
            "decision": "blocked",
            "reason": words,
            "render": None,
        }
    ]
    batch.counts = {"blocked": 1}
    batch.save(update_fields=["plan", "counts"])
    [draft] = draft_batches(
        Shot.objects.filter(pk__in=[each.pk for each in shots]),
        RenderBatch.Mode.DEFAULT,
        Requester("admin", name=name),
    )
    choice = ReferenceChoice.objects.create(
        shot=shots[0], kind="character", reference_id="ada", choice="pinned"
    )
    LogEntry.objects.create(
        user=owner,
        content_type=ContentType.objects.get_for_model(Story),
        object_id=story.pk,
        object_repr=name[:200],
        action_flag=CHANGE,
        change_message=words,
    )
    candidate = Candidate.objects.create(
        lane=lane, source="generated_files", name=name[:400], made_at=timezone.now()
    )
    return SimpleNamespace(
        **_guest_links(story, second, words, name),
        candidate=candidate,
        wiped=WipedStory.objects.create(
            story_id="wiped", title=words[:500], archive_name=name[:500], archive_sha256="0" * 64
        ),
        note=_note(third, words, name),
        story=story,
        shots=shots,
        shot=shots[0],
        renders=renders,
        render=third,
        batch=batch,
        draft=draft,
        lane=lane,
        choice=choice,
        price=Price.objects.create(
            model="veo-9", resolution="1080p", usd_per_second=1, since="2020-01-01", source=words
        ),
        model=VideoModel.objects.create(
            name="veo-9", route="vertex", source=words[:500], checked_on="2020-01-01"
        ),
        budget=Budget.objects.create(scope=Budget.Scope.STORY, story=story, limit_usd=1000),
        notice=Notice.objects.create(
            kind=Notice.Kind.QUEUE_PAUSED, key="everything", subject=words[:200], text=words
        ),
        api_token=ApiToken.objects.make(user=owner, name=name[:100])[0],
        picture=Picture.objects.filter(story=story).exclude(file="").first(),
        document=DesignDocument.objects.filter(story=story).first(),
        scenelet=Scenelet.objects.filter(story=story).first(),
        submission=Submission.objects.first(),
        user=owner,
        group=Group.objects.first(),
        attempt=AccessAttempt.objects.create(
            username=words[:200], ip_address="127.0.0.1", user_agent=words, failures_since_start=3
        ),
        **_queue_rows(words),
    )


def _render(shot, state, batch, lane, words, name):
    speaks = state in (State.FAILED, State.BLOCKED, State.UNKNOWN, State.NOT_DOWNLOADED)
    values = {"error_message": words, "error_details": {"words": words}} if speaks else {}
    return make_render(
        shot,
        state,
        batch=batch,
        lane=lane,
        requested_by_name=name[:150],
        operation_name="models/veo/operations/op-7",
        references=[{"kind": "character", "id": name, "path": "x.png", "sha256": "0" * 64}],
        dropped_references=[{"kind": "key_frame", "id": "1", "path": name, "reason": words}],
        warnings=[words],
        submission={"error_message": words} if speaks else None,
        ended_at=timezone.now() - timedelta(minutes=1) if state in ENDED else None,
        **values,
    )


def _guest_links(story, take, words, name):
    """Two links with a passphrase and every switch on, and a note: one to the story, whose first
    shot has `take`, the other to a film."""
    root = Path(settings.MEDIA_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    force(take, poster_file="poster.jpg")
    film = Film.objects.create(
        story=story, ending=story.scenelets.last(), status=Film.Status.DONE, file="film.mp4"
    )
    for file in (take.video_file, "poster.jpg", film.file):
        (root / file).write_bytes(b"moving pictures")
    values = {
        "story": story,
        "passphrase": PASSPHRASE,
        "allows_notes": True,
        "allows_download": True,
        "expires_at": timezone.now() + timedelta(days=14),
    }
    link, token = GuestLink.objects.make(**values)
    _, film_token = GuestLink.objects.make(**values, film=film)
    link.add_note(text=words, name=name[:60], shot=take.shot, render=take, seconds=2)
    return {"link": link, "token": token, "film_token": film_token}


def _note(take, words, name):
    """A note with a box and a reply."""
    written = {"author_name": name[:150], "text": words}
    box = {"x": 0.25, "y": 0.5, "width": 0.25, "height": 0.25}
    note = TakeNote.objects.create(render=take, frame=36, **written, **box)
    TakeNote.objects.create(render=take, parent=note, **written)
    return note


def _queue_rows(words):
    task = {
        "name": "ada-7",
        "func": "videogen.tasks.pump",
        "started": timezone.now(),
        "stopped": timezone.now(),
        "attempt_count": 1,
    }
    return {
        "success": Success.objects.create(id="a" * 32, success=True, result=words, **task),
        "failure": Failure.objects.create(id="b" * 32, success=False, result=words, **task),
        "schedule": Schedule.objects.first(),
        "queued": OrmQ.objects.create(
            key="videogen",
            payload=SignedPackage.dumps({"id": "c" * 32, "name": words, "func": "videogen.tasks"}),
            lock=timezone.now(),
        ),
    }
