"""The version, in the one place where the build, the package and the User-Agent read it."""

__version__ = "0.1.0"
