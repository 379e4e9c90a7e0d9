"""The version of envlock, read by the build and written into locks."""

__version__ = "0.1.0"
