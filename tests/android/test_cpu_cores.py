from __future__ import annotations

import pytest

from hil.android.cpu_cores import cores_of, parse_core_list
from hil.android.sysfs_files import SysfsFiles


def _files(*cores: tuple[int | None, int | None], **lists: str) -> SysfsFiles:
    """Return the files of cores that each tell a capacity and a clock, or None."""
    values = dict(lists)
    for core, (capacity, khz) in enumerate(cores):
        if capacity is not None:
            values[f"cpu{core}/cpu_capacity"] = str(capacity)
        if khz is not None:
            values[f"cpu{core}/cpufreq/cpuinfo_max_freq"] = str(khz)
    return SysfsFiles(values)


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("0-3,6", (0, 1, 2, 3, 6)),
        ("0 1 2", (0, 1, 2)),
        ("3", (3,)),
        ("", None),
        ("3-1", None),
        ("0-999", None),
        ("a", None),
    ],
)
def test_a_list_of_the_kernel_is_read(text: str, cores: tuple[int, ...] | None) -> None:
    assert parse_core_list(text) == cores


@pytest.mark.parametrize(
    ("sizes", "names"),
    [
        ((4,), ["all"]),
        ((4, 4), ["little", "big"]),
        ((4, 2, 2), ["little", "mid", "big"]),
        ((4, 3, 1), ["little", "big", "prime"]),
        ((3, 2, 2, 1), ["little", "mid", "big", "prime"]),
    ],
)
def test_clusters_have_the_usual_names_slowest_first(
    sizes: tuple[int, ...], names: list[str]
) -> None:
    told = [
        (100 * (index + 1), 1_000_000 + index)
        for index, size in enumerate(sizes)
        for _ in range(size)
    ]
    cores = cores_of(_files(*told))
    assert cores is not None
    assert [cluster.name for cluster in cores.clusters] == names
    assert [len(cluster.cores) for cluster in cores.clusters] == list(sizes)


def test_equal_clocks_of_different_capacity_are_two_clusters() -> None:
    cores = cores_of(_files((811, 2_803_200), (824, 2_803_200)))
    assert cores is not None
    assert [cluster.capacity for cluster in cores.clusters] == [811, 824]


def test_a_core_that_is_off_joins_the_one_cluster_that_it_fits() -> None:
    cores = cores_of(_files((400, 1_000_000), (400, None), (1024, 2_000_000)))
    assert cores is not None
    assert [cluster.cores for cluster in cores.clusters] == [(0, 1), (2,)]
    assert cores.unclassified == ()


def test_a_core_that_fits_two_clusters_stays_outside() -> None:
    cores = cores_of(_files((400, 1_000_000), (400, 2_000_000), (400, None)))
    assert cores is not None
    assert cores.unclassified == (2,)


def test_the_policys_folder_tells_of_cores_that_are_off() -> None:
    files = SysfsFiles(
        {
            "possible": "0-3",
            "online": "0",
            "cpufreq/policy0/cpuinfo_max_freq": "1495000",
            "cpufreq/policy0/related_cpus": "0 1 2 3",
        }
    )
    cores = cores_of(files)
    assert cores is not None
    assert cores.online == (0,)
    assert [cluster.cores for cluster in cores.clusters] == [(0, 1, 2, 3)]


def test_what_tells_of_no_core_is_none() -> None:
    assert cores_of(SysfsFiles({"cpu0/cpufreq": "x"})) is not None
    assert cores_of(SysfsFiles()) is None


def test_a_clock_out_of_bounds_and_an_odd_governor_are_not_believed() -> None:
    files = SysfsFiles(
        {
            "cpu0/cpu_capacity": "1024",
            "cpu0/cpufreq/cpuinfo_max_freq": "99000000",
            "cpu0/cpufreq/scaling_governor": "x;reboot",
        }
    )
    cores = cores_of(files)
    assert cores is not None
    (cluster,) = cores.clusters
    assert (cluster.max_khz, cluster.governor) == (None, None)
