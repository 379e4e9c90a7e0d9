from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from judged import make_fingerprint, make_lock, make_packages, make_tensorflow, write_archive, write_locked

from envlock import capture, lockfile
from envlock.capture import probes
from envlock.custom.paths import import_path
from envlock.errors import LockError, TargetError
from envlock.facts import Fingerprint, Keras, Numpy, Package, Python, TensorFlow, Unknown
from envlock.targets import UNSAID, Target, target

LOCKED = make_fingerprint()
UNLOCKED = Fingerprint(
    **dict.fromkeys(
        ("python", "system", "cpu", "gpu", "tensorflow", "keras", "numpy", "variables", "packages"),
        Unknown("the model has no lock"),
    )
)
SILENT = Unknown("the list does not say")


def pins(against: str | Path, locked: Fingerprint = LOCKED) -> dict[str, Any]:
    """The versions of the packages that a list gives."""
    packages = target(against, locked).fingerprint.packages
    assert isinstance(packages, tuple)
    return {package.name: package.version for package in packages}


def requirements(folder: Path, text: str) -> Path:
    path = folder / "requirements.txt"
    path.write_bytes(text.encode())
    return path


def refusal(against: Any) -> str:
    with pytest.raises(TargetError) as caught:
        target(against, LOCKED)
    return str(caught.value)


def test_without_a_target_it_is_the_running_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PROBES", {name: lambda _: UNLOCKED.python for name in capture.PROBES})
    monkeypatch.setattr(probes, "_GLANCES", {})

    found = target(None, LOCKED)

    running = Fingerprint(
        **dict.fromkeys(capture.PROBES.keys() - {"git", "numerics"}, UNLOCKED.python)  # a diff asks neither
    )
    assert found == Target("this environment", running, path=tuple(import_path()))


def test_a_fingerprint_is_a_target() -> None:
    assert target(UNLOCKED, LOCKED) == Target("the given environment", UNLOCKED)


def test_a_list_says_what_one_gets_by_installing_it() -> None:
    text = "python==3.11,tensorflow-cpu==2.17.0,keras==3.5.0,numpy==1.26.4,KERAS_BACKEND=jax"

    found = target(text, LOCKED)

    assert found == Target(
        text,
        Fingerprint(
            python=Python(version="3.11.7", implementation="cpython"),
            system=UNSAID,
            cpu=UNSAID,
            gpu=UNSAID,
            tensorflow=TensorFlow(distribution="tensorflow-cpu", version="2.17.0", cuda=UNSAID, cudnn=UNSAID),
            keras=Keras(
                provider="keras",
                version="3.5.0",
                backend="jax",
                floatx=UNSAID,
                image_data_format=UNSAID,
                dtype_policy=UNSAID,
            ),
            numpy=Numpy(version="1.26.4", blas=UNSAID),
            variables={"KERAS_BACKEND": "jax"},
            packages=(
                Package(name="absl-py", version=Unknown("the list does not pin absl-py")),
                Package(name="envlock-tf", version=Unknown("the list does not name it")),
                Package(name="flask", version=Unknown("the list does not name it")),
                Package(name="keras", version="3.5.0"),
                Package(name="numpy", version="1.26.4"),
                Package(name="tensorflow-cpu", version="2.17.0"),
            ),
        ),
    )


def test_a_package_that_nothing_in_the_list_brings_is_not_there() -> None:
    locked = make_fingerprint(
        packages=(*make_packages(), Package(name="scipy", version="1.14.0", role="runtime"))
    )

    assert "scipy" not in pins("tensorflow-cpu==2.17.0", locked)


def test_one_distribution_of_tensorflow_brings_what_another_one_does() -> None:
    found = pins("tensorflow==2.17.0")

    assert found == {
        "absl-py": Unknown("the list does not pin absl-py"),
        "envlock-tf": Unknown("the list does not name it"),
        "flask": Unknown("the list does not name it"),
        "keras": Unknown("the list does not pin keras"),
        "numpy": Unknown("the list does not pin numpy"),
        "tensorflow": "2.17.0",
    }


def test_a_list_without_tensorflow_says_nothing_of_packages() -> None:
    found = target("keras==3.5.0,KERAS_BACKEND=jax", LOCKED).fingerprint

    assert (found.packages, found.tensorflow) == (SILENT, SILENT)


def test_a_list_without_variables_says_nothing_of_them() -> None:
    assert target("keras==3.5.0", LOCKED).fingerprint.variables == UNSAID


def test_a_list_without_a_python_says_so() -> None:
    assert target("keras==3.5.0", LOCKED).fingerprint.python == Unknown("the list names no Python")


