"""Who sent a request, and whether they may open a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from storybook.models import Shot
from videogen.models import RenderBatch

if TYPE_CHECKING:
    from videogen.models.people import Requester

REVIEW = "videogen.review_video"
GENERATE = "videogen.generate_video"
DIRECT = ("videogen.add_direction", "videogen.change_direction")


def require(request: HttpRequest, model_admin: ModelAdmin[Any], *permissions: str) -> None:
    """Raise PermissionDenied for people who may not see takes or who lack one of `permissions`."""
    shots = model_admin.admin_site.get_model_admin(Shot)
    if not (
        shots.has_view_permission(request)
        and request.user.has_perm("videogen.view_videorender")
        and request.user.has_perms(permissions)
    ):
        raise PermissionDenied


def signed_in(request: HttpRequest) -> User:
    """Return the person who sent the request: the admin answers nobody who has not signed in."""
    return cast(User, request.user)


def requester_of(request: HttpRequest) -> Requester:
    from videogen.models.people import Requester

    user = signed_in(request)
    return Requester(RenderBatch.Door.ADMIN, user=user, name=user.get_username())
