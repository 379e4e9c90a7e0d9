from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from builders import install

from envlock import process
from envlock.capture import numerics, packages
from envlock.facts import Numerics, Numpy, Unknown

# As the wheels of NumPy 2.2 and 1.24 for Linux hold them.
MESON = """
CONFIG = _cleanup(
    {
        "Build Dependencies": {
            "blas": {
                "name": "scipy-openblas",
                "found": bool("True".lower().replace("false", "")),
                "version": "0.3.28",
                "detection method": "pkgconfig",
            },
            "lapack": {"name": "other", "version": "9"},
        },
    }
)
"""
DISTUTILS = """
openblas64__info={'libraries': ['openblas64_', 'openblas64_'], 'library_dirs': ['/usr/local/lib']}
blas_opt_info={'libraries': ['openblas64_', 'openblas64_'], 'language': 'c'}
"""


def _numpy(site: Path, text: str | None) -> Numpy | None:
    install(site, "numpy", "2.2.0")
    if text is not None:
        (site / "numpy").mkdir()
        (site / "numpy" / "__config__.py").write_text(text, encoding="utf-8")
    return numerics.numpy(packages.installed([str(site)]))


@pytest.mark.parametrize(
    ("text", "blas"),
    [
        (MESON, "scipy-openblas 0.3.28"),
        (DISTUTILS, "openblas64"),
        ("", Unknown("NumPy's __config__.py names no BLAS in a form that envlock knows")),
        (None, Unknown("NumPy's __config__.py cannot be read: FileNotFoundError")),
    ],
)
def test_numpy_is_read_with_the_blas_it_was_built_with(
    tmp_path: Path, text: str | None, blas: str | Unknown
) -> None:
    assert _numpy(tmp_path, text) == Numpy(version="2.2.0", blas=blas)


def test_without_numpy_there_is_none() -> None:
    assert numerics.numpy({}) is None


def test_the_libraries_are_those_that_a_process_has_loaded() -> None:
    program = "import numpy; from envlock.capture import numerics; print(numerics.settings().libraries)"

    assert "blas" in process.run([sys.executable, "-c", program])


def test_libraries_are_described_by_what_threadpoolctl_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        {
            "user_api": "openmp",
            "internal_api": "openmp",
            "num_threads": 2,
            "prefix": "libgomp",
            "filepath": "/home/ada/libgomp.so.1",
            "version": None,
        },
        {
            "user_api": "blas",
            "internal_api": "openblas",
            "num_threads": 4,
            "prefix": "libopenblas",
            "filepath": "/home/ada/libopenblas.so",
            "version": "0.3.29",
            "threading_layer": "pthreads",
            "architecture": "SkylakeX",
        },
    ]
    monkeypatch.setitem(sys.modules, "threadpoolctl", SimpleNamespace(threadpool_info=lambda: told))
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace())

    assert numerics.settings().libraries == (
        "openblas 0.3.29 (pthreads, SkylakeX, 4 threads)",
        "openmp (2 threads)",
    )


def test_without_threadpoolctl_libraries_are_told_by_the_names_of_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = tmp_path / "maps"
    line = "7f00-7f01 r--p 00000000 fe:00 1 /home/ada/site-packages/"
    names = ("numpy.libs/libscipy_openblas64_-ff65.so", "libgomp.so.1.0.0", "libgomp.so.1.0.0", "libz.so.1")
    maps.write_text("".join(f"{line}{name}\n" for name in names), encoding="utf-8")
    monkeypatch.setattr(numerics, "_MAPS", maps)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace())

    assert numerics.settings().libraries == ("gomp", "scipy_openblas64_")


def test_a_system_that_does_not_list_libraries_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numerics, "_MAPS", tmp_path / "maps")
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setitem(sys.modules, "numpy", SimpleNamespace())

    reason = "threadpoolctl is not installed, and this system does not list loaded libraries"
    assert numerics.settings().libraries == Unknown(reason)


def test_what_only_an_imported_tensorflow_knows_is_unknown_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("tensorflow", "keras", "tf_keras", "numpy"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    no_tensorflow = Unknown("TensorFlow is not imported in this process")
    assert numerics.settings() == Numerics(
        libraries=Unknown("NumPy is not imported in this process"),
        devices=no_tensorflow,
        onednn=no_tensorflow,
        tf32=no_tensorflow,
        deterministic=no_tensorflow,
        xla=no_tensorflow,
        intra_op_threads=no_tensorflow,
        inter_op_threads=no_tensorflow,
        tensorflow_seed=no_tensorflow,
        keras_seed=Unknown("Keras is not imported in this process"),
    )


def test_a_broken_tensorflow_is_unknown_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", ModuleType("tensorflow"))

    assert numerics.settings().tf32 == Unknown("this TensorFlow does not tell: AttributeError")