@pytest.mark.parametrize(
    ("stated", "version"),
    [("3.11", "3.11.7"), ("3.11.2", "3.11.2"), ("3.1", "3.1"), ("3.12", "3.12"), ("3.11.*", "3.11.7")],
)
def test_a_python_stands_for_the_locked_one_as_far_as_it_agrees(stated: str, version: str) -> None:
    found = target(f"python=={stated},keras==3.5.0", LOCKED).fingerprint.python

    assert found == Python(version=version, implementation="cpython")


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        ("numpy==1.26.4", "1.26.4"),
        ("NumPy == 1.26.4", "1.26.4"),
        ("numpy===1.26.4+local", "1.26.4+local"),
        ("numpy[extra]==1.26.4", "1.26.4"),
        ("numpy==1.26.*", "1.26"),
        ("numpy~=1.26.4", "1.26"),
        ("numpy", Unknown("numpy is named without an exact version")),
        ("numpy>=1.26", Unknown("numpy is only known as >=1.26")),
        ("numpy!=1.26", Unknown("numpy is only known as !=1.26")),
    ],
)
def test_a_version_is_known_as_far_as_the_entry_says(entry: str, version: str | Unknown) -> None:
    assert pins(f"tensorflow-cpu==2.17.0,{entry}")["numpy"] == version


def test_a_tensorflow_brings_a_keras_of_unknown_version() -> None:
    found = target("tensorflow-cpu==2.17.0", LOCKED).fingerprint.keras

    assert isinstance(found, Keras)
    assert (found.provider, found.version, found.backend) == (
        "keras",
        Unknown("the list names a TensorFlow and no Keras"),
        "tensorflow",
    )


@pytest.mark.parametrize(
    ("text", "provider", "version"),
    [
        ("keras==3.5.0,tf-keras==2.17.0,TF_USE_LEGACY_KERAS=1", "tf-keras", "2.17.0"),
        ("keras==3.5.0,tf-keras==2.17.0,TF_USE_LEGACY_KERAS=0", "keras", "3.5.0"),
        ("keras==3.5.0,tf-keras==2.17.0", "keras", "3.5.0"),
        ("keras==3.5.0,TF_USE_LEGACY_KERAS=1", "keras", "3.5.0"),
    ],
)
def test_tf_keras_is_in_force_where_it_is_there_and_asked_for(text: str, provider: str, version: str) -> None:
    found = target(f"tensorflow-cpu==2.17.0,{text}", LOCKED).fingerprint.keras

    assert isinstance(found, Keras)
    assert (found.provider, found.version) == (provider, version)


def test_a_list_without_frameworks_has_none() -> None:
    found = target("python==3.11,tensorfow==2.17.0", LOCKED).fingerprint

    assert (found.tensorflow, found.keras) == (None, None)
    assert Package(name="tensorfow", version="2.17.0") in found.packages


@pytest.mark.parametrize("against", [["keras==3.5.0"], {"keras": "3.5.0"}, 3])
def test_what_is_no_target_is_refused(against: Any) -> None:
    assert refusal(against) == (
        f"a {type(against).__name__} is no target; give a path, a list such as "
        '"python==3.11,tensorflow-cpu==2.15.1", a Fingerprint or None'
    )


def test_a_requirements_file_is_called_by_its_name(tmp_path: Path) -> None:
    found = target(requirements(tmp_path, "tensorflow-cpu==2.17.0\n"), UNLOCKED)

    assert found.name == "requirements.txt"
    assert found.fingerprint.python == Unknown("requirements.txt names no Python")


def test_a_requirements_file_is_read_as_pip_reads_it(tmp_path: Path) -> None:
    text = (
        "\ufeff# what we need\r\n"
        "--extra-index-url https://example.org/simple\r\n"
        "tensorflow-cpu==2.17.0 \\\r\n"
        "    --hash=sha256:0123 \\\r\n"
        "    --hash=sha256:4567\r\n"
        "\r\n"
        'numpy==1.26.4 ; python_version > "3.8"  # the last of its kind\r\n'
        "keras[extra]==3.5.0\r\n"
        "-e .\r\n"
        "shop @ https://example.org/shop.zip\r\n"
        "https://example.org/other.zip\r\n"
        "h5py>=3,<4\r\n"
    )

    found = pins(requirements(tmp_path, text), UNLOCKED)

    assert found == {
        "h5py": Unknown("h5py is only known as >=3,<4"),
        "keras": "3.5.0",
        "numpy": "1.26.4",
        "shop": Unknown("shop comes from a file or an address"),
        "tensorflow-cpu": "2.17.0",
    }


def test_a_file_without_tensorflow_is_an_environment_without_it(tmp_path: Path) -> None:
    assert target(requirements(tmp_path, "scikit-learn==1.5\n"), LOCKED).fingerprint.tensorflow is None


