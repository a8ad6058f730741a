"""Find takes that are out of date: the story has changed, so another request would be sent now.

Only the story counts. A take is compared with the request that its own settings would make of the
present story, so a change of settings, or of our own instructions in the prompt, makes no take out
of date. Nothing is rendered again automatically.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import F, Prefetch, QuerySet

from storybook.importer.effects import Effect, NamedShot
from storybook.models import DesignDocument, KeyFrame, Picture, Shot, Story
from videogen.common.task_queue import broker_errors
from videogen.models import Direction, ReferenceChoice, RenderBatch, VideoRender
from videogen.models.problems import Problem
from videogen.prompts.fingerprints import hashes_of
from videogen.prompts.prompt import Prompt, arrange_prompt

from .plan import ShotPlan, content_of, plan_shots
from .request_diff import Differences, differences
from .shot_status import current_standings

OURS = "critical_instruction"
KEPT_FOR = 24 * 3600
_LOOKED_AT = (
    "shot",
    "take",
    "prompt_text",
    "prompt_profile",
    "prompt_limit",
    "references",
    "content_sha256",
    "backend",
    "model",
    "aspect_ratio",
    "resolution",
    "duration_seconds",
    "reference_type",
)


@dataclass(frozen=True)
class Change:
    """What has changed in the story since `take` was made."""

    take: VideoRender
    # What would be sent now: a render that is not stored.
    now: VideoRender
    # Why nothing could be sent now.
    missing: Sequence[Problem] = ()

    @property
    def differences(self) -> Differences:
        return differences(self.now, self.take)


def usable_key_frames(**conditions: object) -> QuerySet[KeyFrame]:
    """Those that have a picture, in their order, each with the name of its `picture_file`."""
    frames = KeyFrame.objects.filter(picture__file__gt="", **conditions)
    return frames.annotate(picture_file=F("picture__file")).order_by("position")


def with_key_frames(shots: QuerySet[Shot]) -> QuerySet[Shot]:
    """Prefetch the usable key frames of each shot as `frames_with_picture`. One more query."""
    return shots.prefetch_related(
        Prefetch("key_frames", usable_key_frames(), to_attr="frames_with_picture")
    )


def outdated_shots(story: Story, shots: Iterable[Shot]) -> frozenset[int]:
    """Those of the story's `shots` whose selected or approved take is out of date.

    shots: with their `current_standings`, each of which has the `used_take_content_sha256`, and as
    with_key_frames() loads them. What was found about a take stays in the cache until the story or
    the take's shot changes; if another take is selected, only that one is looked at. Makes four
    queries if the cache knows all of them, and none if no take is selected.
    """
    used = {
        shot.pk: (shot, standing.used_take_id, standing.used_take_content_sha256)
        for shot in shots
        for standing in shot.current_standings  # type: ignore[attr-defined]
        if standing.used_take_content_sha256
    }
    if not used:
        return frozenset()
    mark, marks = _mark_of(story), _marks_of(used)
    key = f"outdated-shots-{story.pk}"
    kept = _from_cache(key)
    # By the mark of a take: whether it is out of date.
    known: dict[str, bool] = kept[1] if kept and kept[0] == mark else {}
    unknown = [shot for shot in used if marks[shot] not in known]
    if unknown:
        changes = find_changes(story, [used[shot][1] for shot in unknown])
        outdated = {change.take.shot_id for change in changes}
        known = known | {marks[shot]: shot in outdated for shot in unknown}
        # With Redis as the broker the cache is there, too, and may be away.
        with suppress(*broker_errors()):
            cache.set(key, (mark, known), KEPT_FOR)
    return frozenset(shot for shot in used if known[marks[shot]])


def effects_of_import(story: Story) -> Iterator[Effect]:
    """Say which takes in use are out of date with the story as it is now. A fixed number of
    queries."""
    used = current_standings(shot__scenelet__story=story, used_take__isnull=False)
    takes = list(used.values_list("used_take", flat=True))
    outdated = {change.take.shot_id for change in find_changes(story, takes)} if takes else set()
    if outdated:
        shots = Shot.objects.filter(pk__in=outdated).select_related("scenelet")
        named = tuple(map(NamedShot.of, shots.order_by("scenelet__place", "shot_index")))
        yield Effect("out_of_date", "Takes in use that would be out of date", named)


def _from_cache(key: str) -> Any:
    try:
        return cache.get(key)
    except broker_errors():
        return None


def find_changes(story: Story, takes: Collection[int]) -> list[Change]:
    """What has changed since each of these takes, which are of different shots of the story. Takes
    that are up to date, and those that nobody asked an API for, are missing in the result. A fixed
    number of queries."""
    renders = VideoRender.objects.filter(pk__in=takes).exclude(content_sha256="")
    asked = {each.shot_id: each for each in renders.only(*_LOOKED_AT)}
    left = dict(asked)
    current = bool(settings.VIDEO_USE_KEY_FRAMES)
    rows = _drop_fresh(story, left, current)
    if left:
        # What VIDEO_USE_KEY_FRAMES said when the request was put together; None: not kept.
        batches = VideoRender.objects.filter(pk__in=[take.pk for take in left.values()])
        used = dict(batches.values_list("pk", "batch__uses_key_frames"))
        others = {shot: take for shot, take in left.items() if used[take.pk] is not current}
        # A take of which it is not known is up to date if it is so either way.
        for shot, row in _drop_fresh(story, others, not current).items():
            if shot not in others:
                del left[shot]
            elif used[left[shot].pk] is not None:
                rows[shot] = row
    changes = (_change(take, rows[shot]) for shot, take in left.items() if shot in rows)
    return [change for change in changes if change]


def _drop_fresh(
    story: Story, takes: dict[int, VideoRender], use_key_frames: bool
) -> dict[int, ShotPlan]:
    """Remove the takes that equal what would be sent now. Returns what would be sent, by shot."""
    if not takes:
        return {}
    shots = Shot.objects.filter(pk__in=takes)
    # A dry run puts every request together, whatever renders the shot has.
    plan = plan_shots(
        story, shots, RenderBatch.Mode.DRY_RUN, use_key_frames=use_key_frames, are_named=True
    )
    rows = {row.shot.pk: row for row in plan.rows}
    for shot, row in rows.items():
        take = takes[shot]
        if content_of(row) == take.content_sha256 or _change(take, row) is None:
            del takes[shot]
    return rows


def _change(take: VideoRender, row: ShotPlan) -> Change | None:
    """Return what has changed; None if only our own instructions differ."""
    if row.prompt is None:
        return Change(take, VideoRender(shot_id=take.shot_id), row.impossible)
    now = VideoRender(
        shot_id=take.shot_id,
        prompt_text=_prompt_now(take, row.prompt).text,
        prompt_profile=take.prompt_profile,
        references=[pick.as_dict() for pick in row.selection.picks],
        backend=take.backend,
        model=take.model,
        aspect_ratio=take.aspect_ratio,
        resolution=take.resolution,
        duration_seconds=take.duration_seconds,
        reference_type=take.reference_type,
    )
    if hashes_of(now)["content_sha256"] == take.content_sha256:
        return None
    return Change(take, now, row.impossible)


def _prompt_now(take: VideoRender, prompt: Prompt) -> Prompt:
    """What would be sent now in the profile of the take, with the take's words of ours."""
    try:
        asked = json.loads(take.prompt_text)
    except ValueError:
        asked = None
    ours = {OURS: asked[OURS]} if isinstance(asked, dict) and OURS in asked else {}
    return arrange_prompt(
        {**prompt.whole, **ours},
        limit=take.prompt_limit or prompt.limit,
        profile=take.prompt_profile,
    )


