"""The user's code that a saved model needs: found at save, described, found again at load."""
