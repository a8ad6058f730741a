"""Who may open a page, and who they are to the rest of the product."""

from __future__ import annotations

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from storybook.models import Shot
from videogen.models import RenderBatch
from videogen.models.people import Requester

REVIEW = "videogen.review_video"
GENERATE = "videogen.generate_video"


def require(request: HttpRequest, model_admin: ModelAdmin, *permissions: str) -> None:
    """PermissionDenied for those who may not see takes, or may not do what they ask for."""
    shots = model_admin.admin_site.get_model_admin(Shot)
    if not (
        shots.has_view_permission(request)
        and request.user.has_perm("videogen.view_videorender")
        and request.user.has_perms(permissions)
    ):
        raise PermissionDenied


def requester_of(request: HttpRequest) -> Requester:
    return Requester(RenderBatch.Door.ADMIN, user=request.user, name=request.user.get_username())
