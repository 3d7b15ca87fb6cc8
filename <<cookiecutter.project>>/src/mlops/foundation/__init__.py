"""The AWS foundation as facts: infra/*.yml read, and the stacks that a project wants of them, in order.

`mlops bootstrap` makes them, `mlops doctor` compares them with what is there, `mlops destroy` removes them.
"""

from mlops.foundation.stacks import DUTIES, Stack, plan_stacks, stacks_of
from mlops.foundation.templates import Template, read_templates

__all__ = ["DUTIES", "Stack", "Template", "plan_stacks", "read_templates", "stacks_of"]
