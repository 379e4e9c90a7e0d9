from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from builders import install

from envlock.capture import frameworks, packages
from envlock.facts import Keras, TensorFlow, Unknown

# As TensorFlow 2.18 with CUDA writes it.
BUILD_INFO = """
import collections
build_info = collections.OrderedDict([('cpu_compiler', '/usr/lib/clang'),
('cuda_compute_capabilities', ['sm_60', 'compute_90']),
('cuda_version', '12.5.1'), ('cudnn_version', '9'), ('is_cuda_build', True), ('is_rocm_build', False)])
"""
VERSION_H = (
    "#define TF_GRAPH_DEF_VERSION_MIN_CONSUMER 0\n#define TF_GRAPH_DEF_VERSION 1882  // Updated: 2024/6/6\n"
)
NOT_IMPORTED = Unknown("TensorFlow is not imported in this process")
NO_HEADER = Unknown("TensorFlow's version.h cannot be read: FileNotFoundError")


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TF_USE_LEGACY_KERAS", "KERAS_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))


def _installed(site: Path, **versions: str) -> dict[str, Any]:
    for name, version in versions.items():
        install(site, name.replace("_", "-"), version)
    return packages.installed([str(site)])


def _build(site: Path, text: str) -> None:
    path = site / "tensorflow/python/platform/build_info.py"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")


def _tensorflow(**overrides: Any) -> TensorFlow:
    """TensorFlow 2.18 as it is read where there is nothing but its metadata and a build without CUDA."""
    default = TensorFlow(
        distribution="tensorflow",
        version="2.18.0",
        cuda=None,
        cudnn=None,
        rocm=None,
        compute_capabilities=(),
        graph_def_version=NO_HEADER,
        git_version=NOT_IMPORTED,
        compiler=NOT_IMPORTED,
    )
    return replace(default, **overrides)


def _settings(tmp_path: Path, text: str) -> None:
    path = tmp_path / "home" / "keras.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")


# TensorFlow


def test_tensorflow_is_read_with_what_its_build_names(tmp_path: Path) -> None:
    _build(tmp_path, BUILD_INFO)
    header = tmp_path / "tensorflow/include/tensorflow/core/public/version.h"
    header.parent.mkdir(parents=True)
    header.write_text(VERSION_H, encoding="utf-8")

    found = frameworks.tensorflow(_installed(tmp_path, tensorflow="2.18.0"))

    assert found == _tensorflow(
        cuda="12.5.1", cudnn="9", compute_capabilities=("sm_60", "compute_90"), graph_def_version=1882
    )


def test_a_build_for_rocm_names_its_version(tmp_path: Path) -> None:
    _build(tmp_path, "build_info = dict([('is_rocm_build', True), ('rocm_version', '6.0.2')])\n")

    found = frameworks.tensorflow(_installed(tmp_path, tensorflow_rocm="2.18.0"))

    assert found == _tensorflow(distribution="tensorflow-rocm", rocm="6.0.2")


@pytest.mark.parametrize(("kind", "field"), [("cuda", "cuda"), ("cuda", "cudnn"), ("rocm", "rocm")])
def test_a_build_that_does_not_say_for_which_version_is_unknown_and_not_without(
    tmp_path: Path, kind: str, field: str
) -> None:
    _build(tmp_path, f"build_info = dict([('is_{kind}_build', True)])\n")

    found = frameworks.tensorflow(_installed(tmp_path, tensorflow="2.18.0"))

    reason = f"TensorFlow was built for {kind.upper()}, and build_info.py does not say which"
    assert getattr(found, field) == Unknown(reason)


def test_a_header_without_the_number_of_the_graphs_is_unknown(tmp_path: Path) -> None:
    header = tmp_path / "tensorflow/include/tensorflow/core/public/version.h"
    header.parent.mkdir(parents=True)
    header.write_text("// nothing\n", encoding="utf-8")

    found = frameworks.tensorflow(_installed(tmp_path, tensorflow="2.18.0"))

    assert found.graph_def_version == Unknown("TensorFlow's version.h names no TF_GRAPH_DEF_VERSION")


def test_a_build_without_cuda_has_none(tmp_path: Path) -> None:
    _build(tmp_path, "build_info = collections.OrderedDict([('is_cuda_build', False)])\n")

    found = frameworks.tensorflow(_installed(tmp_path, tensorflow_cpu="2.15.1"))

    assert found == _tensorflow(distribution="tensorflow-cpu", version="2.15.1")


@pytest.mark.parametrize(
    ("text", "error"), [(None, "FileNotFoundError"), ("build_info = (", "SyntaxError"), ("\0", "ValueError")]
)
def test_a_build_that_cannot_be_read_is_unknown(tmp_path: Path, text: str | None, error: str) -> None:
    if text is not None:
        _build(tmp_path, text)

    found = frameworks.tensorflow(_installed(tmp_path, tensorflow="2.18.0"))

    unknown = Unknown(f"TensorFlow's build_info.py cannot be read: {error}")
    if text == "\0":  # since Python 3.12 a null byte is a syntax error
        assert found.cuda in {unknown, Unknown("TensorFlow's build_info.py cannot be read: SyntaxError")}
    else:
        assert found == _tensorflow(cuda=unknown, cudnn=unknown, rocm=unknown, compute_capabilities=unknown)


