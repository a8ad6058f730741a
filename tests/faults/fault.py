"""What a fault is, and where the list of them is.

To add one, append a Fault to the module of catalogue/ that is named after the product's package; a
new module there is found by itself.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from . import catalogue

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fault:
    """One text of the product replaced by another, and the tests that concern it.

    name: unique; the catalogue's module is put before it, as in "claims.lane-not-locked".
    old: stands exactly once in the file. tests: files or single tests, as pytest takes them.
    says: what goes wrong, in a phrase. needs_postgres: only that database shows it, so its tests
    run there. equal: why nobody could notice a difference; such a fault is not run.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    says: str
    needs_postgres: bool = False
    equal: str = ""

    def problem(self, root: Path = ROOT) -> str:
        """Return why the fault cannot be put in, or ""."""
        path = root / self.file
        if not path.is_file():
            return f"there is no {self.file}"
        text = path.read_text()
        if (count := text.count(self.old)) != 1:
            return f"its old text stands {count} times in {self.file}"
        if path.suffix == ".py":
            try:
                compile(text.replace(self.old, self.new), self.file, "exec")
            except SyntaxError as error:
                return f"what it makes of {self.file} is no Python ({error})"
        for test in () if self.equal else self.tests or ("no test",):
            name, _, function = test.partition("::")
            file = root / name
            if not file.exists() or f"def {function.partition('[')[0]}" not in (
                file.read_text() if function else "def "
            ):
                return f"there is no {test}"
        return ""


def all_faults() -> list[Fault]:
    """Return every fault of the catalogue, by module."""
    found = []
    for module in sorted(each.name for each in pkgutil.iter_modules(catalogue.__path__)):
        faults = import_module(f"{catalogue.__name__}.{module}").FAULTS
        found += [replace(each, name=f"{module}.{each.name}") for each in faults]
    return found
