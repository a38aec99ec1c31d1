"""Size: the layer as built for Lambda, by distribution, and the tutorial function's beside it."""

import zlib
from importlib.metadata import packages_distributions
from pathlib import Path

from benchmarks.page import Row
from benchmarks.subjects import TUTORIAL_BUILD
from tools import built

BUILD = built.ROOT / ".aws-sam" / "build"
TEXT = "MB, with compiled code; the tutorial function's for this machine. Zipped is each file by itself."


def measure() -> dict[str, list[Row]]:
    """Both layers, by distribution."""
    layers = {"The layer": BUILD / "SignetLayer", "The tutorial function's": TUTORIAL_BUILD / "layer"}
    return {name: packages(layer / "python") for name, layer in layers.items()}


def packages(root: Path) -> list[Row]:
    """A row for each distribution of a layer, the largest first, and one for all."""
    owners = _owners(root)
    sizes: dict[str, list[int]] = {}
    for path in root.rglob("*"):
        if path.is_file():
            top = path.relative_to(root).parts[0]
            if top == "__pycache__":
                top = path.name.partition(".")[0] + ".py"
            content = path.read_bytes()
            size = sizes.setdefault(owners.get(top.removesuffix(".py"), top), [0, 0, 0])
            compiled = len(content) if path.suffix == ".pyc" else 0
            for place, number in enumerate((len(content), compiled, len(zlib.compress(content, 6)))):
                size[place] += number
    rows = dict(sorted(sizes.items(), key=lambda item: -item[1][0]))
    rows["all"] = [sum(column) for column in zip(*sizes.values(), strict=True)]
    names = ("unzipped, MB", "of it .pyc", "zipped, MB")
    return [
        {"package": package, **{name: size / 1e6 for name, size in zip(names, row, strict=True)}}
        for package, row in rows.items()
    ]


def _owners(root: Path) -> dict[str, str]:
    """The distribution of what is at the top, by what is installed here: the layer leaves out its lists."""
    installed = packages_distributions()
    owners = {top: names[0].lower().replace("_", "-") for top, names in installed.items()} | {
        "signet": "signet"
    }
    for folder in root.glob("*.dist-info"):
        owners[folder.name] = folder.name.partition("-")[0].lower().replace("_", "-")
    return owners
