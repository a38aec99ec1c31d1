"""Size: the layer as built for Lambda, by distribution, and what of it Lambda's own runtime has too.

What no function imports is listed as well: modules alone, since nobody can tell who reads another file. It is
where to look for what could go, and no proof: a number of a country that no event has needs that country's
module.
"""

import csv
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tools import built

BUILD = built.ROOT / ".aws-sam" / "build"
_OURS = "signet"


def measure(layer: Path, runtime: Path, imported: Collection[str] | None = None) -> dict[str, Any]:
    """Bytes of a layer, and of each distribution in it.

    Args:
        layer: The layer's folder, with `python/` in it.
        runtime: The site-packages of Lambda's runtime.
        imported: The files in it that some function imports; None where that was not measured.
    """
    root = layer / "python"
    known = None if imported is None else {module_of(Path(path)) for path in imported}
    owners = _owners(root)
    provided = {_name(folder) for folder in runtime.glob("*.dist-info")}
    packages: dict[str, dict[str, Any]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            owner = owners.get(path.relative_to(root).parts[0], "")
            if not owner or owner.startswith("__pycache__"):
                owner = _owner_of_module(path, root, owners)
            row = packages.setdefault(owner, {"unzipped": 0, "zipped": 0, "pyc": 0, "unused": {}})
            content = path.read_bytes()
            row["unzipped"] += len(content)
            row["zipped"] += len(zlib.compress(content, 6))
            row["pyc"] += len(content) if path.suffix == ".pyc" else 0
            module = module_of(path.relative_to(root))
            if known is not None and module is not None and module not in known:
                part = ".".join(module.split(".")[:2])
                row["unused"][part] = row["unused"].get(part, 0) + len(content)
    for name, row in packages.items():
        row["provided"] = name in provided
    own = [row for row in packages.values() if not row["provided"]]
    return {
        "packages": dict(sorted(packages.items(), key=lambda item: -int(item[1]["unzipped"]))),
        **{name: sum(row[name] for row in packages.values()) for name in ("unzipped", "zipped", "pyc")},
        **{f"own_{name}": sum(row[name] for row in own) for name in ("unzipped", "zipped")},
    }


def module_of(path: Path) -> str | None:
    """The module that a file of the layer holds, compiled or not; None where it holds none."""
    name, _, rest = path.name.partition(".")
    if path.suffix not in (".py", ".pyc", ".so") or path.parts[0].endswith(".libs"):
        return None
    if path.suffix == ".so" and not rest.startswith(("cpython", "abi3", "so")):
        return None
    parts = [part for part in path.parent.parts if part != "__pycache__"]
    return ".".join(parts if name == "__init__" else [*parts, name])


def functions(build: Path = BUILD) -> dict[str, int]:
    """Bytes of each function's own code."""
    sizes = {}
    for operation in built.read_operations(build):
        files = [p for p in operation.function.code.rglob("*") if p.is_file() and p.suffix != ".pyc"]
        sizes[operation.name] = sum(path.stat().st_size for path in files)
    return sizes


def _owners(root: Path) -> dict[str, str]:
    """The distribution of each file or folder at the top, by the distributions' own lists."""
    owners = {_OURS: _OURS}
    for folder in root.glob("*.dist-info"):
        name = _name(folder)
        owners[folder.name] = name
        with (folder / "RECORD").open(newline="") as record:
            for path, *_ in csv.reader(record):
                owners.setdefault(path.partition("/")[0], name)
    return owners


def _owner_of_module(path: Path, root: Path, owners: dict[str, str]) -> str:
    """Of compiled code at the top: `__pycache__/typing_extensions.cpython-313.pyc`."""
    return owners.get(path.name.partition(".")[0] + ".py", path.relative_to(root).parts[0])


def _name(folder: Path) -> str:
    return folder.name.partition("-")[0].lower().replace("_", "-")
