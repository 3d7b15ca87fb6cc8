"""Apply a model's own metrics to predictions, in a process of its own.

python measure.py CODE_DIR TRUTH PREDICTIONS METRICS
"""

import importlib
import json
import sys
from pathlib import Path


def main(code: str, truth: str, predictions: str, metrics: str) -> None:
    """Write the metrics as JSON."""
    # The programs' own folder is first on the path, and holds another evaluate.py.
    sys.path[0] = code
    import pandas as pd  # comes with the model's lock, which names the version

    evaluate = importlib.import_module("evaluate")
    values = evaluate.metrics(pd.read_csv(truth), pd.read_csv(predictions))
    Path(metrics).write_text(json.dumps({name: float(value) for name, value in values.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
