"""What the models' tests share: loading a script by its path."""

import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def load(request: pytest.FixtureRequest) -> Callable[[str], ModuleType]:
    """Load a script that lies beside the `tests` folder: every model has a train.py, so names cannot tell."""
    folder = Path(request.path).parents[1]

    def load_script(name: str) -> ModuleType:
        unique = f"{folder.name}_{name.replace('/', '_')}"
        # Dataclasses look their module up by name while they are made.
        module = sys.modules[unique] = ModuleType(unique)
        module.__file__ = str(folder / f"{name}.py")
        SourceFileLoader(unique, module.__file__).exec_module(module)
        return module

    return load_script
