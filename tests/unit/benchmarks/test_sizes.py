"""Whose file of the layer is whose."""

from pathlib import Path

from benchmarks.sizes import packages


def test_a_file_is_counted_for_its_distribution(tmp_path: Path) -> None:
    """Compiled code at the top too, by the distributions' own lists; the last row is the sum."""
    info = tmp_path / "PyJWT-2.0.dist-info"
    for folder in (tmp_path / "jwt", tmp_path / "__pycache__", info):
        folder.mkdir()
    (tmp_path / "jwt" / "api.py").write_bytes(b"#" * 1000)
    (tmp_path / "__pycache__" / "single.cpython-313.pyc").write_bytes(b"#" * 10)
    (info / "RECORD").write_text("jwt/api.py,,\nsingle.py,,\n")
    own, whole = packages(tmp_path)
    assert own["package"] == "pyjwt"
    assert own["of it .pyc"] == 10 / 1e6
    assert whole == {**own, "package": "all"}
