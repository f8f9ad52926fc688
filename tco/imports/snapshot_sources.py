"""Which reader a source of snapshots wants: a table, a store of MLflow, or files of one model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tco.errors import TcoError
from tco.imports.mlflow_models import facts_of_store
from tco.imports.model_folder import facts_of_model
from tco.imports.snapshot_facts import Facts
from tco.imports.snapshot_table import read_table

TABLES = (".csv", ".xlsx")
STORES = (".db", ".sqlite", ".sqlite3")


def facts_of(source: str, only: Sequence[str] = ()) -> list[Facts]:
    """Read a source: a path, or the address of an MLflow store."""
    path = Path(source)
    if "://" in source or path.suffix.lower() in STORES or _is_store(path):
        return facts_of_store(source, only)
    if only:
        raise TcoError("--only chooses models and runs of an MLflow store; other sources are whole")
    if not path.exists():
        raise TcoError(f"there is nothing at {path}. Name a file, a folder or an MLflow store")
    try:
        if path.suffix.lower() in TABLES and path.is_file():
            return read_table(path)
        return [facts_of_model(path)]
    except OSError as error:
        raise TcoError(f"{error.filename or path} cannot be read: {error.strerror}") from None


def _is_store(path: Path) -> bool:
    """Say whether a folder is a tracker's: experiments lie in it, each with its own record."""
    return path.is_dir() and any(path.glob("*/meta.yaml"))
