"""The style sheets style what is there: a class that no template, script or view names is dead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHEETS = sorted((ROOT / "videogen/static/videogen").glob("*.css"))
USERS = ("templates/**/*.html", "videogen/**/*.py", "storybook/**/*.py", "videogen/static/**/*.js")
# The pages of guests have nothing of ours, not even the tokens.
COLOURED = ("tokens.css", "guest.css")
# Those that are put together from a word: the tone of a badge, the kind of a line, the look of a
# render.
MADE = ("st-badge--", "st-fill--", "st-diff-", "st-money-", "st-tile--")


def named():
    """The classes that something names, also as class="st-… st-…{% if %} st-…{% endif %}"."""
    text = "\n".join(path.read_text() for users in USERS for path in ROOT.glob(users))
    return set(re.findall(r"(?<![\w-])st-[\w-]+", text))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_no_class_is_dead(sheet):
    css = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    styled = set(re.findall(r"\.(st-[\w-]+)", css))

    dead = {each for each in styled - named() if not each.startswith(MADE)}

    assert styled or sheet.name == "tokens.css"
    assert dead == set()


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_only_the_tokens_name_colours(sheet):
    css = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
    named = re.findall(r":[^;{}]*?(#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\()", css, re.IGNORECASE)

    assert bool(named) == (sheet.name in COLOURED)


@pytest.mark.parametrize("start", MADE)
def test_what_is_put_together_is_put_together_somewhere(start):
    assert start in named()
