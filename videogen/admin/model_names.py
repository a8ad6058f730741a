"""Which names people may give a model."""

from __future__ import annotations

from django.core.exceptions import ValidationError


def check_model_name(name: str) -> None:
    """Raise ValidationError unless it is a bare name. `models/veo-3` and `veo%2D3` would reach the
    same model as `veo-3`, and a price of their own would count instead of that model's."""
    from videogen.providers.errors import is_model_name

    if not is_model_name(name):
        raise ValidationError(
            "A model's name has letters, digits, points, hyphens and underscores only, and nothing "
            "before it: veo-3.1-generate-preview, not models/veo-3.1-generate-preview.",
            code="model_name",
        )
