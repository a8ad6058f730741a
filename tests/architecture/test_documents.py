"""The documents name what is there: files, headings, settings. And the README stays short."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
)
MOST_WORDS = 1200

LINK = re.compile(r"\]\(([^)\s]+)\)")
# Not below another folder: media/… in an example is no path of the repository.
PATH = re.compile(r"(?<![\w./-])(?:videogen|storybook|docs|tests|templates|openspec)/[\w./-]*[\w/]")
# A row of a table or a line of a drawing that names a module by its package alone.
MODULE = re.compile(r"(?<![\w./-])[a-z_]+/[a-z_]+\.py\b")
SETTING = re.compile(r"\b(?:VIDEO|DJANGO|GEMINI|GOOGLE|EMAIL|STORY)_[A-Z_]*[A-Z]\b")
OTHER_SETTINGS = ("DATABASE_URL", "MEDIA_ROOT", "DEFAULT_FROM_EMAIL")


@cache
def text_of(document):
    return (ROOT / document).read_text()


def links():
    return [(name, target) for name in DOCUMENTS for target in LINK.findall(text_of(name))]


def anchors(document):
    """The headings of a document as GitHub makes addresses of them."""
    text = re.sub(r"^```.*?^```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_there_is_something_to_read():
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md"} <= set(DOCUMENTS)
    assert ("README.md", "docs/user-guide.md") in links()
    assert "states-and-what-to-do" in anchors("docs/user-guide.md")
    assert "videogen/models/states.py" in PATH.findall(text_of("docs/architecture.md"))
    assert "planning/plan.py" in MODULE.findall(text_of("docs/architecture.md"))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    targets = [target for name, target in links() if name == document]

    lost = [target for target in targets if not _leads_somewhere(document, target)]

    assert lost == []


def _leads_somewhere(document, target):
    """Links to other sites are not followed."""
    if target.startswith("https://"):
        return True
    path, _, anchor = target.partition("#")
    there = (ROOT / document).parent / path if path else ROOT / document
    if not there.exists():
        return False
    return not anchor or anchor in anchors(there.resolve().relative_to(ROOT).as_posix())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document):
    lost = [path for path in PATH.findall(text_of(document)) if not (ROOT / path).exists()]

    assert lost == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_module_exists(document):
    """planning/plan.py stands for videogen/planning/plan.py."""
    lost = [path for path in MODULE.findall(text_of(document)) if not _module_exists(path)]

    assert lost == []


def _module_exists(path):
    return any((ROOT / folder / path).exists() for folder in (".", "videogen", "docs"))


def test_the_readme_is_short():
    assert len(text_of("README.md").split()) <= MOST_WORDS


def test_every_document_is_linked_from_the_readme():
    linked = {target.partition("#")[0] for name, target in links() if name == "README.md"}

    assert set(DOCUMENTS) - {"README.md"} <= linked


def test_every_setting_is_in_the_example():
    text = text_of("docs/settings.md")
    named = {*SETTING.findall(text), *(each for each in OTHER_SETTINGS if each in text)}
    listed = set(re.findall(r"^#?([A-Z][A-Z_]*)=", text_of(".env.example"), flags=re.MULTILINE))

    assert len(named) > 50
    assert named - listed == set()


def test_every_setting_of_the_example_is_explained():
    listed = set(re.findall(r"^#?([A-Z][A-Z_]*)=", text_of(".env.example"), flags=re.MULTILINE))

    assert listed - set(re.findall(r"[A-Z][A-Z_]*[A-Z]", text_of("docs/settings.md"))) == set()
