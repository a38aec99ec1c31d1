"""Whose file of the layer is whose."""

from pathlib import Path

from benchmarks.sizes import packages


def test_a_file_is_counted_for_its_distribution(tmp_path: Path) -> None:
    """Compiled code at the top too; the last row is the sum."""
    info = tmp_path / "PyJWT-2.0.dist-info"
    for folder in (tmp_path / "jwt", tmp_path / "__pycache__", info):
        folder.mkdir()
    (tmp_path / "jwt" / "api.py").write_bytes(b"#" * 1000)
    (tmp_path / "__pycache__" / "six.cpython-313.pyc").write_bytes(b"#" * 10)
    (info / "METADATA").write_bytes(b"#" * 100)
    (tmp_path / "signet").mkdir()
    (tmp_path / "signet" / "own.py").write_bytes(b"#" * 500)
    rows = {row["package"]: row for row in packages(tmp_path)}
    assert {name: row["unzipped, MB"] * 1e6 for name, row in rows.items()} == {
        "pyjwt": 1100,
        "signet": 500,
        "six": 10,
        "all": 1610,
    }
    assert rows["six"]["of it .pyc"] == rows["all"]["of it .pyc"] == 10 / 1e6
