"""The scaffold's tests run in place as they do in models/."""

from models.conftest import load

__all__ = ["load"]