def _mark_of(story: Story) -> str:
    """A hash that changes with anything that all prompts of the story and their references are made
    of."""
    documents = DesignDocument.objects.filter(story=story).order_by("pk")
    pictures = Picture.objects.filter(story=story).order_by("pk")
    directions = Direction.objects.on().filter(story=story)
    return _hash_of(
        list(documents.values_list("pk", "updated_at")),
        list(pictures.values_list("pk", "path", "sha256")),
        list(directions.values_list("pk", flat=True)),
    )


def _marks_of(used: Mapping[int, tuple[Shot, int, str]]) -> dict[int, str]:
    """By shot: a hash that changes with its take, and with what only its own prompt is made of."""
    choices: dict[int, list[tuple[Any, ...]]] = {}
    columns = ("shot", "kind", "reference_id", "choice", "position")
    rows = ReferenceChoice.objects.filter(shot__in=used).order_by("pk")
    for shot_pk, *values in rows.values_list(*columns):
        choices.setdefault(shot_pk, []).append(tuple(values))
    return {
        pk: _hash_of(
            take,
            content,
            shot.storyboard_payload,
            _frames_of(shot),
            choices.get(pk, []),
        )
        for pk, (shot, take, content) in used.items()
    }


def _hash_of(*facts: object) -> str:
    return hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()


def _frames_of(shot: Shot) -> list[tuple[int, int]]:
    frames = shot.frames_with_picture  # type: ignore[attr-defined]
    return [(frame.position, frame.picture_id) for frame in frames]
