"""No binary float touches energy, time of billing or money."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    # time-outs, back-off and sleeping are floats by their libraries' interface
    "eichrecht/delivery",
    "eichrecht/service/app.py",
    "eichrecht/demo",
    "ocpi/client.py",
}
FILES = sorted(p for package in ("eichrecht", "ocpi") for p in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_uses_no_float(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    if any(name == entry or name.startswith(entry + "/") for entry in ALLOWED):
        pytest.skip("time-outs only, listed in ALLOWED")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
        assert not literal, f"{name}:{node.lineno} has a float literal"
        assert not call, f"{name}:{node.lineno} calls float()"
