"""Which module a file of the layer holds, and which of them nobody imports."""

from pathlib import Path

import pytest

from benchmarks.sizes import measure, module_of


@pytest.mark.parametrize(
    ("path", "module"),
    [
        ("jwt/algorithms.py", "jwt.algorithms"),
        ("jwt/__pycache__/algorithms.cpython-313.pyc", "jwt.algorithms"),
        ("jwt/__init__.py", "jwt"),
        ("__pycache__/typing_extensions.cpython-313.pyc", "typing_extensions"),
        ("_cffi_backend.cpython-313-aarch64-linux-gnu.so", "_cffi_backend"),
        ("cryptography/hazmat/bindings/_rust.abi3.so", "cryptography.hazmat.bindings._rust"),
        ("jwt/py.typed", None),
        ("pyjwt-2.15.1.dist-info/RECORD", None),
        ("cryptography.libs/libssl.so", None),
    ],
)
def test_a_file_holds_a_module_compiled_or_not(path: str, module: str | None) -> None:
    """Whatever the processor that it was compiled for; other files hold none."""
    assert module_of(Path(path)) == module


def test_what_nobody_imports_is_counted_by_the_part_of_the_package(tmp_path: Path) -> None:
    """The file that was imported on this machine stands for the one of the layer for AWS."""
    root = tmp_path / "python" / "jwt"
    (root / "api").mkdir(parents=True)
    for name, size in (("__init__.py", 1), ("used.py", 2), ("api/one.py", 4), ("api/two.py", 8)):
        (root / name).write_bytes(b"#" * size)
    found = measure(tmp_path, tmp_path, imported=["jwt/__init__.py", "jwt/used.py"])
    assert found["packages"]["jwt"]["unused"] == {"jwt.api": 12}
    assert measure(tmp_path, tmp_path)["packages"]["jwt"]["unused"] == {}
