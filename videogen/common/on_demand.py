"""Modules that are imported when they are first used, not when the process starts."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType


def modules_on_demand(package: str) -> Callable[[str], ModuleType]:
    """Return the `__getattr__` of a package (PEP 562): it imports the module that is asked for."""

    def import_attribute(name: str) -> ModuleType:
        module = f"{package}.{name}"
        if find_spec(module) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        return import_module(module)

    return import_attribute
