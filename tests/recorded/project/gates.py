"""The project that every recorded model belongs to: one registered layer, in every Keras since 2.10."""

try:
    from tensorflow import keras
except ModuleNotFoundError:
    import keras

__all__ = ["Gate", "keras"]


@keras.utils.register_keras_serializable(package="recorded")
class Gate(keras.layers.Layer):
    """A weight for each feature, counted from `bias`."""

    def __init__(self, bias=0.5, **kwargs):
        """Arithmetic that every backend can do."""
        super().__init__(**kwargs)
        self.bias = bias

    def build(self, input_shape):
        """One number for each feature."""
        self.gate = self.add_weight(name="gate", shape=(int(input_shape[-1]),), initializer="ones")
        self.built = True

    def call(self, inputs):
        """The features, each with its weight."""
        return inputs * (self.gate + self.bias)

    def get_config(self):
        """What `__init__` takes."""
        return {**super().get_config(), "bias": self.bias}
