"""What the scenarios save: small projects, each with a program that makes a model and saves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from scenarios.texts import (
    ACTS,
    CELL,
    CELLS,
    CLOSURE,
    COMPUTED,
    DISTRIBUTION,
    DROPS,
    GUIDED,
    GUIDED_SAVED,
    HELPERS,
    LOCAL,
    NESTED,
    PACKAGE,
    PIECES,
    REGISTER,
    SCRIPT,
    TRAINED,
    TRAINING,
    program,
    scale,
)

__all__ = ["SOURCES", "Source"]


@dataclass(frozen=True)
class Source:
    """
    A project by its files, and what is said when its `program.py` saves a model.

    `said` holds a part of each warning, in order; `keras2` is that under Keras 2 where it is another.
    `cells` are run in Jupyter instead of a program.
    """

    name: str
    files: Mapping[str, str] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    keras2: tuple[str, ...] | None = None
    cells: tuple[str, ...] = ()

    def under(self, environment: str) -> Source:
        """The project as it is for one environment."""
        is_other = environment == "keras2" and self.keras2 is not None
        return replace(self, said=self.keras2) if is_other else self


MAIN = (
    "class Scale is defined in the program itself: its source was stored; "
    'elsewhere it loads with trust="captured"'
)
BYTECODE = (
    "a lambda is stored as bytecode of Python 3.",
    "breaks in the environment that it was saved in: [EL109] Lambda 'lambda' holds bytecode, which Keras ",
)
ONE = program("keras.layers.Dense(2), Scale(3.0)", "from layers import Scale")

SOURCES = (
    Source(
        "registered",
        {"layers.py": scale(decorator=REGISTER.format("mine")), "program.py": ONE},
    ),
    Source("unregistered", {"layers.py": scale(), "program.py": ONE}),
    Source(
        "h5",
        {
            "layers.py": scale(),
            "program.py": program(
                "keras.layers.Dense(2), Scale(3.0)",
                "from layers import Scale",
                save='envlock.save_model(model, "model.h5")',
            ),
        },
    ),
    Source(
        "function-h5",
        {
            "acts.py": "import keras\n\n\ndef soft(value):\n    return value * 0.5 + 1.0\n",
            "program.py": program(
                "keras.layers.Dense(2, activation=soft)",
                "from acts import soft",
                save='envlock.save_model(model, "model.h5")',
            ),
        },
        keras2=(
            "[EL121] Dense 'dense' asks for the function soft, written as an object, which Keras 2.15.0",
        ),
    ),
    Source(
        "same-name-h5",
        {
            "first.py": scale(),
            "second.py": scale(body="inputs + self.by"),
            "program.py": program(
                "first.Scale(3.0), second.Scale(4.0)",
                "import first\nimport second",
                save='envlock.save_model(model, "model.h5")',
            ),
        },
        said=("first.Scale and second.Scale are all called Scale in it",),
    ),
    Source("nested", {"layers.py": scale(), "program.py": NESTED}),
    Source(
        "function",
        {
            "acts.py": ACTS,
            "helpers.py": HELPERS,
            "program.py": program("keras.layers.Dense(2, activation=soft)", "from acts import soft"),
        },
    ),
    Source("training", {"training.py": TRAINING, "program.py": TRAINED}),
    Source(
        "pieces",
        {
            "pieces.py": PIECES,
            "program.py": program(
                "keras.layers.Dense(2, kernel_initializer=Start(), kernel_regularizer=Small(), "
                "kernel_constraint=Bound()), Blocks.Scale()",
                "from pieces import Blocks, Bound, Small, Start",
            ),
        },
    ),
    Source(
        "local",
        {
            "layers.py": LOCAL,
            "program.py": program("keras.layers.Dense(2), made()()", "from layers import made"),
        },
        said=("class made.<locals>.Scale is made inside a function, so that no other program can import it",),
    ),
    Source("subclassed", {"guided.py": GUIDED, "program.py": GUIDED_SAVED}),
    Source(
        "cell",
        {
            "cells.py": CELL,
            "program.py": program("keras.layers.RNN(Cell(2))", "from cells import Cell", shape="(4, 3)"),
        },
    ),
    Source(
        "lambda",
        {"program.py": program("keras.layers.Dense(2), keras.layers.Lambda(lambda value: value * 2.0)")},
        said=BYTECODE,
    ),
    Source(
        "lambda-named",
        {
            "acts.py": "import keras\n\n\ndef doubled(value):\n    return value * 2.0\n",
            "program.py": program(
                "keras.layers.Dense(2), keras.layers.Lambda(doubled)", "from acts import doubled"
            ),
        },
        keras2=BYTECODE,
    ),
    Source(
        "installed",
        {
            **DISTRIBUTION,
            "program.py": program("keras.layers.Dense(2), Scale(3.0)", "from blocks import Scale"),
        },
    ),
    Source(
        "package",
        {
            **PACKAGE,
            "program.py": program("keras.layers.Dense(2), Scale(3.0)", "from net.layers import Scale"),
        },
    ),
    Source("program", {"helpers.py": HELPERS, "program.py": SCRIPT}, said=(MAIN,)),
    Source(
        "program-computed",
        {"program.py": COMPUTED},
        said=(
            "class Scale is defined in the program itself: it uses FACTORS, a dict that the program computed",
        ),
    ),
    Source("notebook", cells=CELLS, said=(MAIN,)),
    Source(
        "same-name-registered",
        {
            "first.py": scale(decorator=REGISTER.format("first")),
            "second.py": scale(decorator=REGISTER.format("second"), body="inputs + self.by"),
            "program.py": program("first.Scale(3.0), second.Scale(4.0)", "import first\nimport second"),
        },
    ),
    Source(
        "same-name",
        {
            "first.py": scale(),
            "second.py": scale(body="inputs + self.by"),
            "program.py": program("first.Scale(3.0), second.Scale(4.0)", "import first\nimport second"),
        },
        said=("first.Scale and second.Scale are all called Scale in it, and none can be had by that name",),
    ),
    Source(
        "same-name-mixed",
        {
            "first.py": scale(decorator=REGISTER.format("first")),
            "second.py": scale(body="inputs + self.by"),
            "program.py": program("first.Scale(3.0), second.Scale(4.0)", "import first\nimport second"),
        },
    ),
    Source(
        "helper",
        {
            "layers.py": scale(head="from helpers import halved", body="halved(inputs) * self.by"),
            "helpers.py": HELPERS,
            "program.py": ONE,
        },
    ),
    Source(
        "config-misses",
        {
            "layers.py": DROPS.replace("by=2.0, ", "by, "),
            "program.py": ONE,
        },
        said=(
            "Scale cannot be made again from its get_config(): ",
            "breaks in the environment that it was saved in: [EL124] Scale 'scale' does not carry `by`",
        ),
    ),
    Source(
        "config-drops",
        {"layers.py": DROPS, "program.py": ONE},
        said=("get_config() of Scale leaves out by (here 3.0, and 2.0 when it comes back)",),
    ),
    Source(
        "closure",
        {
            "acts.py": CLOSURE,
            "program.py": program(
                "keras.layers.Dense(2, activation=shifted(3.0))", "from acts import shifted"
            ),
        },
        said=("function shifted.<locals>.shift uses by of the function around it, which no source holds",),
    ),
    Source(
        "install",
        {
            "layers.py": scale(),
            "program.py": program(
                "keras.layers.Dense(2), Scale(3.0)",
                "from layers import Scale\nenvlock.install()",
                save='model.save("model.keras")',
            ),
        },
    ),
)
