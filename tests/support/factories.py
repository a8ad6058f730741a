"""Stories, renders and pictures for tests: plain functions with defaults that work."""

from __future__ import annotations

import copy
import io
import zlib
from datetime import timedelta
from decimal import Decimal
from functools import cache

from django.utils import timezone
from PIL import Image

from storybook.models import DesignDocument, KeyFrame, Picture, Scenelet, Shot, Story
from storybook.pictures import PictureStore, inspect_picture
from videogen.common.processes import this_process
from videogen.models import Budget, Lane, Notice, Price, RenderBatch, Submission, VideoRender
from videogen.models.states import ENDED

State = VideoRender.State

SHEET = "lamp/visuals/characters/ada/character-model-sheet-1.png"
ATTIC = "lamp/visuals/environments/attic/environment-reference-1.jpg"
KEY_FRAME = "lamp/shots/opening/shot-1-key-frame-1.png"

VISUAL = {
    "global_aesthetic": {"visual_style": "ink and wash", "master_color_palette": ["#0b3d4a"]},
    "character_designs": [
        {
            "character_id": "ada",
            "character_name": "Ada",
            "character_model_sheet_image_path": f"/generated/{SHEET}",
            "detailed_description": "A girl of ten in a yellow raincoat.",
        }
    ],
    "environment_designs": [
        {
            "environment_id": "attic",
            "environment_name": "Attic",
            "associated_scenelet_ids": ["opening"],
            "environment_reference_image_path": f"generated/{ATTIC}",
            "overall_description": "Rafters, dust, one round window.",
        }
    ],
}
AUDIO = {
    "sonic_identity": {
        "musical_direction": "solo cello",
        "sound_effect_philosophy": "close and dry",
    },
    "narrator_voice_profile": {"character_id": "narrator", "voice_name": "Orla"},
    "character_voice_profiles": [{"character_id": "ada", "voice_name": "Wren"}],
    "music_and_ambience_cues": [{"cue": "storm"}],
}
PAYLOAD = {
    "framingAndAngle": "wide, low",
    "referencedDesigns": {"characters": ["ada"], "environments": ["attic"]},
    "audioAndNarrative": [{"type": "dialogue", "source": "ada", "line": "Who lit the lamp?"}],
}


@cache
def picture_bytes(color="teal", kind="PNG", size=(64, 36)):
    file = io.BytesIO()
    Image.new("RGB", size, color).save(file, kind)
    return file.getvalue()


# Most tests have the same three pictures.
_facts_of = cache(inspect_picture)


def make_picture(story, path, data=None, *, problem=""):
    """The row and, in MEDIA_ROOT, the file of a picture. With a problem there is no file."""
    if problem:
        return Picture.objects.create(story=story, path=path, problem=problem)
    # The same path is always the same picture, another path another one.
    data = picture_bytes(f"#{zlib.crc32(path.encode()) % 2**24:06x}") if data is None else data
    facts = _facts_of(data)
    return Picture.objects.create(
        story=story,
        path=path,
        file=PictureStore(story.story_id).store(path, data, facts.sha256),
        mime_type=facts.mime_type,
        byte_size=facts.byte_size,
        sha256=facts.sha256,
        width=facts.width,
        height=facts.height,
    )


def make_story(
    story_id="the-lamp",
    *,
    scenelets=("opening",),
    shots=1,
    visual=VISUAL,
    audio=AUDIO,
    payload=PAYLOAD,
    pictures=None,
    key_frames=True,
):
    """A story with `shots` shots in each scenelet, all with the same payload. `pictures`: bytes by
    path; by default those that VISUAL names and one key frame, used by every shot."""
    story = Story.objects.create(story_id=story_id, title="The lamp")
    for kind, document in (("visual", visual), ("audio", audio)):
        if document is not None:
            DesignDocument.objects.create(story=story, kind=kind, document=copy.deepcopy(document))
    if pictures is None:
        pictures = {
            SHEET: picture_bytes("gold"),
            ATTIC: picture_bytes("sienna", "JPEG"),
            KEY_FRAME: picture_bytes("navy"),
        }
    rows = {path: make_picture(story, path, data) for path, data in pictures.items()}
    for sequence, scenelet_id in enumerate(scenelets, start=1):
        scenelet = Scenelet.objects.create(story=story, scenelet_id=scenelet_id, sequence=sequence)
        made = Shot.objects.bulk_create(
            Shot(scenelet=scenelet, shot_index=index, storyboard_payload=copy.deepcopy(payload))
            for index in range(1, shots + 1)
        )
        if key_frames and KEY_FRAME in rows:
            KeyFrame.objects.bulk_create(
                KeyFrame(shot=shot, position=1, picture=rows[KEY_FRAME]) for shot in made
            )
    return story


def shots_of(story):
    return Shot.objects.filter(scenelet__story=story)


def only_shot(story):
    return shots_of(story).select_related("scenelet__story").get()


