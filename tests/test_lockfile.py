from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import artifact, artifact_file, cpu, custom_object, fingerprint, lock, package

from envlock import lockfile
from envlock.errors import InvalidLock, LockError, NewerSchema
from envlock.facts import Content, Device, Lock, TensorSpec, Unknown
from envlock.lockfile import Place
from envlock.redact import visible
from envlock.variables import GRAMMAR
from envlock.views import machine

LOCKS = Path(__file__).parent / "locks"


def _edited(old: str, new: str, **overrides: Any) -> str:
    """The text of a lock in which `old` was replaced by `new`."""
    text = lockfile.dumps(lock(**overrides))
    assert old in text
    return text.replace(old, new, 1)


# Where it lies


def test_the_lock_of_a_single_file_lies_beside_it(tmp_path: Path) -> None:
    model = tmp_path / "house.keras"
    model.touch()

    assert lockfile.place(model) == Place(
        model, tmp_path / "house.keras.envlock.toml", tmp_path / "house.keras.envlock"
    )


def test_the_lock_of_a_folder_lies_inside_it(tmp_path: Path) -> None:
    assert lockfile.place(tmp_path) == Place(tmp_path, tmp_path / "envlock.toml", tmp_path / "envlock")


def test_the_model_of_a_lock_is_found_beside_it(tmp_path: Path) -> None:
    model = tmp_path / "house.h5"

    assert lockfile.place(tmp_path / "house.h5.envlock.toml") == lockfile.place(model)


def test_the_folder_of_a_lock_inside_is_the_model(tmp_path: Path) -> None:
    assert lockfile.place(tmp_path / "envlock.toml") == lockfile.place(tmp_path)


def test_a_lock_among_extra_assets_is_found(tmp_path: Path) -> None:
    extra = tmp_path / "assets.extra" / "envlock.toml"
    extra.parent.mkdir()
    extra.touch()

    assert lockfile.place(tmp_path) == Place(tmp_path, extra, tmp_path / "envlock")


def test_the_model_of_a_lock_among_extra_assets_is_the_folder_above(tmp_path: Path) -> None:
    extra = tmp_path / "assets.extra" / "envlock.toml"
    extra.parent.mkdir()
    extra.touch()

    assert lockfile.place(extra) == lockfile.place(tmp_path)


def test_a_lock_inside_a_folder_comes_before_one_among_extra_assets(tmp_path: Path) -> None:
    extra = tmp_path / "assets.extra" / "envlock.toml"
    extra.parent.mkdir()
    extra.touch()
    (tmp_path / "envlock.toml").touch()

    assert lockfile.place(tmp_path).lock == tmp_path / "envlock.toml"


def test_the_disk_is_not_asked_where_the_caller_knows(tmp_path: Path) -> None:
    missing = tmp_path / "house"

    assert lockfile.place(missing, folder=True).lock == missing / "envlock.toml"
    assert lockfile.place(tmp_path, folder=False).lock == tmp_path.with_name(f"{tmp_path.name}.envlock.toml")


def test_only_a_folder_holds_entries_that_are_the_locks_own(tmp_path: Path) -> None:
    model = tmp_path / "house.keras"
    model.touch()

    assert lockfile.place(model).inside == ()
    assert lockfile.place(tmp_path).inside == ("envlock.toml", "envlock")


# How it is written


def test_a_lock_is_written_as_it_always_was() -> None:
    written = lockfile.dumps(lock())

    assert written == (LOCKS / "schema-1.envlock.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.toml")), ids=lambda path: path.name)
def test_a_lock_of_every_schema_is_read(path: Path) -> None:
    assert lockfile.read(path) == lock()


def test_an_unknown_section_is_listed_with_its_reason() -> None:
    text = lockfile.dumps(lock(fingerprint=fingerprint(cpu=Unknown("no /proc/cpuinfo"))))

    assert text.endswith('\n[tool.envlock.unknown]\ncpu = "no /proc/cpuinfo"\n')


def test_a_short_array_stands_on_one_line() -> None:
    text = lockfile.dumps(lock(fingerprint=fingerprint(cpu=cpu(features=("A, B", "C")))))

    assert '\nfeatures = ["A, B", "C"]\n' in text


def test_a_long_array_stands_on_a_line_for_each_item() -> None:
    names = tuple(f"NVIDIA H200 number {index}" for index in range(4))

    text = lockfile.dumps(lock(fingerprint=fingerprint(cpu=cpu(features=names))))

    lines = "\n".join(f'    "{name}",' for name in names)
    assert f"\nfeatures = [\n{lines}\n]\n" in text


