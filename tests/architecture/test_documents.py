"""The documents name what is there: files, headings, settings, functions, commands. And the README
stays short."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands

from videogen.models.states import SHOT_WORDS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
)
MOST_WORDS = 1200

LINK = re.compile(r"\]\(([^)\s]+)\)")
# Not below another folder: media/… in an example is no path of the repository.
PATH = re.compile(
    r"(?<![\w./-])(?:videogen|storybook|docs|tests|templates|openspec|deploy)/[\w./-]*[\w/]"
)
# A row of a table or a line of a drawing that names a module by its package alone.
MODULE = re.compile(r"(?<![\w./-])[a-z_]+/[a-z_]+\.py\b")
SETTING = re.compile(r"\b(?:VIDEO|DJANGO|GEMINI|GOOGLE|EMAIL|STORY)_[A-Z_]*[A-Z]\b")
# What stands in a line as code.
SPAN = re.compile(r"`([^`\n]+)`")
# A name of the code, such as `wake_pump`, `Pump.tick` or `pump()`. Another word
# may be anything.
NAME = re.compile(r"(?=\w*_|\w+\.\w|\w+\(\))[A-Za-z_]\w*(?:\.[a-z_]\w*)?(?:\(\))?")
# A function and the module that it is in.
PLACE = re.compile(r"`([A-Za-z_.]+)(?:\(\))?`(?: in | \()`((?:videogen|storybook)/[\w/]+\.py)`")
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
TARGET = re.compile(r"(?:^    |`)make ([a-z-]+)", flags=re.MULTILINE)
DOTTED = re.compile(r"`((?:videogen|storybook)(?:\.[a-z]\w*)+)`")
# Names of a file without its folder look like a name of the code.
SUFFIXES = {".py", ".html", ".js", ".css", ".json", ".yaml", ".conf", ".service", ".md", ".toml"}
# Options of PostgreSQL's client, and a key as somebody might misspell it.
NOT_OURS = {
    "referenced_designs",
    "tcp_keepalives_count",
    "tcp_keepalives_idle",
    "tcp_keepalives_interval",
}
OTHER_SETTINGS = ("DATABASE_URL", "MEDIA_ROOT", "DEFAULT_FROM_EMAIL")


@cache
def text_of(document):
    return (ROOT / document).read_text()


def links():
    return [(name, target) for name in DOCUMENTS for target in LINK.findall(text_of(name))]


def in_prose(document):
    return re.sub(r"^```.*?^```", "", text_of(document), flags=re.DOTALL | re.MULTILINE)


def anchors(document):
    """The headings of a document as GitHub makes addresses of them."""
    headings = re.findall(r"^#+ (.+)$", in_prose(document), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_there_is_something_to_read():
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md"} <= set(DOCUMENTS)
    assert ("README.md", "docs/user-guide.md") in links()
    assert "states-and-what-to-do" in anchors("docs/user-guide.md")
    assert "videogen/models/states.py" in PATH.findall(text_of("docs/architecture.md"))
    assert "planning/plan.py" in MODULE.findall(text_of("docs/architecture.md"))
    assert {"wake_pump", "Pump.tick"} <= names_in("docs/architecture.md")
    assert ("claim_renders", "videogen/pipeline/claims.py") in places_in("docs/architecture.md")
    assert "doctor" in COMMAND.findall(text_of("README.md"))
    assert "demo" in TARGET.findall(text_of("CONTRIBUTING.md"))


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


def names_in(document):
    spans = filter(NAME.fullmatch, SPAN.findall(in_prose(document)))
    names = {each.removesuffix("()") for each in spans}
    return {each for each in names if Path(each).suffix not in SUFFIXES} - NOT_OURS


def places_in(document):
    return PLACE.findall(text_of(document))


@cache
def known_words():
    """Every word in the product and in what tests share, the tables, and the statuses as JSON has
    them. A migration keeps names that the past had, so it is not asked."""
    files = [ROOT / name for name in ("Makefile", "pyproject.toml", ".env.example", "manage.py")]
    for folder in ("videogen", "storybook", "templates", "deploy", "tests/support"):
        files += [each for each in (ROOT / folder).rglob("*") if each.suffix in SUFFIXES]
    texts = [each.read_text() for each in files if "migrations" not in each.parts]
    tables = {each._meta.db_table for each in apps.get_models(include_auto_created=True)}
    statuses = {words.replace(" ", "_") for words in SHOT_WORDS.values()}
    return tables.union(statuses, *(re.findall(r"\w+", each) for each in texts))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_name_exists(document):
    names = names_in(document)

    lost = {each for each in names if not known_words().issuperset(each.split("."))}

    assert lost == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_is_said_to_be_in_a_module_is_there(document):
    lost = [place for place in places_in(document) if not _is_in(*place)]

    assert lost == []


def _is_in(name, path):
    """Whether the module defines the function, class, method or constant, or holds it as a text,
    which names a constraint."""
    nodes = list(ast.walk(ast.parse((ROOT / path).read_text())))
    defined = {each.name for each in nodes if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    defined |= {
        each.id for each in nodes if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    defined |= {each.value for each in nodes if isinstance(each, ast.Constant)}
    return defined.issuperset(name.split("."))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_exists(document):
    text = text_of(document)

    assert set(COMMAND.findall(text)) <= set(get_commands())
    assert set(TARGET.findall(text)) <= set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_dotted_module_exists(document):
    lost = [each for each in DOTTED.findall(text_of(document)) if find_spec(each) is None]

    assert lost == []


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


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_exists(document):
    """Those of the tests are in the environment only, so they are in no example."""
    named = {each for each in SETTING.findall(text_of(document)) if "_TEST_" not in each}

    assert named - known_words() == set()


def test_every_setting_of_the_example_is_explained():
    listed = set(re.findall(r"^#?([A-Z][A-Z_]*)=", text_of(".env.example"), flags=re.MULTILINE))

    assert listed - set(re.findall(r"[A-Z][A-Z_]*[A-Z]", text_of("docs/settings.md"))) == set()
