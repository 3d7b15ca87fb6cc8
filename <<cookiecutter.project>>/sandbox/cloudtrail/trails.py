"""One trail: its settings, and what it has collected in each region."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.cloudtrail import selectors
from sandbox.cloudtrail.delivery import Chain
from sandbox.cloudtrail.digests import Place
from sandbox.cloudtrail.kinds import GLOBAL_REGION

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.cloudtrail.records import Record


@dataclass(frozen=True)
class Settings:
    """What CreateTrail and UpdateTrail set."""

    account: str
    name: str
    home: str
    bucket: str
    prefix: str = ""
    key: str = ""
    global_events: bool = True
    multi_region: bool = False
    validation: bool = False

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudtrail:{self.home}:{self.account}:trail/{self.name}"

    def place(self, region: str) -> Place:
        return Place(self.bucket, self.prefix, self.account, self.name, self.home, region)

    def described(self) -> dict[str, Any]:
        """What CreateTrail and UpdateTrail answer."""
        return {
            "Name": self.name,
            "S3BucketName": self.bucket,
            "S3KeyPrefix": self.prefix or None,
            "IncludeGlobalServiceEvents": self.global_events,
            "IsMultiRegionTrail": self.multi_region,
            "TrailARN": self.arn,
            "LogFileValidationEnabled": self.validation,
            "KmsKeyId": self.key or None,
            "IsOrganizationTrail": False,
        }


@dataclass
class Trail:
    """A trail at work. `ending`: it was asked to stop, and that record is still to come."""

    settings: Settings
    tags: dict[str, str] = field(default_factory=dict)
    basic: list[selectors.Selector] = field(default_factory=lambda: [selectors.DEFAULT])
    advanced: list[selectors.Selector] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    logging: bool = False
    ending: bool = False
    started: datetime | None = None
    stopped: datetime | None = None
    delivered: datetime | None = None
    digested: datetime | None = None
    error: str = ""

    @property
    def is_custom(self) -> bool:
        return bool(self.advanced) or self.basic != [selectors.DEFAULT]

    def start(self, moment: datetime) -> None:
        """Begin a new chain in each region that the trail covers."""
        settings = self.settings
        regions = {settings.home, GLOBAL_REGION} if settings.multi_region else {settings.home}
        self.chains = {region: self._chain(region, moment) for region in sorted(regions)}
        self.logging, self.ending, self.started = True, False, moment

    def _chain(self, region: str, moment: datetime) -> Chain:
        return Chain(self.settings.place(region), moment, self.settings.key)

    def update(self, settings: Settings, moment: datetime) -> None:
        """Deliver to another place from now on; a chain goes on in another bucket, under another key."""
        self.settings = settings
        for region, chain in self.chains.items():
            chain.place, chain.key = settings.place(region), settings.key
        if self.logging and settings.multi_region:
            self.chains.setdefault(GLOBAL_REGION, self._chain(GLOBAL_REGION, moment))

    def take(self, record: Record, line: bytes, moment: datetime) -> None:
        """Collect a record, if it is this trail's."""
        if not self.logging or not selectors.selects(self.advanced or self.basic, record):
            return
        region = record["awsRegion"]
        chain = self.chains.get(region)
        if chain is None and self.settings.multi_region:
            chain = self.chains.setdefault(region, self._chain(region, moment))
        if chain is None and region == GLOBAL_REGION and self.settings.global_events:
            chain = self.chains[self.settings.home]
        if chain:
            chain.add(record["eventTime"], line)
