"""A project's own module: registered and unregistered classes, a function, a helper module."""

import keras
import tensorflow as tf
from helpers.factors import scaled

register = keras.utils.register_keras_serializable


@register(package="project")
class Gate(keras.layers.Layer):
    """Registered; its arithmetic is in another module of the project."""

    def __init__(self, bias=0.5, **kwargs):
        super().__init__(**kwargs)
        self.bias = bias

    def build(self, input_shape):
        self.gate = self.add_weight(name="gate", shape=(int(input_shape[-1]),), initializer="ones")
        self.built = True

    def call(self, inputs):
        return scaled(inputs, tf.sigmoid(self.gate + self.bias))

    def get_config(self):
        return {**super().get_config(), "bias": self.bias}


class Shift(keras.layers.Layer):
    """Not registered."""

    def __init__(self, by=1.0, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, inputs):
        return inputs + self.by

    def get_config(self):
        return {**super().get_config(), "by": self.by}


@register(package="project")
def wave(x):
    """A registered activation function."""
    return x * tf.sin(x)
