"""A lock is judged by what it installs inside the image, markers included."""

from __future__ import annotations

import pytest

from mlops.images import FrameworkImage
from mlops.locks import find_disagreements, locked_versions

IMAGE = FrameworkImage("repo", "1", "3.12", {"scikit-learn": "1.9.0"})


@pytest.mark.parametrize(
    ("lock", "versions"),
    [
        ("a==1 \\\n    --hash=sha256:00\n", {"a": "1"}),
        ("a==1 ; python_full_version < '3.12' \\\na==2 ; python_full_version >= '3.12' \\\n", {"a": "2"}),
        ("a==1 ; sys_platform == 'win32' \\\n", {}),
        ("Some_Name[extra]==1.0\n", {"some-name": "1.0"}),
        ("# a==1\n    # via b\n", {}),
    ],
)
def test_markers_are_read_as_inside_the_image(lock: str, versions: dict[str, str]) -> None:
    assert locked_versions(lock, "3.12") == versions


def test_agreement_and_absence_are_no_disagreement() -> None:
    assert find_disagreements("scikit_learn==1.9.0\n", IMAGE) == []
    assert find_disagreements("numpy==1\n", IMAGE) == []


def test_a_disagreement_says_what_to_write() -> None:
    (message,) = find_disagreements("scikit-learn==1.8.0\n", IMAGE)
    assert message == (
        "scikit-learn: found '1.8.0', but image repo:1 has '1.9.0'. "
        "Write scikit-learn==1.9.0 into requirements.in, then: make lock"
    )
