from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from videogen.common.formats import as_sentence, day_in_words, ended, moment, month_day, unended


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("changed, plan again", "Changed, plan again."),
        ("exists", "Exists."),
        ("It is done.", "It is done."),
        ("Is it done?", "Is it done?"),
        ("ok.jpg is not a picture", "ok.jpg is not a picture."),
        ("veo-9 is not available. ", "veo-9 is not available."),
        ("", ""),
    ],
)
def test_words_become_a_sentence_and_names_stay_as_they_are(words, sentence):
    assert as_sentence(words) == sentence


@pytest.mark.parametrize("words", ["Busy", "Busy.", "Busy. ", "Busy.,", "Busy:"])
def test_somebody_elses_words_end_once(words):
    assert (ended(words), unended(words)) == ("Busy.", "Busy")
    assert ended("") == ""


def test_days_and_moments_are_written_in_one_way(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    when = datetime(2026, 11, 5, 22, 5, tzinfo=UTC)

    assert moment(when) == "5 Nov 2026, 23:05"
    assert (day_in_words(date(2026, 11, 5)), month_day(date(2026, 11, 5))) == (
        "5 Nov 2026",
        "5 Nov",
    )
