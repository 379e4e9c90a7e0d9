"""What goes into the model and what came out of it."""
