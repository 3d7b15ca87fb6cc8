"""A pipeline's hands: what it does on AWS, it does as its own role, and IAM is asked each time."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any

from sandbox import identity

if TYPE_CHECKING:
    from sandbox.codepipeline.records import Execution
    from sandbox.world import World

SERVICE = "codepipeline.amazonaws.com"
LETTERS = string.ascii_letters + string.digits


def arn_of(world: World, pipeline: str) -> str:
    return f"arn:aws:codepipeline:{world.region}:{world.account}:{pipeline}"


class Hands:
    """One session of a pipeline's role, for one action."""

    def __init__(self, world: World, execution: Execution) -> None:
        pipeline = execution.pipeline
        name, source = pipeline["name"], arn_of(world, pipeline["name"])
        session = world.sts.assume_for(SERVICE, pipeline["roleArn"], name[:64], world.account, source)
        self.caller = identity.of_session(session)
        self.region = world.region
        self._keys, self._world, self._store = session.keys(), world, pipeline["artifactStore"]
        self._pipeline = pipeline["name"]

    def client(self, service: str) -> Any:
        return self._world.client(service, self._keys, SERVICE)

    @property
    def bucket(self) -> str:
        return str(self._store["location"])

    @property
    def key_id(self) -> str:
        return str(self._store.get("encryptionKey", {}).get("id", ""))

    def new_key(self, artifact: str) -> str:
        """Where an artifact of this execution goes."""
        end = "".join(secrets.choice(LETTERS) for _ in range(7))
        return f"{self._pipeline[:20]}/{artifact[:10]}/{end}"

    def put(self, key: str, body: bytes, said: dict[str, str]) -> None:
        """Put an artifact under the store's key."""
        sealed = {"ServerSideEncryption": "aws:kms"} | ({"SSEKMSKeyId": self.key_id} if self.key_id else {})
        self.client("s3").put_object(
            Bucket=self.bucket, Key=key, Body=body, Metadata=said, ContentType="application/zip", **sealed
        )
