"""A story as its producers know it.

It is a tree of scenelets with storyboard shots. Two design documents define its look and its sound,
and both these and the shots refer to pictures.
"""

from __future__ import annotations

import re

from django.db import models
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from .fields import DocumentField
from .picture_flaws import flaw_sentences


class StoryQuerySet(models.QuerySet["Story"]):
    def not_archived(self) -> StoryQuerySet:
        """The stories that people work on."""
        return self.filter(archived_at=None)


class Story(models.Model):
    story_id = models.CharField(
        max_length=200,
        unique=True,
        help_text="The id that the exporting tool gave: a UUID or a slug.",
    )
    title = models.CharField(max_length=500)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since then it is out of the way: nothing of it is deleted or generated.",
    )

    objects = StoryQuerySet.as_manager()

    class Meta:
        ordering = ["title", "story_id"]
        verbose_name_plural = "stories"
        indexes = [
            # Lists of shots are sorted by their story first. With it, a page of thousands of shots
            # needs no more than those of the first stories.
            models.Index(fields=["title", "story_id"], name="stories_by_title"),
        ]

    def __str__(self) -> str:
        return self.title or self.story_id

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


class DesignDocument(models.Model):
    class Kind(models.TextChoices):
        VISUAL = "visual", "visual design"
        AUDIO = "audio", "audio design"

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="design_documents")
    kind = models.CharField(max_length=10, choices=Kind)
    document = DocumentField(
        help_text="The document as JSON. Key order and unknown keys are kept as they are."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["story", "-kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["story", "kind"], name="one_design_document_of_a_kind_per_story"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.story}"


class Scenelet(models.Model):
    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="scenelets")
    scenelet_id = models.CharField(max_length=200)
    sequence = models.IntegerField(help_text="Order within the story.")
    place = models.PositiveIntegerField(
        default=0,
        editable=False,
        help_text="The place in the story's order, from 1: the S03 of its shots' codes.",
    )
    title = models.CharField(max_length=500, blank=True)
    description = models.TextField(blank=True)
    parent = models.ForeignKey(
        "self", on_delete=models.RESTRICT, null=True, blank=True, related_name="branches"
    )
    choice_label = models.TextField(blank=True, help_text="The reader's choice that leads here.")
    choice_prompt = models.TextField(
        blank=True, help_text="The question that the reader answers at the end of this scenelet."
    )
    is_branch_point = models.BooleanField(default=False)
    is_terminal = models.BooleanField(default=False, help_text="An ending of the story.")

    class Meta:
        ordering = ["story", "sequence", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["story", "scenelet_id"], name="scenelet_id_unique_within_story"
            )
        ]

    def __str__(self) -> str:
        return self.title or self.scenelet_id


def place_scenelets(story: int) -> None:
    """Count the story's scenelets through in their order. Reads them in one query and writes those
    whose place has changed.

    story: a primary key. Saving or deleting a scenelet does it; after a change in bulk it has to be
    called.
    """
    rows = Scenelet.objects.filter(story=story).order_by("sequence", "pk").only("place")
    moved = []
    for place, row in enumerate(rows, start=1):
        if row.place != place:
            row.place = place
            moved.append(row)
    Scenelet.objects.bulk_update(moved, ["place"], batch_size=500)


@receiver([post_save, post_delete], sender=Scenelet)
def _place_again(instance: Scenelet, raw: bool = False, **others: object) -> None:
    if not raw:
        place_scenelets(instance.story_id)


_code = re.compile(r"s(\d{1,9})-(\d{1,9})", re.IGNORECASE | re.ASCII)


def shot_code(place: int, shot_index: int) -> str:
    """Return the code of a shot from the place of its scenelet and its own index."""
    return f"S{place:02d}-{shot_index:02d}"


def read_shot_code(text: str) -> tuple[int, int] | None:
    """Return the scenelet's place and the shot's index that a code stands for, or None if it is no
    code."""
    match = _code.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


class Shot(models.Model):
    scenelet = models.ForeignKey(Scenelet, on_delete=models.CASCADE, related_name="shots")
    shot_index = models.PositiveIntegerField(help_text="Counts from 1 within the scenelet.")
    storyboard_payload = DocumentField(
        null=True, blank=True, help_text="Goes into the prompt whole and untouched."
    )
    gone_since = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="Since when the story's imported bundle does not have this shot any more.",
    )

    class Meta:
        ordering = ["scenelet__sequence", "scenelet", "shot_index"]
        constraints = [
            models.UniqueConstraint(
                fields=["scenelet", "shot_index"], name="shot_index_unique_within_scenelet"
            ),
            models.CheckConstraint(
                condition=models.Q(shot_index__gte=1), name="shot_index_counts_from_1"
            ),
        ]
        indexes = [
            # The lists and the stories' cards count what nothing can be sent for.
            models.Index(
                fields=["scenelet"],
                condition=models.Q(storyboard_payload=None) | models.Q(storyboard_payload={}),
                name="shots_without_storyboard",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.scenelet}"

    @property
    def code(self) -> str:
        """The shot's code, as people say it: `S03-02` is the second shot of the third scenelet."""
        return shot_code(self.scenelet.place, self.shot_index)


class Picture(models.Model):
    """An image file that a story's documents name, as the importer found it.

    The stored file's name contains the hash of its content, and the file is never overwritten. So
    one can still see what a render was made from after the story got a new picture under this path.
    """

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="pictures")
    path = models.CharField(
        max_length=1000,
        help_text="Below the bundle's image folder, without the exporter's prefixes.",
    )
    file = models.CharField(
        max_length=2000, blank=True, help_text="Relative to MEDIA_ROOT; empty where unusable."
    )
    mime_type = models.CharField(
        max_length=50, blank=True, help_text="What the bytes say, not the file extension."
    )
    byte_size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    problem = models.CharField(
        max_length=500, blank=True, help_text="Why the picture cannot be used as a reference."
    )
    flaws = models.JSONField(
        default=list,
        blank=True,
        help_text="What is odd about a picture that can be used: codes with their parameters.",
    )

    class Meta:
        ordering = ["story", "path"]
        constraints = [
            models.UniqueConstraint(
                fields=["story", "path"], name="picture_path_unique_within_story"
            ),
            models.CheckConstraint(
                condition=(models.Q(problem="", file__gt="") | models.Q(problem__gt="", file="")),
                name="picture_is_stored_or_has_a_problem",
            ),
        ]

    def __str__(self) -> str:
        return self.path

    @property
    def remarks(self) -> list[str]:
        """What is wrong with the picture, or odd about it, in sentences."""
        return [*([self.problem] if self.problem else []), *flaw_sentences(self.flaws)]


class KeyFrame(models.Model):
    shot = models.ForeignKey(Shot, on_delete=models.CASCADE, related_name="key_frames")
    position = models.PositiveIntegerField(help_text="Order within the shot, from 1.")
    picture = models.ForeignKey(Picture, on_delete=models.RESTRICT, related_name="key_frames")

    class Meta:
        ordering = ["shot", "position"]
        constraints = [
            models.UniqueConstraint(fields=["shot", "position"], name="key_frame_order_within_shot")
        ]

    def __str__(self) -> str:
        return f"{self.shot}, key frame {self.position}"
