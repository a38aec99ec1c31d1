"""Leaves of botocore's data what Signet's functions use: seven services of more than 400.

    python prune_botocore.py SITE_PACKAGES

botocore reads and looks through its data as a client is made. What is left is read by it as ever: the newest
version of each service, with its documentation emptied, which
is half of it.
"""

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

SERVICES = ("dynamodb", "events", "kms", "lambda", "s3", "sesv2", "sqs")
"""What `signet.wiring` makes clients of."""

READ = ("service-2.", "endpoint-rule-set-1.")
"""What files of a service a client is made from; others are paginators, waiters and examples."""


def prune(data: Path) -> None:
    """Prune `botocore/data` in place."""
    for folder in filter(Path.is_dir, data.iterdir()):
        versions = sorted(folder.iterdir())
        for useless in versions[:-1] if folder.name in SERVICES else [folder]:
            shutil.rmtree(useless)
    for name in SERVICES:
        (version,) = (data / name).iterdir()
        for path in version.iterdir():
            if not path.name.startswith(READ):
                path.unlink()
            elif path.name == "service-2.json.gz":
                model = json.loads(gzip.decompress(path.read_bytes()))
                _write(path.with_suffix(""), _undocumented(model))
                path.unlink()
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        partition["services"] = {
            name: service for name, service in partition["services"].items() if name in SERVICES
        }
    _write(data / "endpoints.json", endpoints)


def _undocumented(part: Any) -> Any:
    """A model's part; a member of a shape that has this name would be no text."""
    match part:
        case dict():
            return {
                name: "" if name == "documentation" and isinstance(value, str) else _undocumented(value)
                for name, value in part.items()
            }
        case list():
            return [_undocumented(value) for value in part]
        case _:
            return part


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, separators=(",", ":")))


if __name__ == "__main__":
    prune(Path(sys.argv[1], "botocore", "data"))
