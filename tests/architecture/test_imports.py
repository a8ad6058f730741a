"""The import direction of the design, held by reading every file's imports."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 400


@cache
def sources():
    """Every module of the product by its dotted name."""
    return {
        dotted(path): path
        for app in ("storybook", "videogen")
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    }


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(module, *, for_types=True):
    """Every module that this one imports, inside functions too; `for_types`: and those that only
    type checkers see."""
    path = sources()[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    found = set()
    tree = ast.parse(path.read_text())
    unseen = set() if for_types else {id(node) for node in _type_checked(tree)}
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                # "from . import journal" means the module, "from .x import y" the module x.
                name = f"{origin}.{alias.name}"
                found.add(name if name in sources() else origin)
    return found


def _type_checked(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from (inner for line in node.body for inner in ast.walk(line))


def starts(name, *prefixes):
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def importers(*prefixes):
    return sorted(
        module for module in sources() if any(starts(name, *prefixes) for name in imports(module))
    )


def below(*prefixes):
    return [module for module in sources() if starts(module, *prefixes)]


def test_there_is_something_to_read():
    assert {
        "storybook.models",
        "videogen.models",
        "videogen.providers.registry",
    } <= sources().keys()
    assert "videogen.models" in imports("videogen.planning.plan")
    assert "videogen.pipeline.journal" in imports("videogen.pipeline.pump")
    assert "google.genai" in imports("videogen.providers.gemini")


def test_storybook_knows_nothing_of_video():
    project_files = {"storybook.settings", "storybook.urls"}

    assert [
        module
        for module in below("storybook")
        if module not in project_files and any(starts(name, "videogen") for name in imports(module))
    ] == []


def test_one_package_knows_the_sdk():
    knowing = set(importers("google"))

    assert knowing
    assert knowing <= set(below("videogen.providers.registry"))


def test_nothing_points_back_at_the_tasks():
    assert importers("videogen.tasks") == []


def test_the_queue_is_known_to_few():
    """It has to be exchangeable: enqueueing stands behind one module."""
    assert set(importers("django_q")) <= {
        "videogen.apps",
        "videogen.ops.watchdog",
        "videogen.common.task_queue",
    }


DOORS = (
    "videogen.admin",
    "videogen.views",
    "videogen.admin.reference_choices",
    "videogen.management",
)
DOORS += ("videogen.tasks", "videogen.cli.console", "videogen.apps", "videogen.urls")
DOORS += ("videogen.templatetags",)


def test_only_doors_open_doors():
    outsiders = set(importers(*DOORS)) - set(below(*DOORS, "storybook"))

    assert outsiders == set()


# module → what it must not import: pure steps know no database, earlier steps no later ones.
FORBIDDEN = {
    "videogen.common.errors": ["django", "videogen", "storybook"],
    "videogen.prompts.prompt": ["django", "videogen", "storybook.models", "httpx"],
    "videogen.prompts.references": ["django", "videogen.models", "storybook.models", "httpx"],
    "videogen.models": [
        "videogen.providers.registry",
        "videogen.planning.plan",
        "videogen.planning.enqueue",
        "httpx",
    ],
    "videogen.providers.registry": ["videogen.models", "storybook", "django.db"],
    "videogen.takes.video_file": ["django", "videogen.models", "httpx"],
    "videogen.billing.budgets": ["videogen.planning.plan", "videogen.pipeline.pump"],
    "videogen.planning.plan": [
        "videogen.planning.enqueue",
        "videogen.pipeline.pump",
        "videogen.providers.registry",
        "httpx",
    ],
    "videogen.planning.enqueue": [
        "videogen.pipeline.pump",
        "videogen.takes.download_worker",
        "videogen.takes.fetch",
        "httpx",
    ],
    "videogen.pipeline.claims": ["videogen.providers.registry", "videogen.pipeline.pump", "httpx"],
    "videogen.takes.fetch": ["videogen.pipeline.pump", "videogen.planning.plan", "django.db"],
    "videogen.pipeline.pump": [
        "videogen.planning.enqueue",
        "videogen.planning.plan",
        "videogen.takes.download_worker",
    ],
    "videogen.takes.download_worker": [
        "videogen.planning.enqueue",
        "videogen.planning.plan",
        "videogen.pipeline.pump",
    ],
}


@pytest.mark.parametrize(("module", "forbidden"), FORBIDDEN.items(), ids=FORBIDDEN.keys())
def test_import_direction(module, forbidden):
    allowed = (
        {"videogen.common.errors", "videogen.prompts.prompt"}
        if "videogen" not in forbidden
        else set()
    )

    assert [
        name
        for part in below(module)
        for name in sorted(imports(part))
        if starts(name, *forbidden) and name not in allowed
    ] == []


def test_no_module_imports_itself_by_a_detour():
    def reachable(module, seen):
        for name in imports(module, for_types=False) & sources().keys() - seen:
            seen.add(name)
            reachable(name, seen)
        return seen

    assert [module for module in sources() if module in reachable(module, set())] == []


def test_the_simulator_is_the_far_end():
    """It shares no code with the near end, and neither Django nor the SDK are in it."""
    assert below("videogen.simulator")
    for module in below("videogen.simulator"):
        for name in imports(module):
            assert not starts(name, "django", "google", "storybook", "django_q"), (module, name)
            assert not starts(name, "videogen") or starts(name, "videogen.simulator"), module


def test_the_product_does_not_lean_on_the_simulator():
    outside = set(importers("videogen.simulator")) - set(below("videogen.simulator"))

    assert outside == {"videogen.management.commands.run_simulator"}


@pytest.mark.parametrize("module", sources())
def test_files_stay_short(module):
    assert len(sources()[module].read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("module", sources())
def test_nothing_imports_the_tests(module):
    assert not [name for name in imports(module) if starts(name, "tests", "pytest")]
