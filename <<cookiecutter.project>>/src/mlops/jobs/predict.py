"""Answer a CSV file with a model's handler, in a process of its own, as an endpoint would.

python predict.py CODE_DIR MODEL_DIR FEATURES PREDICTIONS
"""

import importlib
import sys
from pathlib import Path

CSV = "text/csv"


def main(code: str, model: str, features: str, predictions: str) -> None:
    """Send the whole file through the four functions of inference.py."""
    # The programs' own folder is first on the path; a module of the model's must win over its namesakes here.
    sys.path[0] = code
    handler = importlib.import_module("inference")
    data = handler.input_fn(Path(features).read_bytes(), CSV)
    answer = handler.output_fn(handler.predict_fn(data, handler.model_fn(model)), CSV)
    Path(predictions).write_bytes(answer if isinstance(answer, bytes) else answer.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
