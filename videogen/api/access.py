"""Which token may do what. An operation names the scope that its token needs and the permissions
that its person needs; a token without a scope or a person without a permission is told which."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.security import HttpBearer

from videogen.models import ApiToken, RenderBatch
from videogen.models.people import Requester

from .problems import ApiProblem

READ, REVIEW, SPEND = ApiToken.Scope.READ, ApiToken.Scope.REVIEW, ApiToken.Scope.SPEND

# What the pages ask for, by what is looked at or done.
SEE_STORIES = ("storybook.view_story", "storybook.view_scenelet")
SEE_DIRECTIONS = ("storybook.view_shot", "videogen.view_direction")
SEE_DESIGNS = ("storybook.view_designdocument",)
SEE_RENDERS = ("storybook.view_shot", "videogen.view_videorender")
SEE_BATCHES = (*SEE_RENDERS, "videogen.view_renderbatch")
SEE_MONEY = ("videogen.view_submission",)
SEE_EVENTS = ("videogen.view_notice",)
IMPORT = ("storybook.add_story", "storybook.change_story")
DIRECT = ("videogen.add_direction", "videogen.change_direction")
JUDGE = (*SEE_RENDERS, "videogen.review_video")
GENERATE = (*SEE_BATCHES, "videogen.generate_video")


class Token(HttpBearer):
    """Lets a request through whose token has the scope and whose person has the permissions."""

    def __init__(self, scope: ApiToken.Scope, permissions: tuple[str, ...]) -> None:
        super().__init__()
        self.scope = scope
        self.permissions = permissions

    def __call__(self, request: HttpRequest) -> ApiToken | None:
        token: ApiToken | None = getattr(request, "api_token", None)
        if token is None:
            return None
        if not token.has_scope(self.scope):
            raise ApiProblem(
                403,
                "scope",
                f"The token's scope is {token.scope}, and this needs {self.scope.value}.",
                scope=self.scope.value,
            )
        missing = [each for each in self.permissions if not token.user.has_perm(each)]
        if missing:
            raise ApiProblem(
                403, "not_allowed", "The token's person may not do this.", permissions=missing
            )
        return token

    def authenticate(self, request: HttpRequest, token: str) -> None:
        """Never called: `__call__` uses what the middleware found out."""


def rights(scope: ApiToken.Scope, *permissions: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments of an operation that say what it needs."""
    needed = tuple(dict.fromkeys(each for group in permissions for each in group))
    return {
        "auth": Token(scope, needed),
        "openapi_extra": {"x-scope": scope.value, "x-permissions": list(needed)},
    }


def person_of(request: HttpRequest) -> User:
    token: ApiToken = request.api_token  # type: ignore[attr-defined]
    return token.user


def requester_of(request: HttpRequest) -> Requester:
    user = person_of(request)
    return Requester(RenderBatch.Door.API, user=user, name=user.get_username())
