"""The command line: one verb a module, imported only when it is called.

Exit codes: 0 done, 1 an expected failure or a finding, 2 wrong usage, 3 a bug in this tool.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from mlops.errors import MlopsError

# verb: (module, what `mlops --help` says). Text here, so that help imports no module.
VERBS = {
    "new": ("new", "Add a model that passes `make check` at once."),
    "plan": ("plan", "Say which models and pins a diff affects, and what merging would start."),
    "check": ("check", "Check every spec, lock and pin against the rules."),
    "data": ("data", "Publish a model's dataset version for jobs to read."),
    "train": ("train", "Compile a model's pipeline and start it."),
    "propose": ("propose", "Open the pull requests that would promote what is ready."),
    "deploy": ("deploy", "Make AWS match the pins of an environment."),
    "approve": ("approve", "Confirm the releases that a pipeline of CodePipeline waits to deploy."),
    "rollback": ("rollback", "Open the pull request that goes back; --now flips the endpoint first."),
    "retire": ("retire", "Open the pull request that takes a model out of an environment."),
    "login": ("login", "Sign a CI job in to AWS with its own identity."),
    "status": ("status", "Compare what git pins with what is live; exit 1 on drift."),
    "bootstrap": ("bootstrap", "Create or update the AWS foundation and the forge's settings."),
    "audit": ("audit", "Prove every approval and endpoint change from CloudTrail; 1 findings, 2 incomplete."),
    "doctor": ("doctor", "Say what is missing or wrong in accounts, forge and tools; exit 1 on a finding."),
    "destroy": ("destroy", "Take away all that the project made in an account, and prove it."),
}


class Verbs(click.Group):
    """A click group that imports a verb's module only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the loop, not of the alphabet."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's own command, or None for a verb that does not exist."""
        if cmd_name not in VERBS:
            return None
        command = importlib.import_module(f"mlops.{VERBS[cmd_name][0]}").command
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table above, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, text) for verb, (_, text) in VERBS.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mlops")
def mlops() -> None:
    """Promote models by pull request: git says what is live, `deploy` makes AWS match."""


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and turn what goes wrong into one line and an exit code."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run a verb; its exit code."""
    try:
        outcome: Any = mlops.main(arguments, standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return fail("stopped by the keyboard; run the same command to carry on", 1)
    except click.ClickException as wrong:
        wrong.show()
        return 2
    except MlopsError as expected:
        return fail(str(expected), expected.exit_code)
    except Exception as unexpected:  # noqa: BLE001 - the last door: every failure leaves as one line and a code
        return explain(unexpected)
    return outcome if isinstance(outcome, int) else 0


def explain(unexpected: Exception) -> int:
    """Say an AWS failure in one line (exit 1); show anything else as the bug that it is (exit 3)."""
    from mlops.aws import describe_failure

    message = describe_failure(unexpected)
    if message is not None:
        return fail(message, 1)
    import traceback

    traceback.print_exc()
    return fail(f"unexpected {type(unexpected).__name__}: {unexpected}; this is a bug in mlops", 3)


def fail(message: str, code: int) -> int:
    """Print one line on standard error and hand the exit code on."""
    click.echo(f"mlops: {message}", err=True)
    return code


if __name__ == "__main__":
    main()
