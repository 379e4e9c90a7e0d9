"""Scenarios by what is saved."""

from __future__ import annotations

from scenarios.row import BLOCKS, BYTECODE, OTHER_VERSION, Row, trusted
from scenarios.texts import DEFINED

__all__ = ["KINDS"]

KINDS = (
    Row("a registered layer", "registered", ran=("layers",)),
    Row("an unregistered layer", "unregistered", ran=("layers",)),
    Row("a layer in a wrapper in a model in a model", "nested", ran=("layers",)),
    Row("a layer, in an `.h5` file", "h5", ran=("layers",)),
    Row("a function as activation", "function", ran=("acts", "helpers")),
    Row(
        "a function as activation, in an `.h5` file",
        "function-h5",
        ran=("acts",),
        keras2={"said": ("[EL121] Dense 'dense' asks for the function soft",), "error": ("TypeError: ",)},
    ),
    Row("initializer, regularizer, constraint, and a layer inside of a class", "pieces", ran=("pieces",)),
    Row("loss, metric, optimizer and its schedule", "training", ran=("training",)),
    Row("a subclassed model with a `train_step`", "subclassed", ran=("guided",)),
    Row("an RNN cell", "cell", ran=("cells",)),
    Row(
        "a Lambda layer of a lambda",
        "lambda",
        error=BYTECODE,
    ),
    Row(
        "a Lambda layer of a lambda, `safe_mode=False`", "lambda", "lambda-unsafe", options="safe_mode=False"
    ),
    Row(
        "a Lambda layer of a named function",
        "lambda-named",
        ran=("acts",),
        keras2={"error": BYTECODE, "ran": ()},
    ),
    Row("a layer of an installed package", "installed", ran=("blocks", "blocks.layers")),
    Row(
        "a layer of an installed package, in another version",
        "installed",
        "installed-other-version",
        files=OTHER_VERSION,
        said=("[EL204] blocks was 1.2.0 when the model was saved, the target has 2.0.0",),
        ran=("blocks", "blocks.layers"),
    ),
    Row(
        'a layer of an installed package that is not there, `trust="captured"`',
        "installed",
        "installed-missing",
        files={**OTHER_VERSION, **dict.fromkeys(OTHER_VERSION), **dict.fromkeys(BLOCKS)},
        options='trust="captured"',
        said=("[EL201] class Scale was in module blocks.layers, which the target does not have",),
        error=(
            "CustomObjectError: ",
            "class Scale",
            "(module blocks.layers is not here; ",
            "pip install blocks==1.2.0",
        ),
    ),
    Row(
        "a local package of five modules",
        "package",
        ran=("net", "net.layers", "net.base", "net.maths", "net.constants"),
    ),
    Row(
        'a local package of five modules; it is not there, `trust="captured"`',
        "package",
        "package-captured",
        files=dict.fromkeys(
            ("net/__init__.py", "net/constants.py", "net/maths.py", "net/base.py", "net/layers.py")
        ),
        options='trust="captured"',
        ran=tuple(
            f"captured.{name}" for name in ("net", "net.layers", "net.base", "net.maths", "net.constants")
        ),
    ),
    trusted("a registered layer", "registered", "layers"),
    trusted("a layer in a wrapper in a model in a model", "nested", "layers"),
    trusted("a function as activation", "function", "acts", "helpers"),
    trusted("loss, metric and optimizer", "training", "training"),
    trusted("initializer, regularizer, constraint, and a layer inside of a class", "pieces", "pieces"),
    trusted("a subclassed model with a `train_step`", "subclassed", "guided"),
    trusted("an RNN cell", "cell", "cells"),
    trusted("layers registered under two names, called the same", "same-name-registered", "first", "second"),
    trusted("a layer in an `.h5` file", "h5", "layers"),
    Row(
        "loss, metric and optimizer, of which nothing is there",
        "training",
        "training-missing",
        files={"training.py": None},
        said=("[EL201] class Calm was in module training, which the target does not have",),
        error=(
            "CustomObjectError: ",
            "class Calm",
            "class Distance",
            "function spread",
            "class Falling",
            'custom_objects={"Calm": Calm, "Distance": Distance, "Falling": Falling, "spread": spread}',
        ),
    ),
    Row(
        "loss, metric and optimizer, of which nothing is there, `compile=False`",
        "training",
        "training-uncompiled",
        files={"training.py": None},
        options="compile=False",
    ),
    Row(
        "a class of the program itself",
        "program",
        error=("CustomObjectError: ", "class Scale", "(it was defined in the program that saved the model)"),
        said=("[EL201] class Scale was in module __main__, which the target does not have",),
    ),
    Row(
        'a class of the program itself, `trust="captured"`',
        "program",
        "program-captured",
        options='trust="captured"',
        ran=("captured.helpers",),
    ),
    Row(
        "a class of the program itself, loaded by a program that defines it so",
        "program",
        "program-defined",
        load=DEFINED + 'model = envlock.load_model("model.keras")\n',
        ran=("helpers",),
    ),
    Row(
        "a class of the program itself, loaded by a program that defines it otherwise",
        "program",
        "program-defined-edited",
        load=DEFINED.replace("3.0", "4.0") + 'model = envlock.load_model("model.keras")\n',
        said=("[EL202] class Scale of module __main__, or code of yours that it uses, was edited",),
        ran=("helpers",),
        is_equal=False,
    ),
    Row(
        "a class of the program that uses what the program computed",
        "program-computed",
        options='trust="captured"',
        error=("CustomObjectError: ", "class Scale", "(it was defined in the program that saved the model)"),
        said=("[EL201] class Scale was in module __main__",),
    ),
    Row(
        "a class of a notebook",
        "notebook",
        error=("CustomObjectError: ", "class Scale", "(it was defined in the program that saved the model)"),
        said=("[EL201] class Scale was in module __main__, which the target does not have",),
    ),
    Row(
        'a class of a notebook, `trust="captured"`',
        "notebook",
        "notebook-captured",
        options='trust="captured"',
    ),
    Row(
        "registered under two names, called the same in two modules",
        "same-name-registered",
        ran=("first", "second"),
    ),
    Row(
        "unregistered, called the same in two modules",
        "same-name",
        error=(
            "CustomObjectError: ",
            "Scale, asked for by ",
            "(its file means those of first and second, and Keras takes one for all)",
            "register them under names of their own, and save it again",
        ),
    ),
    Row(
        "unregistered, called the same in two modules, in an `.h5` file",
        "same-name-h5",
        error=(
            "CustomObjectError: ",
            "Scale, asked for by ",
            "(its file names it, and nothing else is known of it)",
        ),
    ),
    Row("one registered and one not, called the same", "same-name-mixed", ran=("second", "first")),
)
