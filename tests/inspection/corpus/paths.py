"""Names that are paths, and arguments that are paths or addresses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from . import payloads
from .case import CODE, READ, REFUSE, Bench, Case
from .configs import custom, dense, entry, function, legacy, sequential, through
from .files import h5, keras

NAMES: tuple[tuple[str, Any], ...] = (
    ("parent", ".."),
    ("parent-inside", "a/../../b"),
    ("absolute", "/tmp/envlock-fired"),
    ("empty", ""),
    ("backslash", "..\\..\\b"),
    ("nul", "a\0b"),
    ("newline", "a\nb"),
    ("escape", "\x1b[2J"),
    ("carriage", "good\revil"),
    ("object", {"class_name": "__lambda__", "config": {}}),
)


def layer_name(bench: Bench, name: Any, *, deep: bool) -> Path:
    """A layer with assets under that name."""
    item = payloads.vocabulary_layer(bench, name)
    item["config"]["vocabulary"] = ["a", "b"]
    inner = sequential(bench, item, name="inner")
    model = sequential(bench, inner) if deep else sequential(bench, item)
    return keras(bench, model)


def model_name(bench: Bench) -> Path:
    return keras(bench, sequential(bench, dense(), name="../outside"))


def placed_name(bench: Bench) -> Path:
    """The name in the list of layers, not in the layer."""
    model = through(bench, dense())
    model["config"]["layers"][1]["name"] = "../.."
    return keras(bench, model)


VOCABULARIES: tuple[tuple[str, str], ...] = (
    ("relative", "outside/secret.txt"),
    ("file-address", "file:"),
    ("http", "http://127.0.0.1:1/vocabulary"),
    ("https", "https://127.0.0.1:1/vocabulary"),
    ("bucket", "gs://bucket/vocabulary"),
    ("s3", "s3://bucket/vocabulary"),
    ("hdfs", "hdfs://namenode/vocabulary"),
    ("hub", "hf://user/model"),
    ("memory", "ram://vocabulary"),
    ("process", "/proc/self/environ"),
    ("home", "~/.ssh/id_rsa"),
    ("windows", "C:\\Users\\me\\secret.txt"),
    ("share", "\\\\host\\share\\secret.txt"),
    ("plain-word", "vocabulary"),
)


def address(bench: Bench, value: str) -> Path:
    item = payloads.vocabulary_layer(bench)
    item["config"]["vocabulary"] = bench.secret().as_uri() if value == "file:" else value
    return keras(bench, sequential(bench, item, shape=(None, 1), dtype="string"))


LOOKUPS: tuple[tuple[str, str, str], ...] = (
    ("IntegerLookup", "keras.layers", "vocabulary"),
    ("TextVectorization", "keras.layers", "vocabulary"),
    ("TextVectorization", "keras.layers", "idf_weights"),
    ("IndexLookup", "keras.src.layers.preprocessing.index_lookup", "vocabulary"),
    ("StringLookup", "keras.src.layers.preprocessing.string_lookup", "vocabulary"),
    ("StringLookup", "tf_keras.layers", "vocabulary"),
)


def lookup(bench: Bench, name: str, module: str, argument: str, *, older: bool = False) -> Path:
    config: dict[str, Any] = {"name": "evil", argument: str(bench.secret())}
    if name == "TextVectorization":
        config |= {"standardize": None, "split": None, "ngrams": None, "output_mode": "int"}
    if argument != "vocabulary":
        config |= {"vocabulary": ["a"], "output_mode": "tf_idf"}
    model = sequential(bench, entry(name, module, **config), shape=(None, 1), dtype="string")
    return h5(bench, legacy(model)) if older else keras(bench, model)


def in_feature_space(bench: Bench) -> Path:
    """Two levels down in the one preprocessing object that is no layer."""
    inner = payloads.vocabulary_layer(bench)
    module = "keras.src.layers.preprocessing.feature_space"
    feature = entry("Feature", module, dtype="string", preprocessor=inner, output_mode="one_hot")
    feature["registered_name"] = "Feature"
    return keras(bench, entry("FeatureSpace", "keras.utils", features={"a": feature}, output_mode="concat"))


def in_custom(bench: Bench) -> Path:
    """A lookup of Keras in the configuration of somebody's layer, as its inner part."""
    return keras(
        bench, sequential(bench, custom("Encoder", name="e", lookup=payloads.vocabulary_layer(bench)))
    )


def custom_by_name(bench: Bench) -> Path:
    """A loader layer of Keras under a registered name, with the path it loads."""
    item = {**payloads.tfsm_layer(bench), "registered_name": "my_package>TFSMLayer"}
    return keras(bench, sequential(bench, item))


def weights_argument(bench: Bench) -> Path:
    """A model of Keras' own made by its function, with weights from a path."""
    item = function("VGG16", "keras.applications", "VGG16")
    return keras(bench, sequential(bench, dense(activity_regularizer=item)))


def cases() -> Iterator[Case]:
    """Names, vocabularies, and lookups."""
    for slug, name in NAMES:
        for deep in (False, True):
            build = partial(layer_name, name=name, deep=deep)
            expected = REFUSE | READ | CODE if slug == "object" else REFUSE | READ
            yield Case(f"name-{slug}{'-deep' * deep}", "CVE-2026-12479 layer name", expected, build)
    yield Case("name-of-model", "CVE-2026-12479 layer name", REFUSE | READ, model_name)
    yield Case("name-placed", "CVE-2026-12479 layer name", REFUSE | READ, placed_name, 3)
    row = "CVE-2025-12058 vocabulary"
    for slug, value in VOCABULARIES:
        yield Case(f"vocabulary-at-{slug}", row, READ, partial(address, value=value))
    for name, module, argument in LOOKUPS:
        slug = f"lookup-{module.split('.')[0]}-{name}-{argument}-{module.count('.')}"
        build = partial(lookup, name=name, module=module, argument=argument)
        yield Case(slug, row, READ, build)
    for name, module, argument in LOOKUPS[:2]:
        build = partial(lookup, name=name, module=module, argument=argument, older=True)
        yield Case(f"lookup-h5-{name}", row, READ, build, 2)
    yield Case("vocabulary-in-feature-space", row, READ, in_feature_space, 3)
    yield Case("vocabulary-in-custom-lookup", row, READ, in_custom)
    yield Case("loader-registered", "CVE-2026-1462 TFSMLayer", CODE | READ, custom_by_name, 3)
    yield Case(
        "application-as-function", "CVE-2025-8747 Keras' own helpers", CODE | READ, weights_argument, 3
    )