@pytest.mark.parametrize(
    "value",
    [
        lock(),
        lock(custom_objects=(), canary=None, attachments=()),
        lock(inputs=Unknown("no signature"), outputs=Unknown("no signature")),
        lock(custom_objects=Unknown("h5py is not installed"), canary=Unknown("the model keeps state")),
        lock(custom_objects=(custom_object("Gate", digest=Unknown("no file"), distribution="houses"),)),
        lock(artifact=artifact(keras_version=Unknown("no h5py"), tensorflow_version="2.15.1")),
        lock(fingerprint=fingerprint(tensorflow=None, keras=None, numpy=None, variables={}, packages=())),
        lock(fingerprint=fingerprint(packages=Unknown("not listed"), variables=Unknown("not asked"))),
        lock(fingerprint=fingerprint(packages=(package("six", Unknown("six.egg-info names no version")),))),
        lock(fingerprint=fingerprint(cpu=cpu(features=('"quoted" [x]', "back\\slash", "new\nline = [")))),
        lock(created_by='envlock "0"\n[tool.envlock]\nschema = 2'),
    ],
)
def test_a_lock_that_was_written_is_read_back(value: Lock) -> None:
    assert lockfile.loads(lockfile.dumps(value)) == value


# How it is read


def test_other_tools_tables_and_pep_751s_keys_are_passed_over() -> None:
    text = 'lock-version = "1.0"\n\n[tool.other]\nschema = 7\n\n' + lockfile.dumps(lock())

    assert lockfile.loads(text) == lock()


def test_a_newer_schema_is_refused_with_the_next_step() -> None:
    with pytest.raises(NewerSchema) as caught:
        lockfile.loads(_edited("schema = 1", "schema = 2"))

    assert str(caught.value) == "has schema 2, this envlock reads up to 1; upgrade envlock-tf"


@pytest.mark.parametrize("schema", ["schema = 0", 'schema = "1"', "schema = true", "schema = 1.0", ""])
def test_a_schema_that_is_no_number_is_refused(schema: str) -> None:
    with pytest.raises(InvalidLock) as caught:
        lockfile.loads(_edited("schema = 1", schema))

    assert str(caught.value) == "Expected a schema number at tool.envlock.schema"


@pytest.mark.parametrize(
    "text", ["", "[tool]\n", "[tool.poetry]\nschema = 1\n", "tool = 3\n", "[tool]\nenvlock = 3\n"]
)
def test_a_document_that_is_no_lock_is_refused(text: str) -> None:
    with pytest.raises(LockError) as caught:
        lockfile.loads(text)

    assert str(caught.value) == "has no table [tool.envlock]; it is no lock of envlock"


def test_a_document_that_is_no_toml_is_refused_with_the_parsers_words() -> None:
    with pytest.raises(LockError) as caught:
        lockfile.loads("schema 1")

    assert str(caught.value) == (
        "not a TOML document: Expected '=' after a key in a key/value pair (at line 1, column 8)"
    )


def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(LockError) as caught:
        lockfile.loads("[tool.envlock]\n" + "a." * 5000 + "a = 1\n")

    assert str(caught.value) == "a line is no key of a lock"


