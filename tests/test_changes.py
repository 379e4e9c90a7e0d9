from __future__ import annotations

from builders import cpu, fingerprint, gpu, keras, package, python, tensorflow

from envlock import changes
from envlock.changes import Change
from envlock.facts import NOT_RECORDED, Unknown


def test_the_same_fingerprint_has_no_changes() -> None:
    assert changes.changes(fingerprint(), fingerprint()) == ()


def test_a_value_that_differs_is_a_change_at_its_dotted_path() -> None:
    found = changes.changes(fingerprint(), fingerprint(python=python(version="3.12.1")))

    assert found == (Change("python.version", "3.11.7", "3.12.1"),)


def test_changes_are_sorted_by_path() -> None:
    found = changes.changes(
        fingerprint(),
        fingerprint(
            python=python(version="3.12.1"),
            cpu=cpu(features=("avx2",)),
            keras=keras(image_data_format="channels_first"),
        ),
    )

    assert found == (
        Change("cpu.features", ("avx2", "fma"), ("avx2",)),
        Change("keras.image-data-format", "channels_last", "channels_first"),
        Change("python.version", "3.11.7", "3.12.1"),
    )


def test_a_package_is_compared_by_its_version_alone() -> None:
    found = changes.changes(
        fingerprint(packages=(package("numpy", "1.26.4", role="runtime", requires=("six",)),)),
        fingerprint(packages=(package("numpy", "1.26.4", role="unrelated"),)),
    )

    assert found == ()


def test_packages_that_came_went_and_changed_are_changes() -> None:
    found = changes.changes(
        fingerprint(packages=(package("keras", "2.15.0"), package("numpy", "1.26.4"))),
        fingerprint(packages=(package("numpy", "2.0.0"), package("six", "1.16"))),
    )

    assert found == (
        Change("packages.keras", "2.15.0", None),
        Change("packages.numpy", "1.26.4", "2.0.0"),
        Change("packages.six", None, "1.16"),
    )


def test_a_package_that_only_envlock_needs_does_not_count() -> None:
    locked = fingerprint(packages=(package("numpy"), package("typer", "0.15", role="tool")))

    found = changes.changes(locked, fingerprint(packages=(package("numpy"), package("typer", "0.16"))))

    assert found == ()


def test_a_variable_is_compared_by_name() -> None:
    found = changes.changes(
        fingerprint(variables={"XLA_FLAGS": "--a", "KERAS_BACKEND": "jax"}),
        fingerprint(variables={"KERAS_BACKEND": "torch"}),
    )

    assert found == (
        Change("variables.KERAS_BACKEND", "jax", "torch"),
        Change("variables.XLA_FLAGS", "--a", None),
    )


def test_a_section_that_is_gone_takes_its_values_with_it() -> None:
    found = changes.changes(fingerprint(), fingerprint(tensorflow=None))

    assert found == (
        Change("tensorflow.distribution", "tensorflow-cpu", None),
        Change("tensorflow.version", "2.15.1", None),
    )


def test_an_unknown_value_compares_with_nothing() -> None:
    unknown = fingerprint(gpu=gpu(driver=Unknown("no /proc")))
    known = fingerprint(gpu=gpu(driver="535.161.08"))

    assert (changes.changes(unknown, known), changes.changes(known, unknown)) == ((), ())


def test_an_unknown_section_compares_with_nothing_in_it() -> None:
    unknown = fingerprint(packages=Unknown("not listed"), keras=Unknown("not looked"), variables=Unknown("?"))

    found = changes.changes(fingerprint(), unknown), changes.changes(unknown, fingerprint())

    assert found == ((), ())


def test_an_unknown_version_of_a_package_compares_with_nothing() -> None:
    found = changes.changes(
        fingerprint(packages=(package("numpy", "1.26.4"),)),
        fingerprint(packages=(package("numpy", Unknown("no metadata")),)),
    )

    assert found == ()


def test_absent_is_known_and_differs_from_a_value() -> None:
    found = changes.changes(
        fingerprint(tensorflow=tensorflow(cuda=None)), fingerprint(tensorflow=tensorflow(cuda="12.5.1"))
    )

    assert found == (Change("tensorflow.cuda", None, "12.5.1"),)


def test_every_value_of_a_fingerprint_has_its_path() -> None:
    assert changes.values(fingerprint(keras=None, numpy=Unknown("not looked"))) == {
        "python.version": "3.11.7",
        "python.implementation": "cpython",
        "python.is-free-threaded": NOT_RECORDED,
        "system.os": "Linux",
        "system.machine": "x86_64",
        "system.kernel": "6.1.0",
        "system.distribution": "debian 12",
        "system.libc": "glibc 2.36",
        "cpu.model": "Intel Xeon",
        "cpu.features": ("avx2", "fma"),
        "gpu.driver": None,
        "gpu.devices": (),
        "gpu.cuda": None,
        "gpu.cudnn": None,
        "gpu.rocm": NOT_RECORDED,
        "tensorflow.distribution": "tensorflow-cpu",
        "tensorflow.version": "2.15.1",
        "tensorflow.cuda": None,
        "tensorflow.cudnn": None,
        "tensorflow.rocm": NOT_RECORDED,
        "keras": None,
        "numpy": Unknown("not looked"),
        "variables.TF_ENABLE_ONEDNN_OPTS": "0",
        "packages.keras": "2.15.0",
        "packages.numpy": "1.26.4",
        "packages.requests": "2.31.0",
    }


def test_two_values_that_were_not_recorded_for_their_form_compare_with_nothing() -> None:
    other = {"XLA_FLAGS": "<another form>"}

    assert changes.changes(fingerprint(variables=other), fingerprint(variables=other)) == ()
    assert isinstance(changes.values(fingerprint(variables=other))["variables.XLA_FLAGS"], Unknown)
    known = fingerprint(variables={"XLA_FLAGS": "--xla_a=1"})
    assert changes.changes(fingerprint(variables=other), known) == ()
