"""Ways of hiding the same thing: wherever an object, a size, a pickle or a setting stands, it is seen."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

import pytest
from inspection.test_graphs import codes, field, node, saved, text
from inspection.test_settings import archive, function, layer, model, own, seen, tensor

from envlock.inspection import inspect

h5py = pytest.importorskip("h5py")
numpy = pytest.importorskip("numpy")

READING = own("StringLookup", vocabulary="/etc/passwd")
HOSTILE = [
    (READING, "file-read"),
    (own("TextVectorization", vocabulary="words"), "file-read"),
    (own("Lambda", function=["4wA=", None, None]), "code"),
    (own("TFSMLayer", filepath="/tmp/x"), "code"),
    (own("Dense", units=3_000_000_000), "resource"),
    (own("system", "os"), "code"),
]
PLACES = {
    "argument": lambda item: layer("Add", "keras.src.ops.numpy", args=[tensor(), item]),
    "keyword": lambda item: layer("Add", "keras.src.ops.numpy", args=[tensor()], kwargs={"y": item}),
    "deep argument": lambda item: layer("Dense", units=2, args=[[{"a": [item]}]]),
    "constant": lambda item: layer("Dense", units=2, args=[item]),
    "slice": lambda item: layer(
        "GetItem",
        "keras.src.ops.numpy",
        args=[tensor(), {"class_name": "__slice__", "config": {"start": item}}],
    ),
    "array": lambda item: layer(
        "Dense", units=2, args=[{"class_name": "__numpy__", "config": {"value": [item], "dtype": "float32"}}]
    ),
    "tuple": lambda item: layer("Dense", args=[{"class_name": "__tuple__", "items": [item]}]),
    "object in an argument": lambda item: layer("Dense", args=[own("Wrapper", "mine", inner=item)]),
    "argument of a lambda": lambda item: layer("Lambda", function=function("relu"), arguments={"x": item}),
    "type": lambda item: layer("Dense", units=2, dtype=item),
    "vocabulary": lambda item: layer("StringLookup", vocabulary=[item]),
    "tensor": lambda item: layer("Dense", args=[{**tensor(), "more": [item]}]),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("item", "verdict"), HOSTILE, ids=lambda part: str(part)[:40])
def test_an_object_means_the_same_wherever_it_stands(tmp_path, place, item, verdict):
    assert seen(tmp_path, PLACES[place](item))[0] == verdict


def test_a_function_inside_an_object_among_arguments_is_out_of_place(tmp_path):
    held = layer("Dense", args=[own("Dense", units=2, activation=function("relu"))])

    assert seen(tmp_path, held)[0] == "code"


def chain(*layers, shape=(None, 6)):
    """Layers one behind the other, in a functional model."""
    last, listed = "start", [layer("InputLayer", batch_shape=list(shape), name="start")]
    for number, (name, config) in enumerate(layers):
        label = f"l{number}"
        module = "keras.src.ops.numpy" if name[0] == "!" else "keras.layers"
        listed.append(
            layer(name.lstrip("!"), module, args=[tensor(last)], **config, name=label) | {"name": label}
        )
        last = label
    ends = {"input_layers": [["start", 0, 0]], "output_layers": [[last, 0, 0]]}
    return own("Functional", "keras.src.models.functional", name="m", layers=listed, **ends)


def row(*layers, shape=(None, 6)):
    """The same in a Sequential."""
    first = own("InputLayer", batch_shape=list(shape), name="start")
    rest = [own(name, **config, name=f"l{number}") for number, (name, config) in enumerate(layers)]
    return own("Sequential", "keras", name="m", layers=[first, *rest])


WIDE = ("Dense", {"units": 1000})
LARGE = [
    ([("Dense", {"units": 4000})] * 60, (None, 4000)),
    ([("RepeatVector", {"n": 1_000_000}), ("Flatten", {}), WIDE], (None, 6)),
    ([("UpSampling2D", {"size": [500, 500]}), ("Flatten", {}), WIDE], (None, 8, 8, 3)),
    ([("ZeroPadding2D", {"padding": [[900, 900], [900, 900]]}), ("Flatten", {}), WIDE], (None, 8, 8, 3)),
    ([("Resizing", {"height": 3000, "width": 3000}), ("Flatten", {}), WIDE], (None, 8, 8, 3)),
    ([("Embedding", {"input_dim": 9, "output_dim": 4000}), ("Flatten", {}), WIDE], (None, 500)),
    ([("Conv2D", {"filters": 4096, "kernel_size": [3, 3]})] * 8, (None, 64, 64, 4096)),
    ([("Reshape", {"target_shape": [1, -1]}), ("LSTM", {"units": 1000})], (None, 100, 1000)),
    ([("LSTM", {"units": 1000, "return_sequences": True}), ("Flatten", {}), WIDE], (None, 5000, 3)),
    ([("CategoryEncoding", {"num_tokens": 1_000_000}), WIDE], (None, 6)),
    ([("Bidirectional", {"layer": own("LSTM", units=2000)})] * 2, (None, 5, 2000)),
    ([("Conv2DTranspose", {"filters": 64, "kernel_size": 2, "strides": [90, 90]}), ("Flatten", {}), WIDE],
     (None, 8, 8, 3)),
    ([("PReLU", {})], (None, 4000, 4000, 3)),
    ([("TimeDistributed", {"layer": own("Dense", units=10_000)})] * 2, (None, 2, 4000)),
    ([("LocallyConnected1D", {"filters": 100, "kernel_size": [9]})], (None, 5000, 100)),
    ([("SeparableConv2D", {"filters": 9000, "kernel_size": [3, 3]})], (None, 64, 64, 9000)),
    ([("STFTSpectrogram", {}), ("Dense", {"units": 777})], (None, 6)),
    ([("Dense", {"units": 4001.0})] * 9, (None, 4001)),
]  # fmt: skip


@pytest.mark.parametrize("build", [chain, row])
@pytest.mark.parametrize(("layers", "shape"), LARGE, ids=lambda part: str(part)[:60])
def test_weights_that_are_asked_for_are_stored(tmp_path, build, layers, shape):
    found = inspect(archive(tmp_path, build(*layers, shape=shape)))

    assert "EL614" in {hazard.code for hazard in found.hazards}


@pytest.mark.parametrize(
    ("name", "config"),
    [("!Tile", {"repeats": [1, 1_000_000]}), ("!Repeat", {"repeats": 1_000_000, "axis": 1}),
     ("!BroadcastTo", {"shape": [2, 6_000_000]}), ("!Reshape", {"newshape": [-1, 6_000_000]})],
)  # fmt: skip
def test_operations_that_enlarge_are_followed(tmp_path, name, config):
    shape = (None, 6_000_000) if name == "!Reshape" else (None, 6)

    assert inspect(archive(tmp_path, chain((name, config), WIDE, shape=shape))).verdict == "resource"


def test_a_model_in_a_model_is_given_what_reaches_it(tmp_path):
    inner = own(
        "Sequential", "keras", name="inner", layers=[own("Flatten", name="f"), own("Dense", units=1000)]
    )
    layers = [own("InputLayer", batch_shape=[None, 6]), own("RepeatVector", n=1_000_000), inner]

    assert inspect(archive(tmp_path, own("Sequential", "keras", layers=layers))).verdict == "resource"


@pytest.mark.parametrize(
    "config",
    [
        own("Sequential", "keras", name="m", layers=[own("Dense", units=4000)] * 60),
        chain(*[("Dense", {"units": 100})] * 20),
        chain(("Conv2D", {"filters": 8, "kernel_size": 3}), ("Flatten", {}), WIDE, shape=(None, 28, 28, 1)),
        chain(("RepeatVector", {"n": 1_000_000}), ("Flatten", {})),
        chain(("UpSampling2D", {"size": 500}), ("GlobalAveragePooling2D", {}), WIDE, shape=(None, 8, 8, 3)),
        chain(("PReLU", {"shared_axes": [1, 2]}), shape=(None, 4000, 4000, 3)),
    ],
    ids=range(6),
)
def test_what_takes_no_memory_is_clean(tmp_path, config):
    assert inspect(archive(tmp_path, config)).verdict == "clean"


def test_many_calls_of_models_in_models_come_to_an_end(tmp_path):
    inner = own("Sequential", "keras", name="s", layers=[own("Dropout", rate=0.1)])
    for number in range(22):
        twice = [{"args": [tensor("x", (None, number))], "kwargs": {}} for _ in range(2)]
        held = {**inner, "name": "s", "inbound_nodes": twice}
        listed = [layer("InputLayer", batch_shape=[None, 6], name="x"), held]
        ends = {"input_layers": [["x", 0, 0]], "output_layers": [["s", 1, 0]]}
        inner = own("Functional", "keras.src.models.functional", name="s", layers=listed, **ends)

    assert inspect(archive(tmp_path, inner)).verdict == "clean"


class Calls:
    def __reduce__(self):
        return print, ("fired",)


def taped(data):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as opened:
        item = tarfile.TarInfo("data.pkl")
        item.size = len(data)
        opened.addfile(item, io.BytesIO(data))
    return out.getvalue()


def zipped(data, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as opened:
        opened.writestr("archive/data.pkl", data)
    return out.getvalue()


def objects():
    out = io.BytesIO()
    numpy.save(out, numpy.array([{}, None], dtype=object), allow_pickle=True)
    return out.getvalue()


PICKLES = {
    **{f"protocol {number}": pickle.dumps(Calls(), number) for number in range(6)},
    "instance": b"(S'x'\nios\nsystem\n.",
    "object": b"(cos\nsystem\nS'x'\no.",
    "import alone": b"cantigravity\nfly\n.",
    "build": b"cos\nsystem\n(dS'a'\nI1\nsb.",
    "long before": b"V" + b"a" * (5 << 20) + b"\n0" + pickle.dumps(Calls(), 0),
    "behind a value": b"I1\n0" + pickle.dumps(Calls(), 0),
    "gzip": gzip.compress(pickle.dumps(Calls(), 2)),
    "zlib": zlib.compress(pickle.dumps(Calls(), 4)),
    "bz2": bz2.compress(pickle.dumps(Calls(), 4)),
    "xz": lzma.compress(pickle.dumps(Calls(), 4)),
    "zip": zipped(pickle.dumps(Calls(), 2)),
    "deflated": zipped(pickle.dumps(Calls(), 2), zipfile.ZIP_DEFLATED),
    "tar": taped(pickle.dumps(Calls(), 3)),
    "tar.gz": gzip.compress(taped(pickle.dumps(Calls(), 3))),
    "npy": objects(),
    "npz": zipped(objects()),
    "cut": pickle.dumps(Calls(), 4)[:-1],
}


@pytest.mark.parametrize("name", PICKLES)
def test_a_pickle_among_the_assets_is_code_whatever_it_is_called(tmp_path, name):
    packed = inspect(archive(tmp_path, model(), **{"assets/vocabulary.txt": PICKLES[name]}))
    folder = saved(tmp_path)
    (folder / "assets" / "words.txt").write_bytes(PICKLES[name])
    beside = saved(tmp_path / "b")
    (beside / "assets.extra").mkdir()
    (beside / "assets.extra" / "x").write_bytes(PICKLES[name])

    assert [packed.verdict, codes(folder)[0], codes(beside)[0]] == ["code"] * 3


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"cat\ndog\nfish\n",
        b"cos\nsin\nRain\n",
        b"cos\nsystem\n(S'x'\ntR",
        b"N.\n",
        b"I\nVictor\nPaul\n.\n",
        b"(a\n(b\n",
        b"[UNK]\nthe\nof\n",
        b"\n".join(b"w%d" % number for number in range(50_000)),
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        "été\n\u5c42\n".encode(),
        json.dumps({"a": [1, 2]}).encode(),
        b"S'\nt\n(\n",
        b"x" * (5 << 20),
    ],
)
def test_words_and_pictures_are_no_pickles(tmp_path, data):
    verdict = inspect(archive(tmp_path, model(), **{"assets/vocabulary.txt": data})).verdict

    assert verdict == ("code" if data.endswith(b"tR") else "clean")


def settings(folder, name, value, **how):
    path = folder / "model.h5"
    with h5py.File(path, "w", **how) as file:
        file.create_group("model_weights")
        file.attrs["keras_version"] = "2.15.0"
        if isinstance(value, tuple):
            file.attrs.create(name, *value)
        else:
            file.attrs[name] = value
    return path


LAMBDA = json.dumps({"class_name": "Sequential", "config": [own("Lambda", function=["4wA=", None, None])]})


@pytest.mark.parametrize("how", [{}, {"libver": "latest"}])
@pytest.mark.parametrize("name", ["model_config", "training_config", "keras_version", "backend"])
@pytest.mark.parametrize(
    "value",
    [
        1,
        2.5,
        numpy.frombuffer(LAMBDA.encode(), "u1"),
        numpy.array([LAMBDA], dtype=object),
        numpy.array([LAMBDA.encode()]),
        numpy.array([[LAMBDA.encode()] * 2]),
        numpy.void(LAMBDA.encode()),
        h5py.Empty("f4"),
        numpy.array([], "S1"),
        numpy.bytes_(b"\xff\xfe{}"),
        True,
    ],
    ids=range(11),
)
def test_a_setting_that_is_no_text_is_refused(tmp_path, how, name, value):
    assert inspect(settings(tmp_path, name, value, **how)).verdict == "refuse"


@pytest.mark.parametrize("how", [{}, {"libver": "latest"}])
@pytest.mark.parametrize("value", [LAMBDA, numpy.bytes_(LAMBDA.encode())], ids=["varying", "fixed"])
def test_a_setting_that_is_a_text_is_read_in_every_form(tmp_path, how, value):
    assert inspect(settings(tmp_path, "model_config", value, **how)).verdict == "code"


def test_settings_in_attributes_that_lie_apart_are_read(tmp_path):
    path = settings(tmp_path, "model_config", LAMBDA, libver="latest")
    with h5py.File(path, "a") as file:
        for number in range(40):
            file.attrs[f"a{number}"] = number

    assert inspect(path).verdict == "code"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x15\0\0\0\0",
        b"\x11" + bytes(8),
        b"\x10\x01",
        field(1, 1),
        field(3, b"x"),
        field(2, b""),
        field(2, field(1, b"")),
        field(2, field(2, b"")),
        field(2, b"\x15\0\0\0\0"),
        field(2, field(2, b"\x0d\0\0\0\0")),
        field(2, field(2, field(4, b""))),
        b"\x02\x00",
        b"\x13\x14",
        b"\x92\x00\x00",
    ],
)
def test_a_graph_without_a_graph_is_refused(tmp_path, data):
    path = saved(tmp_path)
    (path / "saved_model.pb").write_bytes(data)

    assert inspect(path).verdict == "refuse"


def test_the_last_of_two_values_counts(tmp_path):
    twice = node("other", "Const", value=field(8, field(1, 7) + field(8, ".part")))
    twice += field(5, field(1, "value") + field(2, field(8, field(1, 7) + field(8, "/etc/passwd"))))
    place = node("r", "RestoreV2", "other", "n", "s")

    assert codes(saved(tmp_path, twice, place))[0] == "file-read"


def test_a_text_that_is_packed_otherwise_is_unknown(tmp_path):
    packed = node(
        "other", "Const", value=field(8, field(1, 7) + field(8, ".part") + field(4, b"\x0b/etc/passwd"))
    )

    assert codes(saved(tmp_path, packed, node("r", "RestoreV2", "other", "n", "s")))[0] == "file-read"
    assert (
        codes(saved(tmp_path / "b", text("c", ".part"), node("r", "RestoreV2", "c", "n", "s")))[0] == "clean"
    )


def test_a_constant_grows_however_its_parts_are_ordered(tmp_path):
    shape = field(2, field(2, field(1, 1 << 40)))
    value = field(2, field(8, field(1, 1) + shape + field(5, struct.pack("<f", 1))))
    nodes = [
        field(1, "c") + field(2, "Const") + field(5, part)
        for part in (field(1, "value") + value, value + field(1, "value"))
    ]

    assert {codes(saved(tmp_path / str(at), item))[0] for at, item in enumerate(nodes)} == {"resource"}
