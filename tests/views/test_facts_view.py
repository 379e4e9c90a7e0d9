from __future__ import annotations

from dataclasses import replace

import pytest
from judged import make_custom_object, make_fingerprint, make_lock

from envlock.facts import (
    ARTIFACT,
    LIVE,
    ArtifactFile,
    Content,
    Cpu,
    Device,
    Git,
    Gpu,
    Numerics,
    Signature,
    TensorFlow,
    Unknown,
)
from envlock.views import facts

HOSTILE = "a\x1b[2Jb\x07\u202ec\x9b"
SHOWN = "a\\x1b[2Jb\\x07\\u202ec\\x9b"

DENSE = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}
CONTENT = Content(
    config={
        "class_name": "Sequential",
        "module": "keras",
        "registered_name": None,
        "config": {
            "layers": [
                {**DENSE, "config": {"name": "a", "dtype": "mixed_float16"}},
                {**DENSE, "config": {"name": "b", "dtype": "mixed_float16"}},
                {
                    "class_name": "Gate",
                    "module": "gates",
                    "registered_name": "shop>Gate",
                    "config": {"name": "g"},
                },
            ]
        },
    },
    compile_config={"optimizer": "adam", "loss": "mse", "metrics": ["mae"]},
    ops={"MatMul": 2, "AddV2": 1},
    signatures=(Signature(name="serving_default", inputs=(), outputs=()),),
    assets=("vocabulary.txt",),
)


def rows(text: str) -> dict[str, str]:
    """The told facts by what they are called."""
    return dict(line.split("  ", 1) for line in text.splitlines() if not line.startswith(" "))


def told(text: str, name: str) -> str:
    return rows(text)[name].strip()


def test_a_lock_is_told_a_fact_a_line() -> None:
    lock = make_lock(fingerprint=make_fingerprint(variables={"KERAS_BACKEND": "jax"}))

    assert facts.lock(lock, CONTENT) == (
        "model        house.keras (keras, 1 file, 1.2 kB)\n"
        "loads with   keras.load_model\n"
        "inputs       x (any, 4) float32\n"
        "outputs      dense (any, 1) float32\n"
        "layers       2 Dense, Gate\n"
        "precision    mixed_float16\n"
        "compiled     adam, loss mse, metric mae\n"
        "signatures   serving_default\n"
        "operations   3 of 2 kinds\n"
        "assets       vocabulary.txt\n"
        "custom code  none\n"
        "canary       3 rows (seeded), accepted difference 1e-05\n"
        "Python       3.11.7 (cpython)\n"
        "TensorFlow   2.17.0 from tensorflow-cpu, built without CUDA\n"
        "Keras        3.5.0 from keras (tensorflow, float32, channels_last, float32)\n"
        "NumPy        1.26.4 with openblas 0.3.27\n"
        "system       debian 12, linux, x86_64, glibc 2.36\n"
        "GPU          none; driver none\n"
        "CPU          Xeon, avx2 fma\n"
        "variables    KERAS_BACKEND=jax\n"
        "packages     6 (4 runtime, 1 tool, 1 unrelated)"
    )


def test_a_lock_tells_what_is_not_known_and_why_a_reason_at_a_time() -> None:
    sections = ("python", "system", "cpu", "gpu", "tensorflow", "keras", "numpy", "variables")
    lock = make_lock(
        inputs=Unknown("the model is subclassed"),
        custom_objects=(make_custom_object(),),
        canary=None,
        fingerprint=make_fingerprint(**dict.fromkeys(sections, Unknown("could not look")), packages=()),
    )

    assert facts.lock(lock, Content()) == (
        "model        house.keras (keras, 1 file, 1.2 kB)\n"
        "loads with   keras.load_model\n"
        "inputs       unknown\n"
        "outputs      dense (any, 1) float32\n"
        "custom code  shop>Gate from shop.gates:Gate\n"
        "canary       none\n"
        "packages     0\n"
        "  unknown cpu, gpu, keras, numpy, python, system, tensorflow, variables: could not look\n"
        "  unknown inputs: the model is subclassed"
    )


def test_facts_that_one_reason_hides_are_one_line() -> None:
    unknown = Unknown("no /proc/cpuinfo")

    text = facts.fingerprint(make_fingerprint(cpu=Cpu(model=unknown, features=unknown)))

    assert text.splitlines()[-1] == "  unknown cpu (features, model): no /proc/cpuinfo"


def test_custom_code_that_only_the_model_names_is_told_with_who_asks_for_it() -> None:
    lock = make_lock(custom_objects=Unknown("its files do not hold that code"))

    text = facts.lock(lock, CONTENT)

    assert told(text, "custom code") == "shop>Gate, asked for by Gate 'g'"


