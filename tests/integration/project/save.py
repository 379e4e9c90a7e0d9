"""Save the project's model to argv[1], with the numbers that it gives, by way argv[2]."""

import sys

import numpy as np
import tensorflow as tf
from gates import Gate, Shift, keras, wave

import envlock


def model(activation):
    keras.utils.set_random_seed(3)
    inputs = keras.layers.Input((6,), name="features")
    hidden = keras.layers.Dense(5, activation=activation, name="hidden")(Gate(bias=0.25, name="gate")(inputs))
    outputs = keras.layers.Dense(2, name="scores")(Shift(by=0.5, name="shift")(hidden))
    return keras.Model(inputs, outputs)


def main(path, way, activation=""):
    # Keras 2.13 to 2.15 cannot load a function of the user's from an .h5 file, their own included.
    loses_functions = path.endswith(".h5") and keras.__version__.startswith("2.")
    made = model(wave if activation or not loses_functions else "tanh")
    rows = np.random.default_rng(5).standard_normal((4, 6)).astype("float32")
    if way == "envlock":
        envlock.save_model(made, path, example=rows)
    else:
        envlock.install()
        if way == "save":
            made.save(path)
        elif way == "function":
            keras.models.save_model(made, path)
        elif way == "export":
            made.export(path)
        else:
            tf.saved_model.save(made, path)
    np.savez(f"{path}.numbers.npz", rows=rows, numbers=made.predict(rows, verbose=0))


main(*sys.argv[1:])