def make_shot(**story):
    """The only shot of a new story."""
    return only_shot(make_story(**story))


def make_lane(name="simulator", **values):
    return Lane.objects.update_or_create(name=name, defaults=values)[0]


def make_batch(story, **values):
    return RenderBatch.objects.create(
        **{"story": story, "task": "CREATE_SHOT_VIDEO", "mode": "default", "door": "command"}
        | values
    )


_OUTCOMES = {
    State.SUBMITTING: Submission.Outcome.CLAIMED,
    State.UNKNOWN: Submission.Outcome.UNKNOWN,
    State.FAILED: Submission.Outcome.NOT_CHARGED,
    State.BLOCKED: Submission.Outcome.NOT_CHARGED,
    State.RUNNING: Submission.Outcome.ACCEPTED,
    State.INTERRUPTED: Submission.Outcome.ACCEPTED,
    State.DOWNLOADING: Submission.Outcome.ACCEPTED,
    State.NOT_DOWNLOADED: Submission.Outcome.ACCEPTED,
    State.DONE: Submission.Outcome.ACCEPTED,
}


def make_render(shot, state=State.QUEUED, *, touched_ago=0, submission=None, **values):
    """A render as it is in that state, with the submission that led there. `touched_ago`: seconds
    since anybody worked on it; `submission`: values of the Submission, False for none."""
    now = timezone.now()
    moment = now - timedelta(seconds=touched_ago)
    backend = values.get("backend", "simulator")
    fields = {
        "shot": shot,
        "batch": values.get("batch") or make_batch(shot.scenelet.story),
        "lane": values.get("lane") or make_lane(backend),
        "kind": "rehearsal" if state == State.REHEARSED else "generation",
        "mode": "default",
        "state": state,
        "state_since": moment,
        "beat_at": moment,
        "backend": backend,
        "model": "veo-3.1-generate-preview",
        "aspect_ratio": "16:9",
        "resolution": "1080p",
        "duration_seconds": 8,
        "prompt_text": '{"storyboard_payload": {}}',
        "prompt_tokens": 7,
        "is_simulated": backend == "simulator",
    }
    number = VideoRender.objects.count() + 1
    if state in (State.RUNNING, State.INTERRUPTED, State.DOWNLOADING, State.NOT_DOWNLOADED):
        fields["operation_name"] = f"models/veo-3.1-generate-preview/operations/op{number}"
    if state in (State.DOWNLOADING, State.NOT_DOWNLOADED):
        fields["download_uri"] = f"http://127.0.0.1:9/v1beta/files/file{number}:download?alt=media"
    if state == State.DONE:
        taken = VideoRender.objects.filter(shot=shot).exclude(take=None).count()
        fields |= {"take": taken + 1, "video_file": f"take-{number}.mp4"}
    if state in ENDED:
        fields["ended_at"] = moment
    if submission is not False and state in _OUTCOMES and fields["kind"] == "generation":
        fields["claimed_at"] = moment
    render = VideoRender.objects.create(**fields | values)
    if submission is not False and state in _OUTCOMES and render.kind == "generation":
        defaults = {"outcome": _OUTCOMES[state], "claimed_at": moment}
        make_submission(render, **defaults | (submission or {}))
    return render


def force(which, **changes):
    """Write into a render, or into a queryset of them, whatever the state machine says of it; what
    is derived from the columns follows. `which` itself stays as it was read. How many rows."""
    rows = VideoRender.objects.filter(pk=which.pk) if isinstance(which, VideoRender) else which
    return rows.transition(**changes)


def make_submission(render, outcome=Submission.Outcome.CLAIMED, **values):
    return Submission.objects.create(
        **{
            "render": render,
            "lane": render.lane,
            "owner": this_process(),
            "price_usd": Decimal("3.20"),
            "outcome": outcome,
            "operation_name": render.operation_name,
            "answered_at": None if outcome == "claimed" else timezone.now(),
        }
        | values
    )


def make_price(usd, *, model="veo-3.1-generate-preview", resolution="1080p", days_ago=0, **values):
    """What a second costs since so many days ago: newer than what the installation comes with."""
    return Price.objects.create(
        model=model,
        resolution=resolution,
        usd_per_second=Decimal(usd),
        since=timezone.localdate() - timedelta(days=days_ago),
        **{"source": "invoice of the test"} | values,
    )


def make_budget(limit, **values):
    """Of everything, of a story, or of a person's day with scope="person_day"."""
    scope = "story" if "story" in values else "person_day" if "user" in values else "overall"
    return Budget.objects.create(**{"scope": scope, "limit_usd": Decimal(limit)} | values)


def make_notice(**values):
    number = Notice.objects.count() + 1
    fields = {
        "kind": "queue_paused",
        "key": f"queue_paused:{number}",
        "subject": f"Notice {number}",
        "text": "It happened.",
        "path": "/admin/",
    }
    return Notice.objects.create(**fields | values)