@pytest.mark.parametrize(("canary", "line"), [(None, "none"), (Unknown("it failed"), "unknown")])
def test_a_lock_without_a_canary_says_whether_there_is_none(canary: object, line: str) -> None:
    assert told(facts.lock(make_lock(canary=canary), Content()), "canary") == line


@pytest.mark.parametrize(
    ("sizes", "line"),
    [
        ((), "keras"),
        ((999,), "keras, 1 file, 999 B"),
        ((1000,), "keras, 1 file, 1.0 kB"),
        ((2_500_000, 2_500_000), "keras, 2 files, 5.0 MB"),
        ((3_000_000_000_000,), "keras, 1 file, 3000.0 GB"),
    ],
)
def test_the_size_of_a_model_is_told_in_a_unit_that_can_be_read(sizes: tuple[int, ...], line: str) -> None:
    files = tuple(ArtifactFile(path=f"{index}", size=size, sha256="") for index, size in enumerate(sizes))
    lock = make_lock(artifact=replace(make_lock().artifact, files=files))

    assert told(facts.lock(lock, Content()), "model") == f"house.keras ({line})"


@pytest.mark.parametrize(
    ("sources", "line"),
    [
        ({"custom-objects": ARTIFACT, "python": ARTIFACT}, "the model's own files"),
        (
            {"custom-objects": ARTIFACT, "python": LIVE},
            "the model's own files, and the environment that it was locked in",
        ),
        ({"artifact": ARTIFACT, "custom-objects": LIVE, "python": LIVE}, None),
    ],
)
def test_a_lock_that_no_save_made_says_where_it_is_known_from(
    sources: dict[str, str], line: str | None
) -> None:
    found = rows(facts.lock(make_lock(sources=sources), Content())).get("known from")

    assert found == (f" {line}" if line else None)


def test_a_graphics_card_is_told_with_what_it_can_and_what_serves_it() -> None:
    card = Device(name="A100", compute_capability="8.0", memory=80 << 30, mig=True)
    fingerprint = make_fingerprint(
        gpu=Gpu(driver="550.54", devices=(card, Device(name="T4")), cuda="12.3", cudnn="8.9"),
        tensorflow=TensorFlow(distribution="tensorflow", version="2.17.0", cuda="12.3", cudnn="8.9"),
    )

    text = facts.fingerprint(fingerprint)

    assert told(text, "TensorFlow") == "2.17.0 from tensorflow, built for CUDA 12.3"
    assert told(text, "GPU") == (
        "A100 (compute capability 8.0, 85.9 GB, MIG), T4; driver 550.54; CUDA 12.3; cuDNN 8.9"
    )


def test_the_parts_of_avx_512_are_told_as_one() -> None:
    cpu = Cpu(model="Xeon", features=("avx2", "avx512bw", "avx512f", "fma"), usable=4, quota=1.5)

    assert told(facts.fingerprint(make_fingerprint(cpu=cpu)), "CPU") == (
        "Xeon, 4 usable, limited to 1.5, avx2 fma avx512 (2 parts)"
    )


def test_what_a_process_computes_with_is_told_as_far_as_it_is_known() -> None:
    numerics = Numerics(
        libraries=("openblas 0.3.29 (4 threads)",),
        devices=("CPU", "GPU", "GPU"),
        onednn=True,
        tf32=False,
        deterministic=Unknown("an old TensorFlow"),
        xla=False,
        intra_op_threads=0,
        inter_op_threads=0,
        tensorflow_seed=7,
        keras_seed=7,
    )

    text = facts.fingerprint(make_fingerprint(numerics=numerics))

    assert told(text, "arithmetic") == (
        "oneDNN on, TF32 off, XLA off, on CPU and GPU, openblas 0.3.29 (4 threads), seed 7"
    )


@pytest.mark.parametrize(("dirty", "line"), [(False, ""), (True, ", with changes"), (Unknown("no git"), "")])
def test_the_commit_is_told_with_whether_files_were_changed(dirty: bool | Unknown, line: str) -> None:
    fingerprint = make_fingerprint(git=Git(commit="0123456789abcdef" * 2 + "01234567", is_dirty=dirty))

    assert told(facts.fingerprint(fingerprint), "code") == f"commit 0123456789ab{line}"


def test_control_characters_in_a_lock_are_shown_escaped() -> None:
    text = facts.fingerprint(make_fingerprint(variables={"XLA_FLAGS": HOSTILE}))

    assert told(text, "variables") == f"XLA_FLAGS={SHOWN}"
