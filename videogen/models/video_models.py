from __future__ import annotations

from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models

from storybook.models import Story

from .prompt_profiles import PromptProfile
from .routes import Route

RATIOS = RegexValidator(r"^\d+:\d+(, *\d+:\d+)*$", "Ratios, separated by commas: 16:9, 9:16")
SECONDS = RegexValidator(r"^\d+(, *\d+)*$", "Whole seconds, separated by commas: 4, 6, 8")
WORDS = RegexValidator(r"^\w+(, *\w+)*$", "Words, separated by commas: allow_adult, dont_allow")
# The limit of Google's APIs.
LARGEST_SEED = 2**32 - 1
# The most reference pictures that we send with one shot, even to a model that takes more: Veo 3.1
# takes three.
MAX_REFERENCES = 3


class VideoModel(models.Model):
    """What a model is known to accept. Google's pages contradict each other and change, so this is
    data, with the page where it was read."""

    name = models.CharField(max_length=100, unique=True, help_text="As the API names it.")
    route = models.CharField(max_length=10, choices=Route)
    prompt_limit_tokens = models.PositiveIntegerField(
        null=True, blank=True, help_text="What it reads of a prompt. Empty: not known."
    )
    max_references = models.PositiveSmallIntegerField(
        default=0, help_text="The most reference pictures that it takes; we never send more than 3."
    )
    takes_seed = models.BooleanField(default=False)
    takes_negative_prompt = models.BooleanField(default=False)
    person_generation = models.CharField(
        max_length=100,
        blank=True,
        validators=[WORDS],
        help_text="The values that it takes, separated by commas. Empty: the field is not sent.",
    )
    reference_person_generation = models.CharField(
        "person generation with references",
        max_length=100,
        blank=True,
        validators=[WORDS],
        help_text="The values that it takes with reference pictures. Empty: the same.",
    )
    shuts_down_on = models.DateField(
        null=True, blank=True, help_text="The earliest day on which it may be gone, as announced."
    )
    source = models.CharField(max_length=500, help_text="Where this was read.")
    checked_on = models.DateField(help_text="When it was read there.")

    class Meta:
        ordering = ["route", "name"]
        verbose_name = "video model"

    def __str__(self) -> str:
        return self.name


class VideoFormat(models.Model):
    """One resolution of a model, and the aspect ratios and durations that it can be combined
    with."""

    model = models.ForeignKey(VideoModel, on_delete=models.CASCADE, related_name="formats")
    resolution = models.CharField(max_length=10, help_text="720p, 1080p or 4k.")
    aspect_ratios = models.CharField(max_length=50, validators=[RATIOS])
    durations = models.CharField(max_length=50, validators=[SECONDS], help_text="seconds")
    reference_aspect_ratios = models.CharField(
        max_length=50,
        blank=True,
        validators=[RATIOS],
        help_text="With reference pictures. Empty: none of these at this resolution.",
    )
    reference_durations = models.CharField(
        max_length=50, blank=True, validators=[SECONDS], help_text="With reference pictures."
    )

    class Meta:
        ordering = ["model", "resolution"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "resolution"], name="one_format_per_resolution"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.resolution}"


class StorySettings(models.Model):
    """The options of one story where they differ from the settings. An empty field means: as the
    settings say."""

    story = models.OneToOneField(Story, on_delete=models.CASCADE, related_name="video_settings")
    model = models.CharField(
        max_length=100,
        blank=True,
        help_text="For final takes, and wherever nobody chooses another. Empty: VIDEO_MODEL.",
    )
    resolution = models.CharField(
        max_length=10, blank=True, help_text="Of final takes. Empty: VIDEO_RESOLUTION."
    )
    draft_model = models.CharField(
        max_length=100,
        blank=True,
        help_text="For drafts. Empty: the cheapest one with a known price.",
    )
    draft_resolution = models.CharField(
        max_length=10, blank=True, help_text="Of drafts. Empty: that of the draft model's price."
    )
    seed = models.PositiveBigIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(LARGEST_SEED)],
        help_text="Of all the story's videos, where the model takes one. Empty: VIDEO_SEED.",
    )
    negative_prompt = models.TextField(
        blank=True,
        help_text="What must not be seen, where the model takes it. Empty: VIDEO_NEGATIVE_PROMPT.",
    )
    person_generation = models.CharField(
        max_length=20,
        blank=True,
        help_text="Where the model takes it. Empty: VIDEO_PERSON_GENERATION.",
    )
    prompt_profile = models.CharField(
        max_length=10,
        blank=True,
        choices=PromptProfile,
        help_text="How prompts are put together. Empty: VIDEO_PROMPT_PROFILE.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "video settings"

    def __str__(self) -> str:
        return f"Video settings of {self.story}"

    @property
    def is_empty(self) -> bool:
        """Whether every option is left to the settings."""
        wishes = (
            self.model,
            self.resolution,
            self.draft_model,
            self.draft_resolution,
            self.negative_prompt,
            self.person_generation,
            self.prompt_profile,
        )
        return self.seed is None and not any(wishes)
