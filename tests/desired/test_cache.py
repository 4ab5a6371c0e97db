"""The directory where what manifests come to is kept: private, bounded, shared, and never in the way."""

import hashlib
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.desired.manifest import ManifestText, load
from reconciler.desired.manifest.cache import LARGEST, LIMIT, MAGIC, SUFFIX, fetch, remembered, store
from reconciler.kinds.catalogue import load as load_catalogue
from tests.keeping import told

CATALOGUE = load_catalogue()
RELAY = "kind: MtaRoute\nspec: {type: Relay, name: a, address: a.example.net}\n"
WRONG = RELAY.replace("type: Relay", "type: Relais")
NOBODY = 65534


def names(directory: Path, *texts: str) -> list[list[str]]:
    """Read manifests by a cache, one after the other, and return what each declares."""
    layers = [[[ManifestText("m.yaml", text)]] for text in texts]
    return [
        [str(resource.address) for resource in remembered(str(directory), CATALOGUE, layer, {}).resources]
        for layer in layers
    ]


def routes(count: int) -> str:
    return "---\n".join(RELAY.replace("name: a", f"name: a{number}") for number in range(count))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "reconciler"


def test_what_is_kept_stands_in_place_of_the_manifests(cache: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()
    other = RELAY.replace("name: a", "name: b")
    names(cache, other)
    (second,) = {*cache.iterdir()} - {kept}
    # Only what reads the file, and nothing else, can tell the one from the other.
    second.write_bytes(kept.read_bytes())

    assert names(cache, RELAY, other) == [["MtaRoute/a"], ["MtaRoute/a"]]


def test_directory_and_files_are_private(cache: Path) -> None:
    names(cache, RELAY)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (cache, *cache.iterdir())]

    assert modes == [0o700, 0o600]


def test_what_has_a_mistake_is_not_kept(cache: Path) -> None:
    names(cache, WRONG)

    assert list(cache.iterdir()) == []


def test_a_file_with_any_byte_changed_or_cut_off_is_as_none(cache: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    cut = [whole[:size] for size in range(len(whole))]
    flipped = [
        whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :] for at in range(len(whole)) for bit in (0, 7)
    ]

    for content in (*cut, *flipped, whole + b"\0", b"", MAGIC, b"\x80\x04N."):
        kept.write_bytes(content)

        assert fetch(kept) is None


def test_a_torn_file_is_written_anew(cache: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])

    assert names(cache, RELAY) == [["MtaRoute/a"]]
    assert kept.read_bytes() == whole


