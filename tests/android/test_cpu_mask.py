from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.android.cpu_cores import Cluster, Cores
from hil.android.cpu_mask import choose_cores, cores_in_mask, taskset_mask
from hil.errors import ConfigError


def _cluster(name: str, *cores: int) -> Cluster:
    return Cluster(
        name=name, cores=cores, max_khz=1, min_khz=None, capacity=None, governor=None
    )


PHONE = Cores(
    possible=tuple(range(8)),
    online=tuple(range(7)),
    clusters=(
        _cluster("little", 0, 1, 2, 3),
        _cluster("big", 4, 5, 6),
        _cluster("prime", 7),
    ),
)


@given(st.sets(st.integers(min_value=0, max_value=31), min_size=1))
def test_a_mask_names_the_cores_that_it_was_made_of(cores: set[int]) -> None:
    assert cores_in_mask(taskset_mask(cores)) == tuple(sorted(cores))


def test_a_mask_has_no_prefix() -> None:
    assert taskset_mask((4, 5, 6, 7)) == "f0"


def test_the_kernels_groups_of_eight_digits_are_read() -> None:
    assert cores_in_mask("00000001,00000000\n") == (32,)
    assert cores_in_mask("0xf0") is None


@pytest.mark.parametrize(
    ("choice", "cores"),
    [
        ("all", tuple(range(8))),
        ("little", (0, 1, 2, 3)),
        ("slowest", (0, 1, 2, 3)),
        ("not-slowest", (4, 5, 6, 7)),
        ("4-5", (4, 5)),
    ],
)
def test_a_choice_names_cores(choice: str, cores: tuple[int, ...]) -> None:
    assert choose_cores(PHONE, choice) == cores


@pytest.mark.parametrize("choice", ["mid", "8", "0-9", "", "f0"])
def test_cores_that_the_phone_does_not_have_are_refused(choice: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_cores(PHONE, choice)
    assert str(caught.value) == (
        "the phone has no such cores\n"
        f"  found:   {choice}\n"
        "  allowed: little, big, prime, all, fastest, slowest, not-slowest, "
        "0,1,2,3,4,5,6,7"
    )


def test_cores_that_are_all_off_are_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        choose_cores(PHONE, "fastest")
    assert str(caught.value) == (
        "none of these cores is online\n"
        "  where:   fastest\n"
        "  found:   7\n"
        "  allowed: 0,1,2,3,4,5,6"
    )
