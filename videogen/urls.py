from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from . import views
from .api.door import api_door
from .views.webhooks import video_events

View = Callable[..., HttpResponseBase]


def on_demand(find: Callable[[], View]) -> View:
    """A view that is found, and its module imported, when the first request comes."""

    def show(request: HttpRequest, **kwargs: object) -> HttpResponseBase:
        return find()(request, **kwargs)

    return show


def guest_view(find: Callable[[], View]) -> View:
    """The same for guests."""
    return csrf_exempt(on_demand(find))  # `for_guests` says why


urlpatterns = [
    path("media/<path:path>", on_demand(lambda: views.media.media), name="media"),
    path("api/v1/<path:rest>", api_door, name="api"),
    path("events/video/", video_events, name="video_events"),
    # docs/production.md tells web servers to keep these out of their logs: who has one may open it.
    path("share/<str:token>", on_demand(lambda: views.guests.access.guest_link_without_slash)),
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
    path("share/<path:rest>", on_demand(lambda: views.guests.access.nothing_there)),
]
