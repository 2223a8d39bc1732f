"""Whatever goes wrong with a data set, a call ends in the right one, or in a message that says what to do."""
import collections
import functools
import random
import time

import data_world
import faulty_server
import pytest
from data_faults import FAULTS, size_of, wait_for
from data_faults_archives import POSIX, stored
from data_world import CIFAR10, GOOD, MOVIELENS, World
from promises import size

from labkit.data import DataError
from labkit.settings import SettingError

NAMES = [fault.name for fault in FAULTS]
DAMAGES = size(100, 5000)
KILLS = size(4, 100)
ROUNDS, NOTEBOOKS = size((1, 3), (20, 6))
processes = pytest.mark.skipif(not POSIX, reason="Windows has no fork server")


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """A function for how the call ended in the face of each fault, by the fault's name. The first who asks waits."""
    @functools.cache
    def found():
        ended = {}
        for fault in FAULTS:
            with pytest.MonkeyPatch.context() as patch:
                ended[fault.name] = data_world.end_of(fault, tmp_path_factory.mktemp("world"), patch)
        return ended
    return found


@pytest.fixture
def world(tmp_path, monkeypatch, request):
    made = World(tmp_path, monkeypatch, getattr(request, "param", CIFAR10))
    yield made
    made.close()


def kind(right: bool, error: Exception | None) -> str:
    """How a call ended, in a word."""
    if error is None:
        return "right" if right else "wrong"
    return "message" if isinstance(error, DataError | SettingError) else repr(error)


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_fault_ends_as_it_should(ends, fault):
    end = ends()[fault.name]
    if not fault.says:
        assert end.right, end.error
        return
    assert kind(end.right, end.error) == "message"
    message = str(end.error)
    assert [words for words in end.says if words not in message] == [], message
    assert end.kept and (end.again or not fault.again), message


def test_the_list_is_long_and_names_each_fault_once():
    assert len(set(NAMES)) == len(NAMES) >= 35


@pytest.mark.promise
def test_no_fault_ends_in_a_wrong_data_set(ends, measured):
    kinds = collections.Counter(kind(end.right, end.error) for end in ends().values())
    assert kinds.keys() == {"right", "message"}
    again = [ends()[fault.name].again for fault in FAULTS if fault.again]
    assert all(again)
    measured(f"{kinds.total()} of {len(FAULTS)} faults: {kinds['message']} ended in a message, {kinds['right']} in the "
             f"right data set, {kinds['wrong']} in a wrong one; once the server was well, {sum(again)} of {len(again)} "
             "calls that had ended in a message of it were right")


def damaged(content: bytes, chance: random.Random) -> bytes:
    """`content` with a bit flipped, with some bytes lost, doubled, or set to zero, or cut off, at a random place."""
    place, count = chance.randrange(len(content)), chance.choice((1, 8, 512))
    before, middle, after = content[:place], content[place:place + count], content[place + count:]
    return chance.choice((
        before + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1:],
        before + after, before + middle + middle + after, before + bytes(len(middle)) + after, before))


@pytest.mark.promise
@pytest.mark.parametrize("world", [CIFAR10], indirect=True)
def test_no_damage_to_an_archive_changes_the_data(world, tmp_path_factory, measured, monkeypatch):
    """The archives are those that a learner names, for which no SHA-256 is known."""
    chance, kinds = random.Random(0), collections.Counter()
    for name, content in ((CIFAR10, GOOD[CIFAR10]), (CIFAR10, stored()), (MOVIELENS, GOOD[MOVIELENS])):
        named = World(tmp_path_factory.mktemp("world"), monkeypatch, name)
        for _time in range(DAMAGES):
            named.give(damaged(content, chance))
            kinds[kind(*named.call())] += 1
        named.close()
    assert kinds.keys() <= {"right", "message"} and kinds["message"] > DAMAGES
    measured(f"{kinds.total()} damaged archives, read without a known checksum: {kinds['message']} ended in a message, "
             f"{kinds['right']} still held the right data, {kinds['wrong']} gave others")


@processes
@pytest.mark.promise
def test_a_download_that_is_killed_goes_on(world, measured):
    world.serve(faulty_server.slow)
    chance, kills, downloads, places = random.Random(0), 0, 0, set()
    requests, last = world.server.requests, None
    while kills < KILLS or last.exitcode != 0:
        had, asked = size_of(world.part), len(requests)
        last = world.elsewhere()
        wait_for(lambda asked=asked, process=last: len(requests) > asked or not process.is_alive(), last)
        wanted = [f"bytes={had}-" if had else None] if had < len(world.good) else []
        assert requests[asked:] == wanted
        last.join(chance.uniform(0, 0.4) if kills < KILLS else None)
        last.kill()
        last.join()
        kills += last.exitcode != 0
        places.add(had)
        if world.target.exists():
            assert world.target.read_bytes() == world.good
            downloads += 1
            if kills < KILLS or last.exitcode != 0:
                world.target.unlink()
    assert last.exitcode == 0 and world.call() == (True, None) and len(places) > KILLS // 4
    measured(f"{kills} kills in {downloads} downloads, which went on from {len(places)} different places: each ended "
             "in the right file")


@processes
@pytest.mark.promise
def test_of_several_at_once_one_fetches_and_another_takes_over(world, measured):
    ended = asked = 0
    for _round in range(ROUNDS):
        world.serve(faulty_server.stall, faulty_server.slow)
        first = world.elsewhere()
        wait_for(lambda: size_of(world.part), first)
        others = [world.elsewhere() for _other in range(NOTEBOOKS - 1)]
        time.sleep(0.2)
        first.kill()
        for other in others:
            other.join()
        assert [other.exitcode for other in others] == [0] * len(others)
        assert world.server.requests[0] is None and world.server.requests[1].startswith("bytes=")
        ended, asked = ended + len(others), asked + len(world.server.requests)
        world.target.unlink()
    assert asked == 2 * ROUNDS
    measured(f"{ROUNDS} times {NOTEBOOKS} processes at once, of which the one that fetched was killed: the other "
             f"{ended} had the right data; the server was asked {asked} times, every second time for the rest alone")