def test_arrays_nested_without_end_are_refused() -> None:
    with pytest.raises(LockError, match=r"^not a TOML document: "):
        lockfile.loads("a = " + "[" * 100_000)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('created-by = "envlock 0.1.0"\n', "", "Expected a value, found none at tool.envlock.created-by"),
        (
            'name = "house.keras"',
            "name = 3",
            "Expected a string, found 3 at tool.envlock.artifact.name",
        ),
        (
            "size = 20615",
            'size = "20615"',
            "Expected a whole number, found '20615' at tool.envlock.artifact.files[0].size",
        ),
        (
            "shape = [-1, 4]",
            'shape = [-1, "4"]',
            "Expected a whole number, found '4' at tool.envlock.inputs[0].shape[1]",
        ),
        (
            "tolerance = 1e-05",
            'tolerance = "small"',
            "Expected a number, found 'small' at tool.envlock.canary.tolerance",
        ),
        (
            "created-by",
            "absent-minded",
            "Expected a value, found none at tool.envlock.created-by",
        ),
        ("absent = [\n", "absent = [\n    3,\n", "Expected a string, found 3 at tool.envlock.absent[0]"),
        (
            "[tool.envlock.unknown]",
            "[tool.envlock.unknown]\ncanary = 3",
            "Expected a string, found 3 at tool.envlock.unknown.canary",
        ),
    ],
)
def test_a_wrong_value_is_named_by_its_path(old: str, new: str, message: str) -> None:
    with pytest.raises(InvalidLock) as caught:
        lockfile.loads(_edited(old, new))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("value", "problem", "where"),
    [
        (
            lock(artifact=artifact(files=(artifact_file(sha256="0" * 63),))),
            f"Unexpected value '{'0' * 40}'",
            "artifact.files[house.keras].sha256",
        ),
        (
            lock(artifact=artifact(files=(artifact_file(sha256="A" * 64),))),
            f"Unexpected value '{'A' * 40}'",
            "artifact.files[house.keras].sha256",
        ),
        (
            lock(fingerprint=fingerprint(packages=(package("numpy; rm -rf", "1.0"),))),
            "Unexpected value 'numpy; rm -rf'",
            "packages[numpy; rm -rf].name",
        ),
        (
            lock(fingerprint=fingerprint(packages=(package("Num_Py", "1.0"),))),
            "Unexpected value 'Num_Py'",
            "packages[Num_Py].name",
        ),
        (
            lock(fingerprint=fingerprint(packages=(package("numpy", "1.0 @ http://x"),))),
            "Unexpected value '1.0 @ http://x'",
            "packages[numpy].version",
        ),
        (
            lock(fingerprint=fingerprint(packages=(package("numpy", "--index-url"),))),
            "Unexpected value '--index-url'",
            "packages[numpy].version",
        ),
        (
            lock(fingerprint=fingerprint(packages=(package("numpy", "1.0\n"),))),
            "Unexpected value '1.0\\n'",
            "packages[numpy].version",
        ),
        (
            lock(custom_objects=(custom_object("Gate", module="../gates"),)),
            "Unexpected value '../gates'",
            "custom-objects[Gate].module",
        ),
        (
            lock(custom_objects=(custom_object("Gate", modules=("houses", "a..b")),)),
            "Unexpected value 'a..b'",
            "custom-objects[Gate].module",
        ),
    ],
)
def test_a_value_that_could_mean_something_else_where_it_is_used_is_refused(
    value: Lock, problem: str, where: str
) -> None:
    with pytest.raises(InvalidLock) as caught:
        lockfile.loads(lockfile.dumps(value))

    assert caught.value.problem == problem
    assert caught.value.where.endswith(where)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../house.keras",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        "a\\b",
        "c:house",
        "a\nb",
        "a\x7fb",
    ],
)
def test_a_path_that_leaves_its_folder_is_refused(path: str) -> None:
    text = lockfile.dumps(lock(artifact=artifact(files=(artifact_file(path),))))

    with pytest.raises(InvalidLock) as caught:
        lockfile.loads(text)

    assert str(caught.value) == f"Unexpected path {path!r} at tool.envlock.artifact.files"


def test_a_path_of_an_attachment_that_leaves_its_folder_is_refused() -> None:
    text = lockfile.dumps(lock(attachments=(artifact_file("../code/gates.py"),)))

    with pytest.raises(InvalidLock, match=r"^Unexpected path '\.\./code/gates\.py'"):
        lockfile.loads(text)


@pytest.mark.parametrize("path", ["house.keras", "variables/variables.index", "assets/wörter 1.txt", "..a"])
def test_a_path_below_its_folder_is_accepted(path: str) -> None:
    value = lock(artifact=artifact(files=(artifact_file(path),)))

    assert lockfile.loads(lockfile.dumps(value)) == value


# Files that are wrong


def test_a_lock_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "house.keras.envlock.toml"
    path.write_text(lockfile.dumps(lock()), encoding="utf-8")

    assert lockfile.read(path) == lock()


def test_a_lock_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(LockError) as caught:
        lockfile.read(tmp_path / "house.keras.envlock.toml")

    assert str(caught.value) == "house.keras.envlock.toml does not exist"


def test_a_lock_that_is_a_folder_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "envlock.toml"
    path.mkdir()

    with pytest.raises(LockError) as caught:
        lockfile.read(path)

    assert str(caught.value) == "envlock.toml cannot be read: Is a directory"


def test_a_lock_below_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "house").touch()

    with pytest.raises(LockError) as caught:
        lockfile.read(tmp_path / "house" / "envlock.toml")

    assert str(caught.value) == "envlock.toml cannot be read: Not a directory"


def test_a_lock_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "envlock.toml"
    with path.open("wb") as file:
        file.truncate((16 << 20) + 1)

    with pytest.raises(LockError) as caught:
        lockfile.read(path)

    assert str(caught.value) == "envlock.toml is 16777217 bytes long; a lock has at most 16777216"


def test_a_lock_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "envlock.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(LockError) as caught:
        lockfile.read(path)

    assert str(caught.value) == "envlock.toml is not UTF-8 text"


