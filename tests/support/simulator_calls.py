"""Requests to the simulator that are right in every part, for tests to spoil."""

from __future__ import annotations

import base64
import io
from typing import Any

from PIL import Image

KEY = "a-key"
MODEL = "veo-3.1-generate-preview"


SUBMIT = f"/v1beta/models/{MODEL}:predictLongRunning"
POLL_SECONDS = 0.02


def picture(colour: str = "teal", format: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 36), colour).save(buffer, format)
    return buffer.getvalue()


def reference(content: bytes | None = None, mime_type: str = "image/png") -> dict[str, Any]:
    encoded = base64.b64encode(picture() if content is None else content).decode()
    return {
        "image": {"bytesBase64Encoded": encoded, "mimeType": mime_type},
        "referenceType": "ASSET",
    }


def submission(prompt: str = "A fox on a quay.") -> dict[str, Any]:
    """A body that is right in every part, for tests to spoil."""
    return {
        "instances": [{"prompt": prompt, "referenceImages": [reference()]}],
        "parameters": {
            "sampleCount": 1,
            "durationSeconds": 8,
            "aspectRatio": "16:9",
            "resolution": "1080p",
        },
    }


def link(operation: dict[str, Any]) -> str:
    return operation["response"]["generateVideoResponse"]["generatedSamples"][0]["video"]["uri"]
