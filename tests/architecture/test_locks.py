"""A row that is locked may still be referred to; why, is said in videogen/lanes/__init__.py."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path
    for app in ("storybook", "videogen")
    for path in (ROOT / app).rglob("*.py")
    if "select_for_update(" in path.read_text()
)


def test_there_is_something_to_read():
    assert ROOT / "videogen/pipeline/claims.py" in MODULES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_locked_row_may_be_referred_to(path):
    locks = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "select_for_update"
    ]

    assert [
        each.lineno for each in locks if "no_key" not in {word.arg for word in each.keywords}
    ] == []