def test_a_wrong_value_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "envlock.toml"
    path.write_text(_edited("size = 812", "size = []"), encoding="utf-8")

    with pytest.raises(LockError) as caught:
        lockfile.read(path)

    assert str(caught.value) == (
        "envlock.toml: Expected a whole number, found [] at tool.envlock.attachments[0].size"
    )


def test_a_newer_schema_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "envlock.toml"
    path.write_text(_edited("schema = 1", "schema = 9"), encoding="utf-8")

    with pytest.raises(NewerSchema) as caught:
        lockfile.read(path)

    assert str(caught.value) == ("envlock.toml has schema 9, this envlock reads up to 1; upgrade envlock-tf")


# What was found in the model

CONTENT = Content(
    config={"class_name": "Sequential", "config": {"layers": [{"units": 3}]}},
    compile_config=None,
    ops={"AddV2": 2, "MatMul": 1},
    slots=Unknown("the file could not be read"),
    has_keras_metadata=True,
)


def _attached(folder: Path, text: str) -> Place:
    where = lockfile.place(folder / "house.keras")
    where.attachments.mkdir()
    (where.attachments / "architecture.json").write_text(text, encoding="utf-8")
    return where


def test_what_was_found_is_canonical_json() -> None:
    assert lockfile.content_text(CONTENT) == (
        '{"absent":["compile-config"],"assets":[],"called":[],'
        '"config":{"class_name":"Sequential","config":{"layers":[{"units":3}]}},'
        '"has-keras-metadata":true,"missing":[],"ops":{"AddV2":2,"MatMul":1},"signatures":[],'
        '"unknown":{"slots":"the file could not be read"}}\n'
    )


def test_what_was_found_is_read_back(tmp_path: Path) -> None:
    where = _attached(tmp_path, lockfile.content_text(CONTENT))

    assert lockfile.read_content(where) == CONTENT


def test_what_was_found_in_a_folder_is_read_back(tmp_path: Path) -> None:
    content = Content(
        ops={"MatMul": 2},
        op_values={"MatMul": {"T": ["float32"], "transpose_a": ["true"]}},
        called=("MatMul",),
        missing=("variables/variables.index",),
        parts={"root.layer-0": {"class_name": "StringLookup", "config": {}}},
        identifiers={"root.layer-0": "_tf_keras_layer"},
        tracked={"root.layer-0": ["lookup_table"]},
    )

    assert lockfile.read_content(_attached(tmp_path, lockfile.content_text(content))) == content


def test_without_the_attachment_nothing_was_found(tmp_path: Path) -> None:
    assert lockfile.read_content(lockfile.place(tmp_path / "house.keras")) is None


def test_what_an_older_envlock_found_without_counting_is_not_used(tmp_path: Path) -> None:
    where = _attached(
        tmp_path, json.dumps({"ops": ["AddV2", "MatMul"], "absent": ["config", "compile-config"]})
    )

    assert lockfile.read_content(where) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{",
            (
                "architecture.json beside house.keras.envlock.toml cannot be read: Expecting property name "
                "enclosed in double quotes: line 1 column 2 (char 1)"
            ),
        ),
        ("[]", "architecture.json beside house.keras.envlock.toml holds no JSON object"),
        (
            json.dumps({"ops": "AddV2"}),
            "architecture.json beside house.keras.envlock.toml: Expected a table, found 'AddV2' at ops",
        ),
        (
            json.dumps({"absent": 3}),
            "architecture.json beside house.keras.envlock.toml: Expected an array, found 3 at absent",
        ),
    ],
)
def test_a_damaged_attachment_is_refused(tmp_path: Path, text: str, message: str) -> None:
    where = _attached(tmp_path, text)

    with pytest.raises(LockError) as caught:
        lockfile.read_content(where)

    assert str(caught.value) == message


def test_an_attachment_nested_without_end_is_refused(tmp_path: Path) -> None:
    where = _attached(tmp_path, "[" * 200_000)

    with pytest.raises(LockError, match=r"^architecture\.json beside house\.keras\.envlock\.toml cannot be"):
        lockfile.read_content(where)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such files")
@pytest.mark.parametrize("kind", ["pipe", "device", "link", "folder"])
def test_an_attachment_that_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    where = _attached(tmp_path, "{}")
    path = where.attachments / "architecture.json"
    path.rename(tmp_path / "held")
    make = {
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
        "link": lambda: path.symlink_to(tmp_path / "held"),
        "folder": path.mkdir,
    }
    make[kind]()

    with pytest.raises(
        LockError, match=r"^architecture\.json beside house\.keras\.envlock\.toml is no regular"
    ):
        lockfile.read_content(where)


