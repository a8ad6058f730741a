from __future__ import annotations

from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from videogen.views.takes.compare import compare_takes
from videogen.views.takes.page import takes_state
from videogen.views.takes.rerun import generate_exactly_this, promote
from videogen.views.takes.reviews import act_on_render, upload


class TakePages:
    """The addresses below a shot's takes, for the admin of the renders. Each view asks for a
    permission of its own."""

    def get_urls(self):
        view = self.admin_site.admin_view
        one = "shots/<int:shot_id>/<int:render_id>"
        own = [
            path("shots/<int:shot_id>/compare/", view(self.compare), name="videogen_takes_compare"),
            path("shots/<int:shot_id>/state/", view(self.state), name="videogen_takes_state"),
            path("shots/<int:shot_id>/upload/", view(self.upload), name="videogen_takes_upload"),
            path(f"{one}/generate/", view(self.exactly), name="videogen_takes_generate"),
            path(f"{one}/promote/", view(self.promote), name="videogen_takes_promote"),
            path(f"{one}/<slug:verb>/", view(self.act), name="videogen_takes_act"),
        ]
        return own + super().get_urls()

    @method_decorator(require_safe)
    def compare(self, request, shot_id):
        return compare_takes(self, request, shot_id)

    @method_decorator(require_safe)
    def state(self, request, shot_id):
        return takes_state(self, request, shot_id)

    @method_decorator(require_POST)
    def upload(self, request, shot_id):
        return upload(self, request, shot_id)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def exactly(self, request, shot_id, render_id):
        return generate_exactly_this(self, request, shot_id, render_id)

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def promote(self, request, shot_id, render_id):
        return promote(self, request, shot_id, render_id)

    @method_decorator(require_POST)
    def act(self, request, shot_id, render_id, verb):
        return act_on_render(self, request, shot_id, render_id, verb)
