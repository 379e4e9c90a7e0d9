"""
Save one small Keras model through envlock, here and now, and keep its lock for the tests.

    PYTHONPATH=REPOSITORY python tools/record_environment.py tests/recorded/NAME.envlock.toml

Runs inside the environment that is to be recorded, which needs Keras (with TensorFlow or without),
`packaging`, `tomli-w` and below Python 3.11 `tomli`. envlock itself comes by `PYTHONPATH`, so that it is no
package of that environment.

The model is that of `tests/recorded/project`: a registered layer of a project between Dense layers,
compiled. It is thrown away. Its lock is kept byte for byte as `envlock.save_model` wrote it: whatever
varies from machine to machine is what the tests are to see. `tests/recorded/README.md` says when each
was taken, and of what.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1] / "tests" / "recorded" / "project"


def model() -> Any:
    """Four features in, two scores out."""
    from gates import Gate, keras

    inputs = keras.layers.Input((4,), name="features")
    hidden = keras.layers.Dense(8, activation="relu", name="hidden")(Gate(bias=0.25, name="gate")(inputs))
    scores = keras.layers.Dense(2, activation="softmax", name="scores")(hidden)
    made = keras.Model(inputs, scores, name="recorded")
    made.compile(optimizer="adam", loss="categorical_crossentropy")
    return made


def record(lock: Path) -> None:
    """Save the model beside nothing that stays, and move its lock to `lock`."""
    import envlock

    with tempfile.TemporaryDirectory() as folder:
        envlock.save_model(model(), Path(folder) / "recorded.keras")
        shutil.copyfile(Path(folder) / "recorded.keras.envlock.toml", lock)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.path.insert(0, str(PROJECT))
    record(Path(sys.argv[1]))
