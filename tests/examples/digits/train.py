"""Train a small CNN on scikit-learn's handwritten digits and save it through envlock."""

import sys
from pathlib import Path

import keras
import numpy as np
from digit_layers import ChannelGate
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import envlock


def main(path: Path) -> None:
    """Train, save to `path`, and keep test images and predictions in `expected.npz` beside it."""
    keras.utils.set_random_seed(7)
    digits = load_digits()
    images = (digits.images / 16.0).astype("float32")[..., np.newaxis]
    train_x, test_x, train_y, test_y = train_test_split(images, digits.target, random_state=7)
    model = keras.Sequential(
        [
            keras.layers.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu"),
            ChannelGate(sharpness=2.0),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train_x, train_y, epochs=40, batch_size=64, verbose=0)
    accuracy = model.evaluate(test_x, test_y, verbose=0)[1]
    print(f"trained on {len(train_x)} images, accuracy on {len(test_x)} others: {accuracy:.3f}")

    envlock.save_model(model, path, example=test_x)

    np.savez(path.parent / "expected.npz", images=test_x, predictions=model.predict(test_x, verbose=0))
    print(f"saved {path.name} with its lock {path.name}.envlock.toml")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
