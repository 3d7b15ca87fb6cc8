"""AWS::CodeCommit: repositories."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes


def set_description(making: Making, before: Properties) -> None:
    making.client("codecommit").update_repository_description(
        repositoryName=making.get("RepositoryName"),
        repositoryDescription=making.get("RepositoryDescription", ""),
    )


def set_name(making: Making, before: Properties) -> None:
    making.client("codecommit").update_repository_name(
        oldName=before["RepositoryName"], newName=making.get("RepositoryName")
    )


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client, arn = making.client("codecommit"), making.place.arn("codecommit", making.get("RepositoryName"))
    if put:
        client.tag_resource(resourceArn=arn, tags={each["Key"]: each["Value"] for each in put})
    if removed:
        client.untag_resource(resourceArn=arn, tagKeys=removed)


class Repository(Kind):
    name = "AWS::CodeCommit::Repository"
    schema = {"RepositoryDescription": str, "RepositoryName": str, "Tags": TAGS}
    required = frozenset({"RepositoryName"})
    born = frozenset(schema)
    tags = "Tags"
    attributes = frozenset({"Arn", "CloneUrlHttp", "Name"})
    setters = {
        "RepositoryName": set_name,
        "RepositoryDescription": set_description,
        "Tags": set_tags,
    }

    def make(self, making: Making) -> None:
        tags = {each["Key"]: each["Value"] for each in making.get("Tags") or ()}
        made = making.client("codecommit").create_repository(
            repositoryName=making.get("RepositoryName"),
            repositoryDescription=making.get("RepositoryDescription", ""),
            tags=tags,
        )
        making.id = made["repositoryMetadata"]["repositoryId"]

    def describe(self, making: Making) -> dict[str, Any]:
        name = making.get("RepositoryName")
        found = making.client("codecommit").get_repository(repositoryName=name)["repositoryMetadata"]
        return {"Arn": found["Arn"], "CloneUrlHttp": found["cloneUrlHttp"], "Name": name}

    def delete(self, making: Making) -> None:
        making.client("codecommit").delete_repository(repositoryName=making.get("RepositoryName"))


KINDS = (Repository(),)