def test_an_included_file_counts(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("keras==2.15.0\n", encoding="utf-8")

    found = pins(requirements(tmp_path, "-r base.txt\ntensorflow-cpu==2.15.1\n"), UNLOCKED)

    assert found == {"keras": "2.15.0", "tensorflow-cpu": "2.15.1"}


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    path = requirements(tmp_path, "-r requirements.txt\n")

    assert refusal(path) == "requirements.txt is included in itself"


def test_constraints_are_refused_and_not_left_out(tmp_path: Path) -> None:
    path = requirements(tmp_path, "keras\n-c pins.txt\n")

    assert refusal(path) == (
        "line 2 of requirements.txt names constraints, which envlock does not read; write the pins out"
    )


def test_a_requirement_for_another_python_is_left_out(tmp_path: Path) -> None:
    text = (
        'keras==3.5.0; python_version >= "3.9"\nkeras==2.15.0; python_version < "3.9"\ntensorflow==2.17.0\n'
    )

    assert pins(requirements(tmp_path, text), UNLOCKED) == {"keras": "3.5.0", "tensorflow": "2.17.0"}


def test_a_list_longer_than_a_path_may_be_is_a_list() -> None:
    text = ",".join(["tensorflow-cpu==2.15.1", *(f"package-{number}==1.0" for number in range(40))])

    assert target(text, UNLOCKED).name == text


def test_a_line_that_is_no_requirement_is_named_by_its_number(tmp_path: Path) -> None:
    path = requirements(tmp_path, "numpy==1.26.4\nkeras = = 3\n")

    assert refusal(path) == (
        "line 2 of requirements.txt is 'keras = = 3'; expected NAME==VERSION or VARIABLE=VALUE"
    )


def test_a_requirements_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_bytes(b"\xff\xfe")

    assert refusal(path) == (
        "requirements.txt cannot be read: "
        "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
    )


def test_a_lock_is_a_target(tmp_path: Path) -> None:
    other = make_fingerprint(tensorflow=make_tensorflow("2.16.1"))
    path = tmp_path / "other.keras.envlock.toml"
    path.write_text(lockfile.dumps(make_lock(fingerprint=other)), encoding="utf-8")

    assert target(str(path), LOCKED) == Target("other.keras.envlock.toml", other)


def test_a_model_with_a_lock_stands_for_its_lock(tmp_path: Path) -> None:
    other = make_fingerprint(tensorflow=make_tensorflow("2.16.1"))
    path = write_locked(tmp_path / "other.keras", fingerprint=other)

    assert target(path, LOCKED) == Target("other.keras.envlock.toml", other)


def test_a_folder_with_a_lock_inside_stands_for_it(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()
    (tmp_path / "house" / "envlock.toml").write_text(lockfile.dumps(make_lock()), encoding="utf-8")

    assert target(tmp_path / "house", UNLOCKED) == Target("envlock.toml", LOCKED)


def test_a_folder_without_a_lock_is_refused(tmp_path: Path) -> None:
    (tmp_path / "house").mkdir()

    assert refusal(tmp_path / "house") == (
        "house has no lock beside it; give a model that was saved through envlock"
    )


def test_a_model_without_a_lock_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "house.keras")

    assert refusal(path) == (
        "house.keras cannot be compared with; "
        "expected a lock, a model with a lock, what `envlock show --format json` printed, or a "
        "requirements file ending in .txt"
    )


def test_a_damaged_lock_is_refused_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "house.keras.envlock.toml"
    path.write_text("x = 1\n", encoding="utf-8")

    with pytest.raises(LockError) as caught:
        target(path, LOCKED)

    assert str(caught.value) == (
        "house.keras.envlock.toml: has no table [tool.envlock]; it is no lock of envlock"
    )


@pytest.mark.parametrize("against", ["nothing.txt", Path("no=thing.txt")])
def test_a_path_that_does_not_exist_is_refused(against: str | Path) -> None:
    assert refusal(against) == (
        f"{against} does not exist; give a lock, a model, a requirements file, the .json of another machine, "
        "or a list such as python==3.11,tensorflow-cpu==2.15.1"
    )


@pytest.mark.parametrize("entry", ["a b c", "", "numpy==1;x", "=1", f"numpy {'9' * 80}"])
def test_an_entry_that_is_no_requirement_is_named_by_its_number(entry: str) -> None:
    assert refusal(f"keras==3.5.0,{entry}") == (
        f"entry 2 of the list is {entry[:60]!r}; expected NAME==VERSION or VARIABLE=VALUE"
    )


def test_the_packages_of_a_list_are_sorted_whatever_its_order() -> None:
    first = target("tensorflow-cpu==2.17.0,numpy==1.26.4,h5py==3.1", LOCKED)
    second = target("h5py==3.1,numpy==1.26.4,tensorflow-cpu==2.17.0", LOCKED)

    assert first == replace(second, name=first.name)


def test_a_file_in_a_list_is_refused(tmp_path: Path) -> None:
    path = requirements(tmp_path, "tensorflow-cpu==2.17.0\n")

    assert refusal(f"{path},TF_USE_LEGACY_KERAS=1") == (
        f"{path} is a file, and stands in a list; a file is compared with by itself; variables go into it, "
        "a line each"
    )


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("tensorflow==banana", "tensorflow==banana names no version"),
        ("tensorflow==2.15,tensorflow==2.16", "names tensorflow twice, 2.15 and 2.16"),
        ("keras==3.5.0,Keras==3.6.0", "names keras twice, 3.5.0 and 3.6.0"),
    ],
)
def test_a_target_that_cannot_be_is_refused(stated: str, told: str) -> None:
    with pytest.raises(TargetError, match=told):
        target(stated, make_fingerprint())


def test_a_version_may_be_said_twice_at_two_lengths() -> None:
    found = target("tensorflow==2.15,tensorflow==2.15.1", make_fingerprint()).fingerprint

    assert isinstance(found.tensorflow, TensorFlow)
