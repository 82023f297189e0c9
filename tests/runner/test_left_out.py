"""What Avalanche imports and hardly any run uses is imported when it is used, and not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.runner.left_out import LEFT_OUT, LeftOut, import_used, leaving_out

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package to leave out, and a module that imports it; the module."""
    (tmp_path / "seldom.py").write_text(
        "__version__ = '3'\nloaded = True\ndef double(x, *, plus=0): return 2 * x + plus\n"
    )
    (tmp_path / "often.py").write_text(
        "import seldom\nfrom seldom import double\nclass Thing: pass\nclass More(Thing): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("bench.runner.left_out.LEFT_OUT", ("seldom",))
    for name in ("seldom", "often"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with leaving_out():
        import often
    yield often
    for name in ("seldom", "often"):
        sys.modules.pop(name, None)


def test_it_is_imported_by_its_first_call(package):
    assert isinstance(package.seldom, LeftOut)
    assert "seldom" not in sys.modules
    assert package.double(2, plus=1) == 5
    assert package.seldom.double(4) == 8
    assert not isinstance(sys.modules["seldom"], LeftOut)


def test_who_imports_it_later_gets_the_package(package):
    import seldom

    assert seldom.loaded
    assert package.seldom.__version__ == "3"


def test_what_a_class_uses_is_imported_before_it_is_called(package):
    import_used(SimpleNamespace())
    assert "seldom" not in sys.modules
    import_used(package.More())
    assert sys.modules["seldom"].loaded


def test_what_is_there_already_stays(package):
    import seldom

    with leaving_out():
        assert sys.modules["seldom"] is seldom
    assert sys.modules["seldom"] is seldom


def test_looking_through_all_modules_imports_nothing(package):
    with leaving_out():
        assert not hasattr(sys.modules["seldom"], "__file__")
    assert "seldom" not in sys.modules


def test_the_server_of_runs_has_everything_else():
    code = (
        "import sys, bench.executor.preload\n"
        f"print(*[n for n in {(*LEFT_OUT, 'jax', 'sklearn', 'pandas')} if n in sys.modules])\n"
        "import avalanche.training.plugins.gem as gem, numpy as np\n"
        "from bench.runner.left_out import import_used\n"
        "import_used(gem.GEMPlugin(2, 0.5))\n"
        "print('qpsolvers' in sys.modules)\n"
        "one = np.ones((1, 1))\n"
        "print(gem.qpsolvers.solve_qp(P=one, q=-one[0], G=one, h=one[0] / 2, solver='quadprog'))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.splitlines() == ["", "True", "[0.5]"]
