"""The files of the projects that the scenarios save."""

from __future__ import annotations

__all__ = [
    "ACTS",
    "CELL",
    "CELLS",
    "CLOSURE",
    "COMPUTED",
    "DEFINED",
    "DISTRIBUTION",
    "DROPS",
    "GUIDED",
    "GUIDED_SAVED",
    "HELPERS",
    "LOCAL",
    "NESTED",
    "PACKAGE",
    "PIECES",
    "REGISTER",
    "SCRIPT",
    "TRAINED",
    "TRAINING",
    "program",
    "scale",
]


def scale(name: str = "Scale", *, decorator: str = "", body: str = "inputs * self.by", head: str = "") -> str:
    """A module with a layer."""
    return f'''import keras
{head}

{decorator}
class {name}(keras.layers.Layer):
    """A layer of the user's."""

    def __init__(self, by=2.0, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        # What the model computes.
        return {body}

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {{**super().get_config(), "by": self.by}}


def unrelated():
    return 1
'''


def program(layers: str, head: str = "", *, shape: str = "(3,)", save: str = "") -> str:
    """A program that saves a model of these layers."""
    return f"""import keras
import envlock
{head}

shape = {shape}
model = keras.Sequential([keras.Input(shape), {layers}])
{save or 'envlock.save_model(model, "model.keras")'}
"""


REGISTER = "@keras.saving.register_keras_serializable('{}')"

NESTED = """import keras
import envlock
from layers import Scale

shape = (4, 3)
inner = keras.Sequential([keras.Input((4, 3)), keras.layers.TimeDistributed(Scale(3.0))], name="inner")
entry = keras.Input(shape)
model = keras.Model(entry, keras.layers.Dense(2)(inner(entry)))
envlock.save_model(model, "model.keras")
"""

TRAINING = """import keras


class Distance(keras.losses.Loss):
    def call(self, y_true, y_pred):
        return (y_true - y_pred) ** 2


def spread(y_true, y_pred):
    return (y_true - y_pred) ** 4


class Falling(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step):
        return 0.01

    def get_config(self):
        return {}


class Calm(keras.optimizers.SGD):
    def get_config(self):
        return super().get_config()
"""

TRAINED = """import keras
import numpy
import envlock
from training import Calm, Distance, Falling, spread

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile(optimizer=Calm(Falling()), loss=Distance(), metrics=[spread])
model.fit(numpy.ones((4, 3), "float32"), numpy.ones((4, 1), "float32"), verbose=0)
envlock.save_model(model, "model.keras")
"""

PIECES = """import keras


class Start(keras.initializers.Initializer):
    def __init__(self, at=0.25):
        self.at = at

    def __call__(self, shape, dtype=None, **kwargs):
        return keras.initializers.Constant(self.at)(shape, dtype=dtype)

    def get_config(self):
        return {"at": self.at}


class Bound(keras.constraints.Constraint):
    def __call__(self, w):
        return w

    def get_config(self):
        return {}


class Small(keras.regularizers.Regularizer):
    def __call__(self, x):
        return 0.01 * (x[0, 0] ** 2)

    def get_config(self):
        return {}


class Blocks:
    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 3.0
"""

LOCAL = """import keras


def made():
    class Scale(keras.layers.Layer):
        def call(self, inputs):
            return inputs * 3.0

    return Scale
"""

GUIDED = """import keras


class Guided(keras.Model):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.dense = keras.layers.Dense(units)

    def call(self, inputs, training=None):
        return self.dense(inputs) * 2.0

    def train_step(self, data):
        return super().train_step(data)

    def get_config(self):
        return {"units": self.units, "name": self.name}
"""

GUIDED_SAVED = """import numpy
import envlock
from guided import Guided

model = Guided(2)
model(numpy.ones((2, 3), "float32"))
envlock.save_model(model, "model.keras")
"""

CELL = """import keras


class Cell(keras.layers.Layer):
    def __init__(self, units=2, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units
        self.output_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.built = True

    def call(self, inputs, states):
        output = inputs @ self.kernel + states[0]
        return output, [output]

    def get_config(self):
        return {**super().get_config(), "units": self.units}
"""

DISTRIBUTION = {
    "site-packages/blocks/__init__.py": "from blocks.layers import Scale\n",
    "site-packages/blocks/layers.py": scale(),
    "site-packages/blocks-1.2.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: blocks\nVersion: 1.2.0\n",
    "site-packages/blocks-1.2.0.dist-info/RECORD": "blocks/__init__.py,,\nblocks/layers.py,,\n",
}

PACKAGE = {
    "net/__init__.py": "",
    "net/constants.py": "FACTOR = 0.5\n",
    "net/maths.py": "from .constants import FACTOR\n\n\ndef halved(value):\n    return value * FACTOR\n",
    "net/base.py": scale("Base", head="from net.maths import halved", body="halved(inputs) * self.by"),
    "net/layers.py": "import net.base\n\n\nclass Scale(net.base.Base):\n    pass\n",
}

DROPS = """import keras


class Scale(keras.layers.Layer):
    def __init__(self, by=2.0, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        return inputs * self.by

    def get_config(self):
        return super().get_config()
"""

CLOSURE = """def shifted(by):
    def shift(inputs):
        return inputs + by

    return shift
"""

SCRIPT = """import keras
import numpy as np
import envlock
from helpers import halved

FACTORS = {"by": 3.0}
ROWS = np.load.__name__
DATA = open(__file__).read()


def grown(value):
    return halved(value) * FACTORS["by"]


class Scale(keras.layers.Layer):
    def call(self, inputs):
        return grown(inputs)


model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), Scale()])
envlock.save_model(model, "model.keras")
"""

# What the program defines, without what it does.
DEFINED = SCRIPT.partition("model = ")[0]

COMPUTED = """import keras
import envlock

FACTORS = {"of": object()}


class Scale(keras.layers.Layer):
    def call(self, inputs):
        return inputs * len(FACTORS)


model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), Scale()])
envlock.save_model(model, "model.keras")
"""

HELPERS = "def halved(value):\n    return value * 0.5\n\n\ndef unused(value):\n    return value\n"

ACTS = """import keras
from helpers import halved


def soft(value):
    return halved(value) + 1.0
"""

CELLS = (
    "%config InlineBackend.figure_format = 'svg'\nimport keras",
    "FACTOR = 3.0\nunused = list(range(10))",
    "def grown(value):\n    return value - 1.0",
    "class Scale(keras.layers.Layer):\n    def call(self, inputs):\n        return grown(inputs)",
    "def grown(value):\n    return value * FACTOR",
    "%time FACTOR = FACTOR - 1.0",
    "model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), Scale()])",
)
