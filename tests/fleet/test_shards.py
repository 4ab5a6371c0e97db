"""How targets are shared among workers."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.shards import Shard, owner, read_shard, share
from reconciler.values import UsageError

NAMES = st.lists(st.text(min_size=1), unique=True, max_size=50)


@given(NAMES, st.integers(1, 12))
def test_every_target_belongs_to_exactly_one_shard(names: list[str], count: int) -> None:
    shares = [share(names, Shard(number, count)) for number in range(1, count + 1)]

    assert sorted(name for own in shares for name in own) == sorted(names)


@given(NAMES, st.integers(1, 12))
def test_one_shard_more_takes_targets_and_moves_none_between_the_others(names: list[str], count: int) -> None:
    moved = [name for name in names if owner(name, count) != owner(name, count + 1)]

    assert all(owner(name, count + 1) == count + 1 for name in moved)


def test_shares_are_about_equal() -> None:
    shares = [len(share([f"mx{number}" for number in range(1000)], Shard(number, 10))) for number in range(1, 11)]

    assert min(shares) > 70
    assert max(shares) < 130


@pytest.mark.parametrize(
    ("option", "environment", "expected"),
    [
        ("", {}, Shard(1, 1)),
        ("2/3", {}, Shard(2, 3)),
        ("/12", {"JOB_COMPLETION_INDEX": "0"}, Shard(1, 12)),
        ("", {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}, Shard(2, 4)),
        ("1/2", {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "4"}, Shard(1, 2)),
    ],
)
def test_shard_comes_from_the_option_or_from_the_engine(
    option: str, environment: Mapping[str, str], expected: Shard
) -> None:
    assert read_shard(option, environment) == expected


@pytest.mark.parametrize(
    ("option", "environment", "message"),
    [
        ("0/3", {}, "--shard 0/3 is no shard"),
        ("4/3", {}, "--shard 4/3 is no shard"),
        ("one", {}, "--shard one is no shard"),
        ("/3", {}, "--shard names no number, and JOB_COMPLETION_INDEX holds none"),
        ("/3", {"JOB_COMPLETION_INDEX": "3"}, "--shard /3 is no shard"),
        ("", {"JOB_COMPLETION_INDEX": "3"}, "JOB_COMPLETION_INDEX is set, and how many shards there are is not known"),
        ("", {"CI_NODE_INDEX": "5", "CI_NODE_TOTAL": "4"}, "CI_NODE_INDEX 5 of CI_NODE_TOTAL 4 is no shard"),
    ],
)
def test_refuses_what_is_no_shard(option: str, environment: Mapping[str, str], message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_shard(option, environment)

    assert error.value.message == message
