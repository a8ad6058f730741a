"""The models that the simulated key has on the Gemini API, what each can do and what it costs.

Those of Vertex AI are in endpoints/vertex.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from videogen.simulator.errors import ApiError, model_not_found, model_retired

LONG_RUNNING = "predictLongRunning"
# Which method models.list names for a model of interactions is not documented.
INTERACTIONS = "createInteraction"

# Approximate prices, because the service counts tokens.
OMNI_USD = (("360p", 0.03), ("720p", 0.10), ("1080p", 0.152), ("4k", 0.30))


@dataclass(frozen=True)
class Model:
    name: str
    title: str
    methods: tuple[str, ...] = (LONG_RUNNING,)
    takes_references: bool = True
    resolutions: tuple[str, ...] = ("720p", "1080p", "4k")
    usd_per_second: tuple[tuple[str, float], ...] = ()
    is_retired: bool = False

    @property
    def resource(self) -> dict[str, Any]:
        """The model as `GET /v1beta/models` lists it."""
        is_video = LONG_RUNNING in self.methods
        return {
            "name": f"models/{self.name}",
            "version": "3.1" if is_video else "001",
            "displayName": self.title,
            "description": f"{self.title} (simulated)",
            "inputTokenLimit": 1024 if is_video else 1_048_576,
            "outputTokenLimit": 8192 if is_video else 65_536,
            "supportedGenerationMethods": list(self.methods),
        }

    def cost(self, resolution: str, seconds: int) -> float:
        """Return what one video costs in US dollars."""
        return dict(self.usd_per_second).get(resolution, 0.0) * seconds


CATALOGUE = {
    model.name: model
    for model in (
        Model(
            "veo-3.1-generate-preview",
            "Veo 3.1",
            usd_per_second=(("720p", 0.40), ("1080p", 0.40), ("4k", 0.60)),
        ),
        Model(
            "veo-3.1-fast-generate-preview",
            "Veo 3.1 fast",
            usd_per_second=(("720p", 0.10), ("1080p", 0.12), ("4k", 0.30)),
        ),
        Model(
            "veo-3.1-lite-generate-preview",
            "Veo 3.1 lite",
            takes_references=False,
            resolutions=("720p", "1080p"),
            usd_per_second=(("720p", 0.05), ("1080p", 0.08)),
        ),
        Model(
            "gemini-omni-1.1-flash",
            "Gemini Omni 1.1 Flash",
            methods=(INTERACTIONS,),
            resolutions=("360p", "720p", "1080p", "4k"),
            usd_per_second=OMNI_USD,
        ),
        Model(
            "gemini-omni-1.2-flash",
            "Gemini Omni 1.2 Flash",
            methods=(INTERACTIONS,),
            resolutions=("360p", "720p", "1080p", "4k"),
            usd_per_second=OMNI_USD,
        ),
        Model("gemini-omni-flash-preview", "Gemini Omni", (INTERACTIONS,), is_retired=True),
        Model("veo-2.0-generate-001", "Veo 2", is_retired=True),
        Model("gemini-2.5-flash", "Gemini 2.5 Flash", methods=("generateContent", "countTokens")),
    )
}


def listed_models() -> list[Model]:
    return [model for model in CATALOGUE.values() if not model.is_retired]


def find_model(name: str, method: str = LONG_RUNNING) -> Model:
    """Return the model. Raises Google's 404 for an unknown or a retired one."""
    model = CATALOGUE.get(name)
    if model is not None and model.is_retired:
        raise model_retired(name)
    if model is None or (method and method not in model.methods):
        raise model_not_found(name, method)
    return model


def get_model(name: str) -> dict[str, Any]:
    """Return a model's resource. Raises the 404 of `models.get`."""
    model = CATALOGUE.get(name)
    if model is None or model.is_retired:
        raise ApiError(404, f"Model is not found: models/{name} for api version v1beta")
    return model.resource