def test_bytes_that_are_whole_and_hold_something_else_are_as_none(cache: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()

    for content in (b"", b"\xc0", b"\x90", b"\xc1", b"cbuiltins\neval\n"):
        kept.write_bytes(MAGIC + hashlib.sha256(content).digest() + content)

        assert names(cache, RELAY) == [["MtaRoute/a"]]


def links(place: Path) -> Path:
    place.mkdir()
    (place.parent / "link").symlink_to(place)
    return place.parent / "link"


def readable(place: Path) -> Path:
    place.mkdir()
    place.chmod(0o770)
    return place


def file(place: Path) -> Path:
    place.write_bytes(b"")
    return place


@pytest.mark.parametrize("make", [links, readable, file, lambda place: place / "above" / "is" / "nothing"])
def test_a_directory_that_is_not_ours_alone_is_left_alone(tmp_path: Path, make: type[Path]) -> None:
    place = make(tmp_path / "cache")

    assert names(place, RELAY, RELAY) == [["MtaRoute/a"]] * 2
    assert [path.name for path in tmp_path.rglob(f"*{SUFFIX}*")] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_and_a_file_of_somebody_else_are_left_alone(cache: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()

    os.chown(kept, NOBODY, NOBODY)
    foreign = fetch(kept)
    os.chown(cache, NOBODY, NOBODY)
    found = names(cache, RELAY, RELAY.replace("name: a", "name: b"))

    assert (foreign, found) == (None, [["MtaRoute/a"], ["MtaRoute/b"]])
    assert list(cache.iterdir()) == [kept]


def test_a_link_in_place_of_a_file_is_not_followed(cache: Path, tmp_path: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()
    moved = kept.rename(tmp_path / "moved")
    kept.symlink_to(moved)

    assert names(cache, RELAY) == [["MtaRoute/a"]]


def test_a_pipe_in_place_of_a_file_is_not_waited_for(cache: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()
    kept.unlink()
    os.mkfifo(kept)

    assert names(cache, RELAY) == [["MtaRoute/a"]]


@pytest.mark.parametrize("place", ["/proc/reconciler", "/dev/full", "/dev/null/reconciler"])
def test_where_nothing_can_be_made_nothing_is_kept(place: str) -> None:
    assert names(Path(place), RELAY, RELAY) == [["MtaRoute/a"]] * 2


def test_what_was_used_least_lately_makes_room(cache: Path) -> None:
    names(cache, RELAY)
    (oldest,) = cache.iterdir()
    used, unused, other = cache / f"used{SUFFIX}", cache / f"unused{SUFFIX}", cache / "of somebody else"
    for age, path in enumerate((other, unused, used)):
        with path.open("wb") as stream:
            # A hole takes no room on the disk.
            stream.truncate(LIMIT // 2)
        os.utime(path, (1000 + age, 1000 + age))
    os.utime(oldest, (1000, 1000))

    # Being used, the oldest becomes the newest.
    names(cache, RELAY)
    names(cache, RELAY.replace("name: a", "name: b"))

    left = {*cache.iterdir()}
    assert {other, used, oldest} < left
    assert len(left) == 4
    assert sum(path.stat().st_size for path in left - {other}) <= LIMIT


def test_nothing_is_kept_that_would_take_most_of_the_room(cache: Path) -> None:
    names(cache, RELAY)
    (kept,) = cache.iterdir()
    with kept.open("r+b") as stream:
        stream.truncate(LARGEST + 1000)

    assert fetch(kept) is None


def test_what_a_killed_run_left_behind_counts_and_goes(cache: Path) -> None:
    names(cache, RELAY)
    left = cache / f".{'0' * 64}{SUFFIX}.k3b1x"
    with left.open("wb") as stream:
        stream.truncate(LIMIT)
    os.utime(left, (1000, 1000))

    names(cache, RELAY.replace("name: a", "name: b"))

    assert not left.exists()


def test_it_may_be_taken_away_at_any_time(cache: Path) -> None:
    names(cache, RELAY)
    for path in cache.iterdir():
        path.unlink()
    cache.rmdir()

    assert names(cache, RELAY) == [["MtaRoute/a"]]
    assert len(list(cache.iterdir())) == 1


def test_many_may_share_it(cache: Path) -> None:
    texts = [RELAY.replace("name: a", f"name: a{number % 5}") for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: names(cache, text), texts))

    assert found == [[[f"MtaRoute/a{number % 5}"]] for number in range(200)]
    assert len(list(cache.iterdir())) == 5


def test_a_file_is_whole_or_not_there_while_others_write_it(cache: Path) -> None:
    names(cache, RELAY)
    path = cache / f"shared{SUFFIX}"

    def written() -> Iterator[bytes | None]:
        with ThreadPoolExecutor(2) as pool:
            writes = [pool.submit(store, path, bytes([number]) * 50_000) for number in range(60)]
            while not all(write.done() for write in writes):
                yield fetch(path)

    contents = [content for content in written() if content is not None]

    assert all(len(content) == 50_000 and len(set(content)) == 1 for content in contents)
    assert len({path.name for path in cache.iterdir()}) == 2


@pytest.mark.parametrize(("count", "kept"), [(100, 0), (1200, 1)])
def test_small_manifests_are_not_kept(tmp_path: Path, count: int, kept: int) -> None:
    manifests, cache = tmp_path / "m.yaml", tmp_path / "cache"
    manifests.write_text(routes(count))

    first, second = [load(CATALOGUE, [str(manifests)], cache=str(cache)) for _ in range(2)]

    assert told(first) == told(second)
    assert len(list(tmp_path.rglob(f"*{SUFFIX}"))) == kept


def test_what_cannot_be_read_beside_what_is_kept_is_told_each_time(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.yaml").write_text(routes(1200))
    (tmp_path / "m" / "b.yaml").symlink_to("nowhere")
    paths = [str(tmp_path / "m")]

    found = [load(CATALOGUE, paths, cache=str(tmp_path / "cache")) for _ in range(2)]

    assert [told(desired) for desired in found] == [told(load(CATALOGUE, paths))] * 2
    assert [len(desired.diagnostics) for desired in found] == [1, 1]
