"""The demo's custom layer, in a module of its own as it would be in a project."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="digits")
class ChannelGate(keras.layers.Layer):
    """Scale each channel by a learnt factor between 0 and 1."""

    def __init__(self, sharpness: float = 1.0, **kwargs) -> None:
        super().__init__(**kwargs)
        self.sharpness = sharpness

    def build(self, input_shape) -> None:
        """Make one weight for each channel."""
        self.gate = self.add_weight(name="gate", shape=(int(input_shape[-1]),), initializer="zeros")
        self.built = True

    def call(self, images):
        """Feature maps of shape (n, height, width, channels), float32; the same shape comes back."""
        return images * tf.sigmoid(self.sharpness * self.gate)

    def get_config(self) -> dict:
        """What `__init__` needs to make the layer again."""
        return {**super().get_config(), "sharpness": self.sharpness}