def test_a_build_is_read_and_not_run(tmp_path: Path) -> None:
    _build(tmp_path, f"{BUILD_INFO}\nopen({str(tmp_path / 'ran')!r}, 'w')\n")

    frameworks.tensorflow(_installed(tmp_path, tensorflow="2.18.0"))

    assert not (tmp_path / "ran").exists()


def test_the_plain_tensorflow_comes_first(tmp_path: Path) -> None:
    _build(tmp_path, BUILD_INFO)

    found = frameworks.tensorflow(_installed(tmp_path, tensorflow_cpu="2.15.0", tensorflow="2.18.0"))

    assert (found.distribution, found.version) == ("tensorflow", "2.18.0")


def test_without_tensorflow_there_is_none(tmp_path: Path) -> None:
    assert frameworks.tensorflow(_installed(tmp_path, numpy="2.0", tensorflow_estimator="2.15")) is None


# Keras


def test_keras_has_its_default_settings_without_a_file_of_them(tmp_path: Path) -> None:
    found = frameworks.keras(_installed(tmp_path, keras="3.15.1"))

    assert found == Keras(
        provider="keras",
        version="3.15.1",
        backend="tensorflow",
        floatx="float32",
        image_data_format="channels_last",
        dtype_policy="float32",
        epsilon=1e-7,
        backend_source="default",
        tf_keras=None,
    )


def test_keras_has_the_settings_of_its_file(tmp_path: Path) -> None:
    _settings(
        tmp_path,
        '{"floatx": "float64", "backend": "jax", "image_data_format": "channels_first", "epsilon": 1e-5}',
    )

    found = frameworks.keras(_installed(tmp_path, keras="3.15.1"))

    assert found == Keras(
        provider="keras",
        version="3.15.1",
        backend="jax",
        floatx="float64",
        image_data_format="channels_first",
        dtype_policy="float64",
        epsilon=1e-5,
        backend_source="keras.json",
        tf_keras=None,
    )


def test_the_settings_lie_in_the_users_home_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text('{"floatx": "float16"}', encoding="utf-8")

    assert frameworks.keras(_installed(tmp_path, keras="3.15.1")).floatx == "float16"


def test_the_backend_of_the_environment_comes_before_that_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settings(tmp_path, '{"backend": "jax"}')
    monkeypatch.setenv("KERAS_BACKEND", "torch")

    found = frameworks.keras(_installed(tmp_path, keras="3.15.1"))

    assert (found.backend, found.backend_source) == ("torch", "KERAS_BACKEND")


def test_a_backend_that_is_no_word_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "hush-123")

    found = frameworks.keras(_installed(tmp_path, keras="3.15.1"))

    assert found.backend == Unknown("KERAS_BACKEND names no backend")


def test_the_old_keras_is_told_beside_the_one_in_force(tmp_path: Path) -> None:
    found = frameworks.keras(_installed(tmp_path, keras="3.15.1", tf_keras="2.21.0"))

    assert (found.provider, found.tf_keras) == ("keras", "2.21.0")


def test_keras_2_has_no_backend_but_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _settings(tmp_path, '{"backend": "jax"}')
    monkeypatch.setenv("KERAS_BACKEND", "torch")

    assert frameworks.keras(_installed(tmp_path, keras="2.15.0")).backend == "tensorflow"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "keras.json cannot be read: JSONDecodeError"),
        ("[]", "keras.json holds no object"),
    ],
)
def test_settings_that_cannot_be_read_are_unknown_and_not_the_defaults(
    tmp_path: Path, text: str, reason: str
) -> None:
    _settings(tmp_path, text)

    found = frameworks.keras(_installed(tmp_path, keras="3.15.1"))

    unknown = Unknown(reason)
    assert found == Keras(
        provider="keras",
        version="3.15.1",
        backend=unknown,
        floatx=unknown,
        image_data_format=unknown,
        dtype_policy=unknown,
        epsilon=unknown,
        backend_source=unknown,
        tf_keras=None,
    )


def test_a_setting_of_another_type_is_unknown(tmp_path: Path) -> None:
    _settings(tmp_path, '{"floatx": 32}')

    found = frameworks.keras(_installed(tmp_path, keras="3.15.1"))

    assert (found.floatx, found.image_data_format) == (
        Unknown("floatx in keras.json is no word"),
        "channels_last",
    )


@pytest.mark.parametrize(
    ("flag", "provider"),
    [("1", "tf-keras"), ("true", "tf-keras"), ("True", "tf-keras"), ("0", "keras"), ("yes", "keras")],
)
def test_the_old_keras_is_in_force_when_the_flag_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str, provider: str
) -> None:
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", flag)

    found = frameworks.keras(_installed(tmp_path, keras="3.15.1", tf_keras="2.21.0"))

    assert found.provider == provider


def test_the_flag_for_the_old_keras_does_nothing_where_it_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")

    assert frameworks.keras(_installed(tmp_path, keras="3.15.1")).provider == "keras"


@pytest.mark.parametrize("name", ["keras-nightly", "tf-keras", "tf-keras-nightly"])
def test_keras_is_found_under_its_other_names(tmp_path: Path, name: str) -> None:
    assert frameworks.keras(_installed(tmp_path, **{name: "3.0"})).provider == name


def test_without_keras_there_is_none(tmp_path: Path) -> None:
    assert frameworks.keras(_installed(tmp_path, tensorflow="2.15.1")) is None
