"""What import-linter cannot say; the layers and whatever else it checks are in pyproject.toml."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# They talk to the network, and no transaction is open meanwhile: what they know is handed to them.
WITHOUT_DATABASE = [*(ROOT / "videogen/providers").glob("*.py"), ROOT / "videogen/takes/fetch.py"]
TESTS = sorted((ROOT / "tests").rglob("*.py"))


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


def test_there_is_something_to_read():
    assert {"videogen/providers/gemini.py", "videogen/takes/fetch.py"} <= {
        name_of(path) for path in WITHOUT_DATABASE
    }
    assert "tests.support.client_cases.facts" in imports(
        ROOT / "tests/videogen/providers/test_lists.py"
    )


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
