"""Strict checks of an interaction that asks for a video.

Whatever the real service would refuse is refused here, and more. The parsed body of
`POST interactions` becomes an `InteractionRequest` or an `ApiError`.

Documented (ai.google.dev/gemini-api/docs/omni and google-genai 2.34.0's types) are the fields, the
values of task, delivery, resolution and aspect ratio, durations "3s" to "10s" as strings,
`<IMAGE_REF_n>` counted from 0, no negative prompt, system instruction or temperature, and
`background` only with `store`.

Guessed, and always on the strict side, are that pictures come before the text, that there are at
most ten of them, that a tag without its picture is refused, and the words of the refusals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from videogen.simulator.errors import bad_field, invalid_argument, unsupported_by_model
from videogen.simulator.models import INTERACTIONS, find_model
from videogen.simulator.validation import (
    ReceivedRequest,
    SentPicture,
    check_picture,
    check_webhook,
    choice,
    known_fields,
    message,
)

FIELDS = frozenset(
    {
        "model",
        "input",
        "background",
        "store",
        "stream",
        "response_format",
        "generation_config",
        "webhook_config",
        "labels",
    }
)
# Fields that the API has, but not for these models, or not for what is simulated here.
UNSUPPORTED = frozenset(
    {
        "agent",
        "cached_content",
        "continuation_token",
        "environment",
        "previous_interaction_id",
        "response_mime_type",
        "response_modalities",
        "safety_settings",
        "service_tier",
        "system_instruction",
        "tools",
    }
)
FORMAT_FIELDS = frozenset({"type", "aspect_ratio", "resolution", "duration", "delivery"})
CONFIG_FIELDS = frozenset({"video_config", "seed", "thinking_level", "thinking_summaries"})
RESOLUTIONS = ("360p", "720p", "1080p", "4k")
TASKS = ("text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale")
MAX_PICTURES = 10
_DURATION = re.compile(r"([3-9]|10)s")
_TAG = re.compile(r"<IMAGE_REF_(\d+)>")


@dataclass(frozen=True)
class InteractionRequest(ReceivedRequest):
    """A checked request. `parameters` is the body without its input."""

    duration: int = 8
    size: str = "720p"
    delivery: str = "inline"

    @property
    def seconds(self) -> int:
        return self.duration

    @property
    def resolution(self) -> str:
        return self.size


def check_interaction(payload: dict[str, Any]) -> InteractionRequest:
    """Return the checked request. Raises a 404 for the model and a 400 for everything else."""
    for name in UNSUPPORTED & payload.keys():
        raise unsupported_by_model(name)
    known_fields(payload, FIELDS, "")
    wanted_model = payload.get("model")
    if not isinstance(wanted_model, str) or not wanted_model:
        raise bad_field("model", "`model` must be a string that is not empty.")
    model = find_model(wanted_model.removeprefix("models/"), INTERACTIONS)
    prompt, pictures = _check_input(payload.get("input"))
    _check_way(payload)
    wanted = _check_format(payload.get("response_format", {}))
    if wanted["resolution"] not in model.resolutions:
        raise unsupported_by_model("resolution")
    _check_config(payload.get("generation_config", {}), len(pictures))
    webhook = payload.get("webhook_config")
    if webhook is not None:
        check_webhook(message(webhook, "webhook_config"))
    return InteractionRequest(
        model=model,
        prompt=prompt,
        references=pictures,
        first_frame=None,
        parameters={key: value for key, value in payload.items() if key != "input"},
        webhook=webhook,
        duration=int(wanted["duration"].removesuffix("s")),
        size=wanted["resolution"],
        delivery=wanted["delivery"],
    )


def _check_input(value: Any) -> tuple[str, tuple[SentPicture, ...]]:
    """Return the text and the pictures.

    The input is a plain string, a list of contents or, as the SDK sends it, one `user_input` step
    with such a list.
    """
    if isinstance(value, str):
        value = [{"type": "text", "text": value}]
    if not isinstance(value, list) or not value:
        raise bad_field("input", "`input` must be a string or a list that is not empty.")
    at = "input"
    if isinstance(value[0], dict) and value[0].get("type") == "user_input":
        if len(value) != 1:
            raise invalid_argument("Only one turn is supported for this model.")
        known_fields(value[0], {"type", "content"}, "input[0]")
        value, at = value[0].get("content"), "input[0].content"
        if not isinstance(value, list) or not value:
            raise bad_field(at, "`content` must be a list that is not empty.")
    *images, last = [message(each, f"{at}[{index}]") for index, each in enumerate(value)]
    if last.get("type") != "text":
        raise bad_field(f"{at}[{len(images)}]", "The last part of the input must be its text.")
    known_fields(last, {"type", "text"}, f"{at}[{len(images)}]")
    prompt = last.get("text")
    if not isinstance(prompt, str) or not prompt.strip():
        raise bad_field(f"{at}[{len(images)}].text", "The text must not be empty.")
    if len(images) > MAX_PICTURES:
        raise invalid_argument(f"At most {MAX_PICTURES} images are supported, got {len(images)}.")
    pictures = tuple(_check_image(each, f"{at}[{n}]") for n, each in enumerate(images))
    for number in map(int, _TAG.findall(prompt)):
        if number >= len(pictures):
            raise invalid_argument(
                f"The prompt refers to <IMAGE_REF_{number}> but has {len(pictures)} images."
            )
    return prompt, pictures


def _check_image(image: dict[str, Any], at: str) -> SentPicture:
    if image.get("type") != "image":
        raise bad_field(f"{at}.type", f"Unsupported content {image.get('type')!r} before the text.")
    known_fields(image, {"type", "data", "mime_type"}, at)
    return check_picture(image.get("data"), image.get("mime_type"), at, ("data", "mime_type"))


def _check_way(payload: dict[str, Any]) -> None:
    for name in ("background", "store", "stream"):
        if not isinstance(payload.get(name, False), bool):
            raise bad_field(name, f"`{name}` must be a boolean.")
    if payload.get("background") and not payload.get("store", True):
        raise invalid_argument("`background` requires `store` to be true.")
    if not payload.get("background") or payload.get("stream"):
        # Only the simulator refuses this. The service would answer when the video is made.
        raise invalid_argument("The simulator knows background interactions without stream only.")


def _check_format(value: Any) -> dict[str, str]:
    """Return aspect ratio, resolution, duration and delivery, with defaults for missing ones."""
    if isinstance(value, list):
        if len(value) != 1:
            raise bad_field("response_format", "`response_format` must hold exactly one format.")
        value = value[0]
    wanted = message(value, "response_format")
    known_fields(wanted, FORMAT_FIELDS, "response_format")
    if wanted.get("type", "video") != "video":
        raise bad_field("response_format.type", "The response format of this model is video.")
    duration = wanted.get("duration", "8s")
    if not isinstance(duration, str) or not _DURATION.fullmatch(duration):
        raise bad_field(
            "response_format.duration",
            f'Invalid duration {duration!r}: must be a string from "3s" to "10s".',
        )
    return {
        "duration": duration,
        "aspect_ratio": choice(wanted, "aspect_ratio", ("16:9", "9:16"), "16:9"),
        "resolution": choice(wanted, "resolution", RESOLUTIONS, "720p"),
        "delivery": choice(wanted, "delivery", ("inline", "uri"), "inline"),
    }


def _check_config(value: Any, pictures: int) -> None:
    config = message(value, "generation_config")
    known_fields(config, CONFIG_FIELDS, "generation_config")
    seed = config.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise bad_field("generation_config.seed", "`seed` must be an integer.")
    video = message(config.get("video_config", {}), "generation_config.video_config")
    known_fields(video, {"task"}, "generation_config.video_config")
    if "task" not in video:
        return
    task = choice(video, "task", TASKS, "")
    if task in ("edit", "extend", "upscale"):
        raise invalid_argument(f"The task {task} needs an input video.")
    if task == "text_to_video" and pictures:
        raise invalid_argument("The task text_to_video takes no images.")
    if task != "text_to_video" and not pictures:
        raise invalid_argument(f"The task {task} needs at least one image.")
    if task == "image_to_video" and pictures > 2:
        raise invalid_argument("The task image_to_video takes a first and a last frame.")
