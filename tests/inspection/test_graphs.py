"""What the graphs of a SavedModel say of what loading it would run, read or allocate."""

from __future__ import annotations

import json

import pytest

from envlock.inspection import inspect


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    """One field: a number, or what has a length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    return field(5, field(1, name) + field(2, value))


def node(name, op, *inputs, **attributes):
    values = b"".join(attribute(key, value) for key, value in attributes.items())
    return field(1, name) + field(2, op) + b"".join(field(3, item) for item in inputs) + values


def text(name, value):
    return node(name, "Const", value=field(8, field(1, 7) + field(8, value)))


def call(name, function, *inputs):
    return node(name, "StatefulPartitionedCall", *inputs, f=field(10, field(1, function)))


def function(name, arguments, *nodes):
    signature = field(1, name) + b"".join(field(2, field(1, item)) for item in arguments)
    return field(1, signature) + b"".join(field(3, item) for item in nodes)


SAVE = function(
    "save",
    ["file_prefix", "value"],
    node("StaticRegexFullMatch", "StaticRegexFullMatch", "file_prefix"),
    text("Const", ".part"),
    text("Const_1", "_temp/part"),
    node("Select", "Select", "StaticRegexFullMatch:output:0", "Const:output:0", "Const_1:output:0"),
    node("StringJoin", "StringJoin", "file_prefix", "Select:output:0"),
    node("ShardedFilename", "ShardedFilename", "StringJoin:output:0", "a", "b"),
    node("SaveV2", "SaveV2", "ShardedFilename:filename:0", "n", "s", "value"),
    node("prefixes", "Pack", "ShardedFilename:filename:0"),
    node("MergeV2Checkpoints", "MergeV2Checkpoints", "prefixes:output:0", "file_prefix"),
)
RESTORE = function(
    "restore", ["file_prefix", "value"], node("RestoreV2", "RestoreV2", "file_prefix", "names", "slices")
)
MAIN = (
    node("saver_filename", "Placeholder"),
    call("save_all", "save", "saver_filename", "v"),
    call("restore_all", "restore", "saver_filename", "v"),
    node("v", "VarHandleOp"),
)


def saved(folder, *nodes, functions=(), assets=(), objects=(), concrete=(), metadata=()):
    """A SavedModel folder: what every one has, and what is given."""
    library = b"".join(field(1, item) for item in (SAVE, RESTORE, *functions))
    definition = b"".join(field(1, item) for item in (*MAIN, *nodes)) + field(2, library)
    graph = field(2, definition) + field(3, field(1, "saver_filename:0"))
    for tensor, name in assets:
        graph += field(6, field(1, field(1, tensor)) + field(2, name))
    tree = b"".join(field(1, item) for item in objects)
    tree += b"".join(field(2, field(1, name) + field(2, value)) for name, value in concrete)
    graph += field(7, tree)
    path = folder / "model"
    (path / "variables").mkdir(parents=True, exist_ok=True)
    (path / "assets").mkdir(exist_ok=True)
    (path / "assets" / "words.txt").write_text("a\n")
    (path / "saved_model.pb").write_bytes(field(1, 1) + field(2, graph))
    if metadata:
        rows = (
            field(3, where) + field(4, "_tf_keras_layer") + field(5, json.dumps(said))
            for where, said in metadata
        )
        (path / "keras_metadata.pb").write_bytes(b"".join(field(1, row) for row in rows))
    return path


def codes(path):
    found = inspect(path)
    return found.verdict, {hazard.code for hazard in found.hazards}


def table(*inputs):
    return node("table", "InitializeTableFromTextFileV2", *inputs)


def test_what_every_saved_model_has_is_clean(tmp_path):
    assert codes(saved(tmp_path)) == ("clean", set())


@pytest.mark.parametrize(
    ("op", "verdict"),
    [
        ("WriteFile", "code"),
        ("PrintV2", "code"),
        ("PyFunc", "code"),
        ("PyFuncStateless", "code"),
        ("EagerPyFunc", "code"),
        ("DecodeProtoV2", "code"),
        ("DebugIdentityV2", "code"),
        ("CopyHost", "code"),
        ("RpcCall", "code"),
        ("XlaCustomCallV2", "code"),
        ("SomethingOfSomebody", "code"),
        ("ReadFile", "file-read"),
        ("MatchingFiles", "file-read"),
        ("TFRecordDatasetV2", "file-read"),
        ("ImmutableConst", "file-read"),
        ("Relu", "clean"),
        ("StatelessWhile", "clean"),
    ],
)
def test_operations_are_those_of_a_list(tmp_path, op, verdict):
    main = codes(saved(tmp_path / "a", node("x", op)))[0]
    inside = codes(saved(tmp_path / "b", functions=[function("f", [], node("x", op))]))[0]

    assert (main, inside) == (verdict, verdict)


def test_a_function_named_like_an_operation_hides_nothing(tmp_path):
    path = saved(tmp_path, node("x", "WriteFile"), functions=[function("WriteFile", [], node("y", "NoOp"))])

    assert codes(path)[0] == "code"


def test_every_graph_is_looked_at(tmp_path):
    path = saved(tmp_path)
    more = field(2, field(2, field(1, node("x", "WriteFile"))))
    (path / "saved_model.pb").write_bytes((path / "saved_model.pb").read_bytes() + more)

    assert codes(path)[0] == "code"


def test_variables_restored_from_another_file_are_seen(tmp_path):
    const = text("other", "/home/someone/model")
    place = call("again", "restore", "other", "v")

    assert codes(saved(tmp_path, const, place)) == ("file-read", {"EL612"})


def test_a_function_that_restores_is_not_restored_itself(tmp_path):
    assert codes(saved(tmp_path, concrete=[("restore", b"")])) == ("file-read", {"EL612"})


def test_a_name_handed_through_functions_is_followed(tmp_path):
    outer = function("outer", ["name"], call("inner", "restore", "name", "v"))
    const = text("other", "/home/someone/model")

    assert codes(saved(tmp_path, const, call("again", "outer", "other"), functions=[outer]))[0] == "file-read"


def test_a_name_made_in_a_loop_is_not_trusted(tmp_path):
    loop = node("loop", "While", "saver_filename", "v", body=field(10, field(1, "restore")))

    assert codes(saved(tmp_path, loop))[0] == "file-read"


def test_a_table_from_an_asset_is_clean(tmp_path):
    start = function("start", ["name", "t"], table("t", "name"))
    path = saved(
        tmp_path,
        text("asset", "words.txt"),
        call("init", "start", "asset", "v"),
        functions=[start],
        assets=[("asset:0", "words.txt")],
        objects=[field(5, b""), field(7, b"")],
        concrete=[("start", field(2, b"\x00\x01"))],
    )

    assert codes(path) == ("clean", set())


def test_a_table_from_any_other_file_is_not(tmp_path):
    start = function("start", ["name", "t"], table("t", "name"))
    direct = function("start", ["t"], text("file", "/etc/passwd"), table("t", "file:output:0"))
    const = text("file", "/etc/passwd")

    assert (
        codes(saved(tmp_path / "a", const, call("init", "start", "file", "v"), functions=[start]))[0]
        == "file-read"
    )
    assert codes(saved(tmp_path / "b", functions=[direct]))[0] == "file-read"
    bound = [("start", field(2, b"\x00\x01"))]
    objects = [field(9, field(1, "file")), field(7, b"")]
    path = saved(tmp_path / "c", const, functions=[start], objects=objects, concrete=bound)
    assert codes(path)[0] == "file-read"


def test_an_asset_outside_of_the_folder_is_read_from_there(tmp_path):
    assert codes(saved(tmp_path, assets=[("asset:0", "../../../etc/passwd")])) == ("file-read", {"EL612"})


def test_a_linked_asset_is_refused(tmp_path):
    path = saved(tmp_path)
    (path / "assets" / "secret").symlink_to("/etc/passwd")

    assert codes(path)[0] == "refuse"


@pytest.mark.parametrize("name", ["saved_model.pbtxt", "saved_model.cpb", "config.json"])
def test_another_model_in_the_same_folder_is_refused(tmp_path, name):
    path = saved(tmp_path)
    (path / name).write_bytes(b"")

    assert codes(path)[0] == "refuse"


def test_a_constant_that_grows_is_seen(tmp_path):
    shape = field(2, field(2, field(1, 1 << 20)) + field(2, field(1, 1 << 20)))
    large = node("x", "Const", value=field(8, field(1, 1) + shape + field(5, b"\0\0\x80?")))

    assert codes(saved(tmp_path, large)) == ("resource", {"EL615"})


def test_a_variable_of_any_size_is_seen(tmp_path):
    shape = field(2, field(2, field(1, 1 << 20)) + field(2, field(1, 1 << 20)))

    assert codes(saved(tmp_path, objects=[field(7, field(1, 1) + shape)])) == ("resource", {"EL614"})


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"class_name": "Dense", "config": {"units": 2}}, "clean"),
        ({"class_name": "Mine", "config": {}}, "custom"),
        (
            {"class_name": "Lambda", "config": {"function": ["4wA=", None, None], "function_type": "lambda"}},
            "code",
        ),
        ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}, "file-read"),
    ],
)
def test_what_keras_says_of_its_objects_is_walked(tmp_path, said, verdict):
    beside = saved(tmp_path / "a", metadata=[("root.layer-0", said)])
    inner = field(4, field(1, "_tf_keras_layer") + field(3, json.dumps(said)))
    inside = saved(tmp_path / "b", objects=[inner])

    assert (codes(beside)[0], codes(inside)[0]) == (verdict, verdict)


def test_every_cut_graph_is_told_from_a_whole_one(tmp_path):
    path = saved(tmp_path)
    whole = (path / "saved_model.pb").read_bytes()
    found = set()
    for size in range(0, len(whole) - 1, 7):
        (path / "saved_model.pb").write_bytes(whole[:size])
        found.add(inspect(path).verdict)

    assert found == {"refuse"}


def test_two_descriptions_of_one_object_are_refused(tmp_path):
    layer = {"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 1}}
    code = {"name": "l", "function": ["4wEAAAA=", None, None], "function_type": "lambda"}
    hidden = {"class_name": "Lambda", "name": "l", "config": code}

    def verdict(*rows):
        return codes(saved(tmp_path, metadata=[("root", layer), *rows]))[0]

    assert verdict(("root.x", layer)) == "clean"
    assert verdict(("root.x", hidden)) == "code"
    assert verdict(("root.x", hidden), ("root.x", layer)) == "refuse"
