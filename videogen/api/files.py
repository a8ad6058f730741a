"""Files: an operation redirects to a signed address, which sends the file without a token.

A player or a download tool follows the redirect without the Authorization header. The address names
one file and the token that asked for it, works for five minutes, and no longer than the token.
"""

from __future__ import annotations

from django.core import signing
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from ninja import Router

from videogen.models import ApiToken
from videogen.views.media import Delivery, send_file

from .access import SEE_RENDERS

router = Router()

VALID_SECONDS = 300
_SALT = "videogen.api.files"


def redirect_to_file(request: HttpRequest, path: str) -> HttpResponseRedirect:
    """path: relative to MEDIA_ROOT."""
    token: ApiToken = request.api_token  # type: ignore[attr-defined]
    signed = signing.dumps({"file": path, "token": token.pk}, salt=_SALT)
    return HttpResponseRedirect(f"/api/v1/files/{signed}")


@router.api_operation(["GET", "HEAD"], "/files/{signed}", auth=None, include_in_schema=False)
def get_file(request: HttpRequest, signed: str) -> HttpResponseBase:
    try:
        given = signing.loads(signed, salt=_SALT, max_age=VALID_SECONDS)
    except signing.BadSignature as error:
        raise Http404 from error
    token = ApiToken.objects.valid().select_related("user").filter(pk=given["token"]).first()
    if token is None or not token.user.has_perms(SEE_RENDERS):
        raise Http404
    return send_file(request, given["file"], Delivery("no-store"))