def test_an_attachment_that_is_too_long_is_refused(tmp_path: Path) -> None:
    where = _attached(tmp_path, "{}")
    with (where.attachments / "architecture.json").open("r+b") as opened:
        opened.truncate((64 << 20) + 1)

    with pytest.raises(LockError, match=r"is longer than 67108864 bytes$"):
        lockfile.read_content(where)


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("--xla_cpu_use_xnnpack=true --xla_dump_to=x", True),
        ("--a=1\n--b", False),
        ("-a=-b" * 40 + "!", False),
    ],
)
def test_a_variable_is_what_its_grammar_says_and_quickly(value: str, fits: bool) -> None:
    assert bool(re.fullmatch(GRAMMAR["XLA_FLAGS"], value)) is fits


def test_a_format_is_one_of_those_that_are_read() -> None:
    text = lockfile.dumps(lock()).replace('format = "keras"', 'format = "keras\\"\\nRUN touch /x"')

    with pytest.raises(LockError) as caught:
        lockfile.loads(text)

    assert (
        str(caught.value)
        == "Expected one of keras, hdf5, saved-model, weights at tool.envlock.artifact.format"
    )


# Facts as envlock 0.1 wrote them, and what JSON holds of a machine


def test_a_graphics_card_that_is_a_name_alone_is_still_read() -> None:
    text = _edited("devices = []", 'devices = ["NVIDIA A100", "NVIDIA T4"]')

    gpu = lockfile.loads(text).fingerprint.gpu

    assert gpu.devices == (Device(name="NVIDIA A100"), Device(name="NVIDIA T4"))


def test_the_json_of_an_environment_is_read_back_whole() -> None:
    value = fingerprint(cpu=cpu(features=Unknown("no flags")), keras=None)

    assert lockfile.fingerprint(machine.fingerprint(value)) == value


def test_the_json_of_a_locked_model_is_read_for_its_environment() -> None:
    assert lockfile.fingerprint(machine.lock(lock(), Content())) == fingerprint()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON document: "),
        ("[]", "holds no fingerprint of an environment"),
        ('{"error": "no"}', "Expected a value, found none at python"),
        ('{"schema": 2, "python": {}}', "has schema 2, this envlock reads up to 1; upgrade envlock-tf"),
        ('{"python": 3}', "Expected a table, found 3 at python"),
        ('{"python": {"version": "3"}}', "Expected a value, found none at python.implementation"),
    ],
)
def test_json_that_is_no_environment_is_refused(text: str, message: str) -> None:
    with pytest.raises(LockError) as caught:
        lockfile.fingerprint(text)

    assert str(caught.value).startswith(message)


def test_a_package_name_in_json_must_be_one() -> None:
    text = machine.fingerprint(fingerprint()).replace('"name": "numpy"', '"name": "x; rm -rf"')

    with pytest.raises(InvalidLock, match="Unexpected value"):
        lockfile.fingerprint(text)


# What leaves


HIDDEN = "ghp_" + "a1B2c3D4e5F6g7H8i9" * 2


def test_a_secret_in_any_field_is_left_out_of_the_lock() -> None:
    value = lock(
        inputs=(TensorSpec(name=f"layer_{HIDDEN}", shape=(-1,), dtype="float32"),),
        canary=Unknown(f"called with {HIDDEN}"),
        custom_objects=(custom_object(qualname=HIDDEN),),
    )

    text = lockfile.dumps(value)

    assert HIDDEN not in text
    assert text.count("<redacted:github-token>") == 3
    assert lockfile.loads(text).canary == Unknown("called with <redacted:github-token>")


def test_a_secret_in_the_architecture_is_left_out_of_what_was_found() -> None:
    content = Content(config={"config": {"name": HIDDEN, "api_key": "hunter2hunter2xx"}}, compile_config=None)

    text = lockfile.content_text(content)

    assert json.loads(text)["config"] == {
        "config": {"name": "<redacted:github-token>", "api_key": "<redacted:api-key>"}
    }


def test_a_home_folder_is_left_out_of_the_lock() -> None:
    text = lockfile.dumps(lock(canary=Unknown("no such file: /home/ada/model.keras")))

    assert 'canary = "no such file: ~/model.keras"' in text


def test_a_lock_shows_nothing_that_a_terminal_obeys_when_it_is_printed_as_it_is() -> None:
    value = lock(canary=Unknown("a\x1b[2J\u202eb\x9bc\U000e0041"))

    text = lockfile.dumps(value)

    assert visible(text) == text
    assert lockfile.loads(text) == value
