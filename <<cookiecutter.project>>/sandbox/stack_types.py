"""What a CloudFormation type tells moto of itself, for the types that the sandbox adds."""

from __future__ import annotations

from typing import ClassVar


class StackType:
    """One made resource: what Ref and Fn::GetAtt give. Bases: this, then moto's own, which it looks for."""

    kind: ClassVar[str]
    name_property: ClassVar[str] = ""
    attributes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, physical_id: str, arn: str = "") -> None:
        self.physical_id = physical_id
        self.arn = arn

    @property
    def physical_resource_id(self) -> str:
        return self.physical_id

    @classmethod
    def cloudformation_name_type(cls) -> str:
        return cls.name_property

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.kind

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr in cls.attributes

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.arn
