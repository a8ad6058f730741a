from __future__ import annotations

import copy
import json
import pickle

import pytest
from django.db import connection

from tests.support.factories import make_render, make_shot
from videogen.models import VideoRender
from videogen.models.render_warnings import OF_THE_VIDEO, RenderWarning, WarningCode

GIVEN = RenderWarning(WarningCode.LINK_GIVEN, {"by": "mira {x}"})


def stored_text(render):
    with connection.cursor() as cursor:
        cursor.execute("SELECT warnings FROM videogen_videorender WHERE id = %s", [render.pk])
        return json.loads(cursor.fetchone()[0])


@pytest.mark.django_db
def test_the_code_is_stored_and_the_sentence_is_made_when_it_is_read():
    render = make_render(make_shot(), warnings=[GIVEN])
    VideoRender.objects.filter(pk=render.pk).update(warnings=[*render.warnings, GIVEN])

    render.refresh_from_db()

    assert stored_text(render) == [{"code": "link_given", "params": {"by": "mira {x}"}}] * 2
    assert render.warnings == ["The download link was given by mira {x}."] * 2
    assert {each.code for each in render.warnings} == {WarningCode.LINK_GIVEN}
    assert json.dumps(render.warnings[0]) == '"The download link was given by mira {x}."'


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sentence", "code"),
    [
        ("You have this already as take 1 of 3 May: same prompt.", WarningCode.REPEAT),
        ("The prompt has about 9 tokens, the model reads 1.", WarningCode.OVER_TOKEN_LIMIT),
        ("veo-3 takes no seed: it is not sent.", WarningCode.OPTION_NOT_TAKEN),
        ("The video is 6.0 s long; 8 s were asked for.", WarningCode.OTHER_LENGTH),
        ("The video has no sound.", WarningCode.NO_SOUND),
        ("The download link was given by mira.", WarningCode.LINK_GIVEN),
        ("{something} else", WarningCode.TEXT),
    ],
)
def test_a_sentence_of_an_older_row_stays_as_it_is(sentence, code):
    render = make_render(make_shot(), warnings=[sentence])

    render.refresh_from_db()
    render.save()

    assert stored_text(render) == [sentence]
    render.refresh_from_db()
    assert render.warnings == [sentence]
    assert render.warnings[0].code == code


@pytest.mark.parametrize(
    "stored",
    [
        {"code": "of a newer version", "params": {}},
        {"code": "link_given", "params": {}},
        {"code": "repeat", "params": {"take": 1, "shot": "", "is_rejected": False, "day": "?"}},
        {"code": "link_given"},
        {},
    ],
)
def test_what_cannot_be_read_is_shown_all_the_same(stored):
    warning = RenderWarning.read(stored)

    assert (warning, warning.code) == (str(stored), WarningCode.TEXT)


def test_a_warning_keeps_its_code_when_it_is_copied():
    for other in (copy.deepcopy(GIVEN), pickle.loads(pickle.dumps(GIVEN))):
        assert (other, other.code, other.params) == (GIVEN, GIVEN.code, GIVEN.params)


def test_what_was_said_of_a_video_is_told_from_what_was_said_of_its_request():
    assert WarningCode.NO_SOUND in OF_THE_VIDEO
    assert WarningCode.NO_REFERENCE not in OF_THE_VIDEO
