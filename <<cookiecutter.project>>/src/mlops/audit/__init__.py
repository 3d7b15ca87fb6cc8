"""`mlops audit`: prove every approval and every endpoint change from CloudTrail, git and the evidence.

Offline and deterministic: the same folder and the same clone give the same bytes. Exit 0 clean, 1 findings,
2 evidence incomplete; never 0 when nothing was checked (docs/audit.md).
"""

from mlops.audit.command import command

__all__ = ["command"]
