"""The parts of a folder of scores and the manifest that names them, with what each must still be to be trusted."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..exceptions import DataError
from ..files import replacing
from ..files.writing import clear_scratch, is_scratch

if TYPE_CHECKING:
    import pyarrow as pa

MANIFEST = "_manifest.json"  # Parquet readers pass over names that begin with an underscore
_PART = re.compile(r"part-[0-9]{5,}\.parquet")


@dataclass(frozen=True)
class Part:
    """What a finished part held when it was written."""

    rows: int
    sha256: str


def write_part(table: pa.Table, path: Path) -> Part:
    """Write a part, whole or not at all."""
    import pyarrow.parquet as pq

    with replacing(path, locked=True) as temporary:
        pq.write_table(table, temporary)
        return Part(table.num_rows, _digest(temporary))


def write_manifest(folder: Path, job: Mapping[str, Any], parts: Mapping[str, Part], *, complete: bool = False) -> None:
    """Write which parts a job has finished."""
    content: dict[str, Any] = {"job": job, "parts": {name: asdict(part) for name, part in parts.items()}}
    if complete:
        content["rows"] = sum(part.rows for part in parts.values())
    with replacing(folder / MANIFEST, locked=True) as temporary:
        temporary.write_text(json.dumps(content | {"complete": complete}, indent=2), encoding="utf-8")


def readable_parts(folder: Path, job: Mapping[str, Any], *, resume: bool, overwrite: bool) -> dict[str, Part] | None:
    """Parts of an equal job that are still what they were; none in an empty folder; None where the folder is to be replaced.

    Raises
    ------
    DataError
        When the destination is a file, holds another job's scores and may not be replaced, or holds what is nobody's here.
    """
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise DataError([f"{folder} is a file; name a folder, or a file ending in .parquet"], "the destination")
    if not any(not is_scratch(path.name) for path in folder.iterdir()):
        clear_scratch(folder)
        return {}
    manifest = _manifest(folder)
    if resume and manifest is not None and manifest["job"] == job:
        refuse_strangers(folder)
        clear_scratch(folder)
        return {name: part for name, part in manifest["parts"].items() if _is_whole(folder / name, part)}
    if not overwrite:
        raise DataError([f"{folder} holds something else already; replace it with overwrite=True"], "the destination")
    refuse_strangers(folder)
    return None


def refuse_strangers(folder: Path) -> None:
    """Refuse a folder with anything in it that no manifest of this package names.

    A part whose manifest was not yet written when its job was killed is told by its name, where there is a manifest.
    """
    manifest = _manifest(folder)
    ours = set() if manifest is None else {MANIFEST}
    strangers = sorted(
        path.name
        for path in folder.iterdir()
        if not (path.name in ours or is_scratch(path.name) or (manifest is not None and _is_part(path)))
    )
    if strangers:
        shown = ", ".join(map(repr, strangers[:3])) + (", …" if len(strangers) > 3 else "")
        raise DataError(
            [
                f"{folder} holds {len(strangers):,} files or folders that no scoring job has written ({shown}), and is not "
                "replaced; move them, or name another folder"
            ],
            "the destination",
        )


def _is_part(path: Path) -> bool:
    return _PART.fullmatch(path.name) is not None and path.is_file() and not path.is_symlink()


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a folder, its parts read; None where there is none, or it is not of this package."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        parts = {str(name): Part(int(part["rows"]), str(part["sha256"])) for name, part in content["parts"].items()}
        job = dict(content["job"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    if "fingerprint" not in job or not all(map(_PART.fullmatch, parts)):
        return None
    return {"job": job, "parts": parts}


def _is_whole(path: Path, part: Part) -> bool:
    return _is_part(path) and _digest(path) == part.sha256


def _digest(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
