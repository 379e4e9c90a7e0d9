"""Reading the sources of a released Keras, importing nothing."""
