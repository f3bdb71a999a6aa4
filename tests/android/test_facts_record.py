from __future__ import annotations

import json

from hil.android.battery import Battery
from hil.android.facts_record import facts_record
from hil.android.identity import Identity
from hil.android.phone_facts import PhoneFacts
from hil.android.thermal_zones import ThermalZone


def test_every_key_is_always_there() -> None:
    empty = facts_record(PhoneFacts())
    full = facts_record(PhoneFacts(battery=Battery(), identity=Identity(model="X")))
    assert empty.keys() == full.keys()
    assert empty["model"] is None
    assert empty["battery_is_forced"] is None
    assert full["battery_is_forced"] is False
    json.dumps(empty)


def test_texts_of_the_phone_are_printable_and_bounded() -> None:
    record = facts_record(PhoneFacts(identity=Identity(model="\x1b[2J" + "x" * 500)))
    model = record["model"]
    assert isinstance(model, str)
    assert model.startswith("\\x1b[2Jx")
    assert len(model) == 200


def test_the_number_of_zones_is_bounded() -> None:
    zones = tuple(
        ThermalZone(zone=n, name="z", temperature_c=30.0, raw="30") for n in range(500)
    )
    record = facts_record(PhoneFacts(zones=zones))
    assert len(record["thermal_zones"]) == 128  # type: ignore[arg-type]
