"""The mask that pins a program to cores of a phone: `taskset MASK COMMAND`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hil.android.cpu_cores import parse_core_list
from hil.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hil.android.cpu_cores import Cores

_MASK = re.compile(r"[0-9a-fA-F]{1,8}(?:,[0-9a-fA-F]{8}){0,15}|[0-9a-fA-F]{1,64}")
_GENERAL = ("all", "fastest", "slowest", "not-slowest")


def taskset_mask(cores: Iterable[int]) -> str:
    """Return the mask as toybox wants it: hexadecimal, without 0x in front."""
    mask = sum(1 << core for core in set(cores))
    assert mask > 0
    return f"{mask:x}"


def cores_in_mask(text: str) -> tuple[int, ...] | None:
    """Return the cores of `Cpus_allowed` in /proc/PID/status; None for any other."""
    if not _MASK.fullmatch(text.strip()):
        return None
    mask = int(text.strip().replace(",", ""), 16)
    return tuple(core for core in range(mask.bit_length()) if mask >> core & 1)


def choose_cores(cores: Cores, choice: str) -> tuple[int, ...]:
    """Return the cores that *choice* names on this phone.

    A choice is a cluster's name (little, mid, big, prime), a word that fits most phones
    (all, fastest, slowest, not-slowest) or a list such as `4-7`. ConfigError where the
    phone has no such cores, or none of them is online.
    """
    chosen = _chosen(cores, choice)
    if chosen is None or not set(chosen) <= set(cores.possible):
        raise ConfigError(
            "the phone has no such cores",
            found=choice,
            allowed=", ".join([*_allowed(cores), _listed(cores.possible)]),
        )
    if cores.online is not None and not set(chosen) & set(cores.online):
        raise ConfigError(
            "none of these cores is online",
            where=choice,
            found=_listed(chosen),
            allowed=_listed(cores.online),
        )
    return chosen


def _chosen(cores: Cores, choice: str) -> tuple[int, ...] | None:
    named = {cluster.name: cluster.cores for cluster in cores.clusters}
    if cores.clusters:
        faster = [core for cluster in cores.clusters[1:] for core in cluster.cores]
        named["fastest"] = cores.clusters[-1].cores
        named["slowest"] = cores.clusters[0].cores
        named["not-slowest"] = tuple(sorted(faster))
    named["all"] = cores.possible
    if choice in named:
        return named[choice] or None
    return parse_core_list(choice)


def _allowed(cores: Cores) -> list[str]:
    names = [cluster.name for cluster in cores.clusters]
    general = _GENERAL if len(names) > 1 else _GENERAL[:1]
    return list(dict.fromkeys([*names, *general]))


def _listed(cores: tuple[int, ...]) -> str:
    return ",".join(map(str, cores)) or "none"
