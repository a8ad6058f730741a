from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from . import views
from .api.door import api_door
from .views.guests.access import guest_link_without_slash, nothing_there
from .views.media import media
from .views.webhooks import video_events


def guest_view(
    find: Callable[[], Callable[..., HttpResponseBase]],
) -> Callable[..., HttpResponseBase]:
    """A view for guests. It is found, and its module imported, when the first guest comes."""

    @csrf_exempt  # `for_guests` says why
    def show(request: HttpRequest, **kwargs: object) -> HttpResponseBase:
        return find()(request, **kwargs)

    return show


urlpatterns = [
    path("media/<path:path>", media, name="media"),
    path("api/v1/<path:rest>", api_door, name="api"),
    path("events/video/", video_events, name="video_events"),
    # docs/production.md tells web servers to keep these out of their logs: who has one may open it.
    path("share/<str:token>", guest_link_without_slash),
    path("share/<str:token>/", guest_view(lambda: views.guests.page.guest_page), name="guest_page"),
    path(
        "share/<str:token>/film.mp4",
        guest_view(lambda: views.guests.files.guest_film),
        name="guest_film",
    ),
    path(
        "share/<str:token>/clips/<int:shot>.mp4",
        guest_view(lambda: views.guests.files.guest_clip),
        name="guest_clip",
    ),
    path(
        "share/<str:token>/posters/<int:shot>.jpg",
        guest_view(lambda: views.guests.files.guest_poster),
        name="guest_poster",
    ),
    path(
        "share/<str:token>/stills/<int:shot>",
        guest_view(lambda: views.guests.files.guest_still),
        name="guest_still",
    ),
    path(
        "share/<str:token>/captions/<int:shot>.vtt",
        guest_view(lambda: views.guests.files.guest_captions),
        name="guest_captions",
    ),
    path("share/<path:rest>", nothing_there),
]
