"""Without --since the audit begins where every account was recorded, if that came soon."""

from __future__ import annotations

import pytest

from mlops.audit.digest import Digest
from mlops.audit.integrity import first_start
from mlops.audit.layout import DigestKey, Source
from tests.audit.world import HOUR, START


def digest(source: Source, hours: float) -> Digest:
    """The first digest of a trail that was made some hours after START."""
    begin = START + hours * HOUR
    place = DigestKey(f"{source} {hours}", source, begin + HOUR, "audit", is_backfill=False)
    return Digest(place, begin, begin + HOUR, "", "", "", "", "", ())


HERE, THERE = Source("111111111111", "eu-west-1"), Source("222222222222", "eu-west-1")


@pytest.mark.parametrize(("later", "begin"), [(0.5, 0.5), (24, 24), (25, 0)])
def test_the_range_begins_when_all_trails_were_made_within_a_day(later: float, begin: float) -> None:
    found = first_start([digest(HERE, 0), digest(HERE, 2), digest(THERE, later)], [HERE, THERE])
    assert found == START + begin * HOUR


def test_trails_of_other_accounts_do_not_move_the_beginning() -> None:
    other = Source("999999999999", "eu-west-1")
    found = first_start([digest(HERE, 1), digest(other, 5)], [HERE, THERE])
    assert found == START + HOUR
