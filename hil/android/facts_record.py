"""The facts of a phone as plain JSON for the evidence of a record.

Every key is always there: null says that the phone did not tell, and `not_told` says
why. Units stand in the names. Texts of the phone are made printable and bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.android.battery import Battery
from hil.android.identity import Identity
from hil.android.thermal_service import status_name
from hil.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.android.cpu_cores import Cores
    from hil.android.phone_facts import PhoneFacts
    from hil.android.thermal_service import ThermalService

_TEXT_CHARACTERS = 200
_MAX_ZONES = 128
_NOBODY = Identity()


def facts_record(facts: PhoneFacts) -> dict[str, object]:
    """Return *facts* as JSON values."""
    return {
        **_identity(facts.identity),
        "kernel": _text(facts.kernel),
        **_cpu(facts),
        **_memory(facts),
        **_battery(facts.battery),
        **_heat(facts),
        **_state(facts),
        "not_told": {name: _text(why) for name, why in facts.not_told.items()},
        "implausible": _implausible(facts),
    }


def _identity(told: Identity) -> dict[str, object]:
    return {
        "manufacturer": _text(told.manufacturer),
        "brand": _text(told.brand),
        "model": _text(told.model),
        "device": _text(told.device),
        "soc_manufacturer": _text(told.soc_manufacturer),
        "soc": _text(told.soc),
        "platform": _text(told.platform),
        "hardware": _text(told.hardware),
        "chip": _text(told.chip),
        "abi": _text(told.abi),
        "abis": [_text(abi) for abi in told.abis],
        "release": _text(told.release),
        "sdk": told.sdk,
        "security_patch": _text(told.security_patch),
        "fingerprint": _text(told.fingerprint),
        "is_debuggable": told.is_debuggable,
        # A phone that named nothing has not denied it either.
        "is_emulator": None if told == _NOBODY else told.is_emulator,
        "emulator_signs": list(told.emulator_signs),
    }


def _cpu(facts: PhoneFacts) -> dict[str, object]:
    models = facts.cpu_models
    cores = facts.cores
    return {
        "chip_in_cpuinfo": _text(models.hardware) if models else None,
        "core_designs": _by_number(models.design) if models else None,
        "possible_cores": list(cores.possible) if cores else None,
        "online_cores": _list(cores.online) if cores else None,
        "unclassified_cores": list(cores.unclassified) if cores else None,
        "clusters": _clusters(cores) if cores else None,
        "clock_now_khz": _by_number(cores.now_khz) if cores else None,
    }


def _clusters(cores: Cores) -> list[dict[str, object]]:
    return [
        {
            "name": cluster.name,
            "cores": list(cluster.cores),
            "max_khz": cluster.max_khz,
            "min_khz": cluster.min_khz,
            "capacity": cluster.capacity,
            "governor": _text(cluster.governor),
        }
        for cluster in cores.clusters
    ]


def _memory(facts: PhoneFacts) -> dict[str, object]:
    ram, gpu = facts.ram, facts.gpu_memory
    return {
        "ram_total_bytes": ram.total_bytes if ram else None,
        "ram_available_bytes": ram.available_bytes if ram else None,
        "swap_total_bytes": ram.swap_total_bytes if ram else None,
        "swap_free_bytes": ram.swap_free_bytes if ram else None,
        "gpu_memory_bytes": gpu.total_bytes if gpu else None,
    }


def _battery(battery: Battery | None) -> dict[str, object]:
    told = battery or Battery()
    return {
        "battery_level_percent": told.level_percent,
        "battery_temperature_c": told.temperature_c,
        "battery_voltage_mv": told.voltage_mv,
        "battery_charge_uah": told.charge_uah,
        "battery_status": told.status,
        "battery_health": told.health,
        "battery_is_present": told.is_present,
        "battery_powered_by": _list(told.powered_by),
        "battery_is_forced": told.is_forced if battery else None,
    }


def _heat(facts: PhoneFacts) -> dict[str, object]:
    thermal = facts.thermal
    status = thermal.status if thermal else None
    return {
        "thermal_status": status,
        "thermal_status_name": None if status is None else status_name(status),
        "thermal_is_overridden": thermal.is_overridden if thermal else None,
        "thermal_hal": _text(thermal.hal) if thermal else None,
        "thermal_sensors": _sensors(thermal) if thermal else None,
        "thermal_zones": [
            {"zone": zone.zone, "type": _text(zone.name), "c": zone.temperature_c}
            for zone in facts.zones
            if zone.temperature_c is not None
        ][:_MAX_ZONES],
    }


def _sensors(thermal: ThermalService) -> list[dict[str, object]]:
    severe = {t.name: t.hot_c[3] for t in thermal.thresholds}
    return [
        {
            "name": _text(sensor.name),
            "kind": sensor.kind,
            "c": sensor.temperature_c,
            "status": sensor.status,
            "severe_from_c": severe.get(sensor.name),
        }
        for sensor in thermal.sensors
    ]


def _state(facts: PhoneFacts) -> dict[str, object]:
    screen, load = facts.screen, facts.load
    return {
        "wakefulness": screen.wakefulness if screen else None,
        "display": screen.display if screen else None,
        "offers_fixed_performance": facts.offers_fixed_performance,
        "load_one_minute": load.one_minute if load else None,
        "load_five_minutes": load.five_minutes if load else None,
        "running_threads": load.running if load else None,
        "uptime_seconds": facts.uptime_seconds,
    }


def _implausible(facts: PhoneFacts) -> list[str | None]:
    battery = facts.battery.implausible if facts.battery else ()
    thermal = facts.thermal.implausible if facts.thermal else ()
    return [
        *(_text(f"battery {line}") for line in battery),
        *(_text(f"sensor {line}") for line in thermal),
    ]


def _by_number(values: Mapping[int, object]) -> dict[str, object]:
    return {str(number): value for number, value in sorted(values.items())}


def _list(values: tuple[object, ...] | None) -> list[object] | None:
    return None if values is None else list(values)


def _text(text: str | None) -> str | None:
    return None if text is None else printable(text)[:_TEXT_CHARACTERS]
