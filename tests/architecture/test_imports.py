"""What import-linter cannot say; the layers and whatever else it checks are in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installations import Installation

ROOT = Path(__file__).resolve().parents[2]
# They talk to the network, and no transaction is open meanwhile: what they know is handed to them.
WITHOUT_DATABASE = [*(ROOT / "videogen/providers").glob("*.py"), ROOT / "videogen/takes/fetch.py"]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
# Every process loads the addresses and the admin, also each that a test starts. What is heavy is
# imported where it is used.
NOT_AT_START = {
    "httpx": "40 ms; few processes fetch or send, and it brings its own command line",
    "rich": "comes with httpx, and is for terminals",
    "google": "the SDK takes a second",
    "ninja": "the API is loaded with its first request",
    "pydantic": "comes with the API and the SDK",
    "PIL": "for pictures that are drawn or decoded",
    "av": "FFmpeg's libraries, for videos",
    "numpy": "for the checks of takes and the simulator",
    "opentimelineio": "for exported timelines",
    "boto3": "for an object store",
    "botocore": "for an object store",
    "requests": "comes with the SDK's sign-in",
    "jwt": "for events with a signature",
    "cryptography": "for events with a signature",
    "tenacity": "for a database that is busy",
    "storybook.document_editor": "for a page with a document's form, as the layouts",
    "storybook.document_layouts": "",
    "storybook.findings": "for who reads a story's documents",
    "storybook.importer": "for who imports a story",
    "storybook.key_frames": "for the page of a shot",
    "storybook.pictures": "for who stores pictures, as the uploads and the thumbnails",
    "storybook.thumbnails": "",
    "storybook.uploads": "",
    "videogen.catalog.capabilities": "for who makes requests",
    "videogen.models.problems": "for who says something of a request, as the warnings",
    "videogen.models.render_warnings": "",
    "videogen.pipeline": "for workers, and commands that wait",
    "videogen.planning.modes": "for who plans",
    "videogen.planning.plan": "for who plans; it brings the prompts and the budgets",
    "videogen.providers.errors": "for who talks to the API",
    "videogen.simulator": "a foreign server",
    "videogen.views.board": "a page, as all that follow",
    "videogen.views.dashboard": "",
    "videogen.views.guests.access": "",
    "videogen.views.guests.page": "",
    "videogen.views.media": "",
    "videogen.views.plan.page": "",
    "videogen.views.review.room": "",
    "videogen.views.takes.page": "",
}


def imports(path):
    """Every name that is imported, whole: also inside functions, also relatively."""
    folder = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def name_of(path):
    return str(path.relative_to(ROOT))


ON_DEMAND = [
    path
    for path in sorted((ROOT / "videogen").rglob("__init__.py"))
    if "videogen.common.on_demand.modules_on_demand" in imports(path)
]


def test_there_is_something_to_read():
    assert {"videogen/providers/gemini.py", "videogen/takes/fetch.py"} <= {
        name_of(path) for path in WITHOUT_DATABASE
    }
    assert "tests.support.client_cases.facts" in imports(
        ROOT / "tests/videogen/providers/test_lists.py"
    )
    assert ROOT / "videogen/views/__init__.py" in ON_DEMAND


@pytest.mark.parametrize("path", WITHOUT_DATABASE, ids=name_of)
def test_what_talks_to_the_network_knows_no_database(path):
    assert [name for name in imports(path) if f"{name}.".startswith("django.db.")] == []


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_nothing_is_imported_from_a_test(path):
    """What several tests need stands in tests/support/."""
    assert [
        name
        for name in imports(path)
        if name.startswith("tests.")
        and any(part == "conftest" or part.startswith("test_") for part in name.split(".")[:-1])
    ] == []


def test_heavy_modules_are_not_loaded_at_start(tmp_path):
    code = (
        "import sys; from django.core.management import execute_from_command_line as run\n"
        "run(['manage.py', 'check'])\n"
        "print(*sys.modules, sep='\\n')"
    )
    environment = Installation(tmp_path).environment | {
        "DJANGO_SETTINGS_MODULE": "storybook.settings"
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, text=True, capture_output=True
    )

    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.splitlines())
    assert {"videogen.admin.shots", "videogen.urls"} <= loaded
    assert {name: why for name, why in NOT_AT_START.items() if name in loaded} == {}


@pytest.mark.parametrize("path", ON_DEMAND, ids=name_of)
def test_a_package_names_what_it_imports_on_demand(path):
    """The type checker knows the modules of the package by these names alone."""
    listed = {name.rpartition(".")[2] for name in imports(path)}
    there = {each.stem for each in path.parent.glob("*.py")} | {
        each.parent.name for each in path.parent.glob("*/__init__.py")
    }
    assert there - {"__init__"} <= listed
