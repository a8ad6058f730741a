"""What deploy/backup and deploy/restore know of the installation: its settings, as the application
reads them, and the programs of its database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def read_settings() -> Any:
    """Return Django's settings. The script continues in the installation's own Python."""
    python = ROOT / ".venv" / "bin" / "python"
    if python.exists() and Path(sys.prefix) != python.parent.parent:
        os.execv(python, [str(python), *sys.argv])  # noqa: S606
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "storybook.settings")
    from django.conf import settings

    return settings


def is_postgres(database: Mapping[str, Any]) -> bool:
    return str(database["ENGINE"]).endswith("postgresql")


def run_postgres(program: str, database: Mapping[str, Any], *arguments: str) -> None:
    """Run pg_dump or pg_restore. The password goes through the environment: everybody on the
    machine can read arguments."""
    if not shutil.which(program):
        sys.exit(f"{program} is not on the PATH. Install PostgreSQL's client programs.")
    names = {"PGDATABASE": "NAME", "PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER"}
    names["PGPASSWORD"] = "PASSWORD"  # noqa: S105
    given = {name: str(database[key]) for name, key in names.items() if database.get(key)}
    done = subprocess.run([program, *arguments], env={**os.environ, **given})  # noqa: S603
    if done.returncode:
        sys.exit(f"{program} ended with {done.returncode}; see above.")


def copy_new(source: Path, target: Path) -> int:
    """Copy every file of `source` that `target` does not have, or has in another size, and return
    how many. A file is there whole or not at all."""
    copied = 0
    for path in sorted(source.rglob("*")) if source.is_dir() else ():
        there = target / path.relative_to(source)
        # The note of a call that has not left outlasts the call in a backup: it is never restored.
        if path.suffix == ".unsent":
            continue
        if not path.is_file() or path.is_symlink():
            continue
        if there.exists() and there.stat().st_size == path.stat().st_size:
            continue
        there.parent.mkdir(parents=True, exist_ok=True)
        part = there.with_name(f".{there.name}.part")
        try:
            shutil.copy2(path, part)
        except FileNotFoundError:
            continue  # a partial download that has ended meanwhile
        part.replace(there)
        copied += 1
    return copied
