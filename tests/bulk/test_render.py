"""Rendering many machines through executors."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from bulk.manifests import BAD, vmi
from components import needs_package
from hypothesis import given, settings
from hypothesis import strategies as st

import kvnet
from kvnet import testing
from kvnet.bulk import BulkResult, render, scheduler
from kvnet.bulk.settings import Settings, Work, Worker
from kvnet.defaults import defaulted
from kvnet.domain.build import domain_name
from kvnet.facts import PodLink


def processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=get_context("forkserver"))


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor], ids=["here", "threads"])
def test_a_bad_machine_keeps_no_other_from_being_rendered(executor: Any) -> None:
    bad = [each for each, _ in BAD.values()]
    machines = [each for n, one in enumerate(bad) for each in (vmi(n), one)] + [vmi(99)]
    made = list(render(machines, executor=executor and (lambda: executor(2)), chunk=3))
    assert [each.index for each in made] == list(range(len(machines)))
    assert [each.is_refused for each in made] == [False, True] * len(bad) + [False]
    codes = [each.problems[0].code for each in made if each.is_refused]
    assert dict(zip(BAD, codes, strict=True)) == {what: code for what, (_, code) in BAD.items()}


def test_a_problem_has_its_place_where_the_machine_was_a_text() -> None:
    text = json.dumps(vmi(3, mac="not a MAC"), indent=1)
    first, second = render([vmi(1), text])
    place = second.problems[0].place
    assert not first.problems
    assert place is not None
    assert place.file == "machines[1]"
    assert "not a MAC" in text.splitlines()[place.line - 1]
    assert (second.namespace, second.name) == ("fleet", "vm-3")


def test_a_refused_machine_is_named_even_where_it_cannot_be_read() -> None:
    broken = vmi(5) | {"spec": 7}
    assert [(each.namespace, each.name) for each in render([broken, json.dumps(broken)])] == [("fleet", "vm-5")] * 2


def test_a_text_is_never_taken_for_a_path() -> None:
    (made,) = render(["/proc/self/environ"])
    assert made.problems[0].code == "KN009"


def test_a_pair_brings_facts_of_its_own() -> None:
    own = kvnet.HostFacts(links={"lan": PodLink(name="net1", mtu=9000)})
    mine, document, common = render(
        [(vmi(1), own), (vmi(1), {"links": {"lan": {"name": "net1", "mtu": 1400}}}), vmi(1)],
        kvnet.Target(facts=kvnet.HostFacts(links={"lan": PodLink(name="net1", mtu=1300)})),
    )
    assert ["<mtu size='9000'/>" in mine.devices[1], "<mtu size='1400'/>" in document.devices[1]] == [True, True]
    assert "<mtu size='1300'/>" in common.devices[1]


def test_a_bug_becomes_a_problem_with_the_text_of_the_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("so it goes")

    monkeypatch.setattr("kvnet.bulk.rendering.render_alone", fail)
    (made,) = render([vmi(1)])
    assert made.problems[0].code == "KN701"
    assert "ZeroDivisionError: so it goes" in made.problems[0].message


@settings(max_examples=25, deadline=None)
@given(st.lists(testing.machines(), min_size=1, max_size=6), st.booleans(), st.sampled_from(list(kvnet.Profile)))
def test_bulk_gives_what_each_machine_gives_alone(
    machines: list[kvnet.Machine], whole: bool, profile: kvnet.Profile
) -> None:
    texts = [kvnet.dump(machine, "json") for machine in machines]
    with ThreadPoolExecutor(1) as executor:
        made = list(render(texts, kvnet.Target(profile=profile), executor=executor, whole=whole, chunk=2))
    assert len(made) == len(machines)
    for text, one in zip(texts, made, strict=True):
        machine = kvnet.loads(text)
        architecture = machine.spec.architecture or "amd64"
        errors = [problem for problem in kvnet.check(machine) if problem.is_error]
        compiled = kvnet.compile(machine, kvnet.Target(profile=profile))
        if errors or compiled.problems:
            wanted = [problem.code for problem in errors or compiled.problems]
            assert [problem.code for problem in one.problems] == wanted
        elif whole:
            name = domain_name(machine, profile)
            full = defaulted(machine, kvnet.Target(cluster=kvnet.ClusterConfig(), architecture=architecture))
            assert one.document == kvnet.build(
                full, kvnet.Target(architecture=architecture), compiled.xml(indent=4), name=name
            )
        else:
            assert list(one.devices) == compiled.xml()


class Counting:
    """An endless input that knows how much was taken of it."""

    def __init__(self) -> None:
        self.taken = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            self.taken += 1
            yield vmi(self.taken)


def test_no_more_is_taken_of_the_input_than_is_asked_for() -> None:
    machines = Counting()
    made = render(machines)
    assert [next(made).name for _ in range(3)] == ["vm-1", "vm-2", "vm-3"]
    made.close()
    assert machines.taken == 3


@pytest.mark.parametrize("ordered", [True, False])
def test_look_ahead_is_bounded_and_ends_with_the_generator(ordered: bool) -> None:
    machines = Counting()
    before = threading.active_count()
    made = render(machines, executor=lambda: ThreadPoolExecutor(2), ordered=ordered, chunk=4, ahead=3)
    for n in range(40):
        next(made)
        assert machines.taken <= 4 * (n // 4 + 3)
    made.close()
    assert threading.active_count() == before


def test_results_keep_the_order_of_the_input_or_all_come_in_another() -> None:
    machines = [vmi(n) for n in range(50)]
    with ThreadPoolExecutor(3) as executor:
        ordered = [each.index for each in render(machines, executor=executor, chunk=2)]
        any_order = [each.index for each in render(machines, executor=executor, ordered=False, chunk=2)]
    assert ordered == list(range(50))
    assert sorted(any_order) == ordered


@pytest.mark.slow
def test_another_process_gives_the_results_of_this_one() -> None:
    machines: list[Any] = [json.dumps(vmi(1)), vmi(2, mac="bad"), kvnet.load(vmi(3)), json.dumps(vmi(4, mac="bad"))]
    with processes() as executor:
        assert list(render(machines, executor=executor, chunk=2)) == list(render(machines))


def test_what_the_input_raises_is_raised() -> None:
    def machines() -> Iterator[dict[str, Any]]:
        yield vmi(1)
        raise OSError("the disk is gone")

    with ThreadPoolExecutor(1) as executor, pytest.raises(OSError, match="disk is gone"):
        list(render(machines(), executor=executor))


def _names(made: list[BulkResult]) -> list[str | None]:
    return [each.name for each in made]


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_loses_nothing() -> None:
    pools: list[ProcessPoolExecutor] = []

    def make() -> Executor:
        pools.append(processes())
        return pools[-1]

    made = render([vmi(n) for n in range(600)], executor=make, chunk=20, ahead=6)
    seen = [next(made)]
    os.kill(next(iter(pools[0]._processes)), signal.SIGKILL)
    seen += made
    assert _names(seen) == [f"vm-{n}" for n in range(600)]
    assert not any(each.is_refused for each in seen)
    assert len(pools) > 1


@pytest.mark.slow
def test_the_rest_is_rendered_here_where_the_only_executor_breaks() -> None:
    with processes() as pool:
        made = render([vmi(n) for n in range(600)], executor=pool, chunk=20, ahead=6)
        seen = [next(made)]
        os.kill(next(iter(pool._processes)), signal.SIGKILL)
        seen += made
    assert _names(seen) == [f"vm-{n}" for n in range(600)]
    assert not any(each.is_refused for each in seen)


def work(numbers: Sequence[int]) -> list[str]:
    """Give numbers as texts; fail with 13."""
    if 13 in numbers:
        raise ValueError("unlucky")
    return [str(number) for number in numbers]


def fatal_work(numbers: Sequence[int]) -> list[str]:
    """Give numbers as texts; kill the worker with 13."""
    if 13 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return work(numbers)


def lost(number: int, error: BaseException) -> list[str]:
    return [f"{number}: {type(error).__name__}"]


@pytest.mark.slow
def test_a_chunk_that_kills_every_worker_is_narrowed_down_and_given_up() -> None:
    chunks = ((n, n + 1, n + 2, n + 3) for n in range(0, 24, 4))
    made = scheduler.results(chunks, fatal_work, lost, processes, ahead=3)
    wanted = ["13: BrokenProcessPool" if n == 13 else str(n) for n in range(24)]
    assert [each for part in made for each in part] == wanted


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(2)], ids=["here", "threads"])
def test_a_part_that_fails_is_lost_alone(executor: Any) -> None:
    made = scheduler.results([(11, 12, 13, 14), (15, 16)], work, lost, executor, ahead=2)
    assert [each for part in made for each in part] == ["11", "12", "13: ValueError", "14", "15", "16"]


class Fragile(Executor):
    """An executor that breaks at once, and for good, where a chunk would kill its worker."""

    def __init__(self, *, breaks_at: int = 13) -> None:
        self._breaks_at = breaks_at
        self.is_broken = False

    def submit(self, task: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.is_broken |= self._breaks_at in arguments[0] or self._breaks_at == 0
        if self.is_broken:
            future.set_exception(BrokenExecutor("a worker ended"))
        else:
            future.set_result(task(*arguments, **options))
        return future


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("chunk", [1, 2, 3, 8])
def test_what_breaks_every_executor_is_found_in_its_chunk_and_lost_alone(chunk: int, ordered: bool) -> None:
    chunks = [range(n, min(n + chunk, 24)) for n in range(0, 24, chunk)]
    made = scheduler.results(chunks, _texts, lost, Fragile, ahead=3, ordered=ordered)
    told = [each for part in made for each in part]
    wanted = ["13: BrokenExecutor" if n == 13 else str(n) for n in range(24)]
    assert (told if ordered else sorted(told)) == (wanted if ordered else sorted(wanted))


def _texts(numbers: Sequence[int]) -> list[str]:
    return [str(number) for number in numbers]


def test_executors_that_never_finish_anything_are_at_fault_and_not_the_chunks() -> None:
    made: list[Fragile] = []

    def make() -> Executor:
        made.append(Fragile(breaks_at=0))
        return made[-1]

    with pytest.raises(BrokenExecutor):
        list(scheduler.results([(n,) for n in range(99)], _texts, lost, make, ahead=2))
    assert 20 < len(made) < 100


class Pools:
    """Makes executors of which the first two break: one in its task, one while it is given the first task."""

    def __init__(self) -> None:
        self.count = 0
        self.given: list[int] = []

    def __call__(self) -> Executor:
        self.count += 1
        return Pool(self, self.count)


class Pool(Executor):
    """Works only when a result is asked for."""

    def __init__(self, pools: Pools, number: int) -> None:
        self._pools, self._number = pools, number

    def submit(self, task: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self._number == 1:
            future.set_exception(BrokenExecutor("a worker ended"))
        elif self._number == 2:
            raise BrokenExecutor("a worker ended")
        else:
            self._pools.given += arguments[0]
            # not yet done when the next task is given
            threading.Timer(0.05, lambda: future.set_result(task(*arguments))).start()
        return future


def test_each_chunk_is_given_once_to_an_executor_though_the_one_before_breaks_while_it_gets_them() -> None:
    pools = Pools()
    made = scheduler.results([(1,), (2,), (3,)], _texts, lost, pools, ahead=3)
    assert [each for part in made for each in part] == ["1", "2", "3"]
    assert pools.given == [1, 2, 3]


def test_a_class_of_executors_makes_them() -> None:
    assert _names(list(render([vmi(0), vmi(1)], executor=ThreadPoolExecutor))) == ["vm-0", "vm-1"]


@pytest.mark.parametrize("ordered", [True, False])
def test_this_process_does_the_rest_where_the_executor_that_was_given_breaks(ordered: bool) -> None:
    executor = Fragile()
    made = scheduler.results([(11, 12), (13, 14), (15,)], _texts, lost, executor, ahead=2, ordered=ordered)
    assert sorted(each for part in made for each in part) == ["11", "12", "13", "14", "15"]
    assert executor.is_broken


def test_another_process_has_the_settings_of_the_run_and_reads_them_once() -> None:
    settings = Settings(whole=False, target=kvnet.Target(profile="host"))
    sent = pickle.dumps(Work(_told_settings, settings))
    first, second = pickle.loads(sent), pickle.loads(sent)
    assert first(()) is second(())
    assert first(()) == settings
    assert pickle.loads(pickle.dumps(first))(()) is first(()), "a worker may hand it on"
    assert first(()) is not settings


def _told_settings(worker: Worker, chunk: Sequence[Any]) -> Settings:
    return worker.settings


@pytest.mark.slow
def test_a_machine_that_cannot_be_pickled_is_its_own_problem() -> None:
    odd = vmi(1) | {"odd": threading.Lock()}
    with processes() as executor:
        made = list(render([vmi(0), odd, vmi(2)], executor=executor))
    assert [[problem.code for problem in each.problems] for each in made] == [[], ["KN702"], []]
    assert _names(made) == ["vm-0", "vm-1", "vm-2"]


def test_an_executor_that_its_owner_has_shut_down_is_done_without() -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    assert _names(list(render([vmi(0), vmi(1)], executor=executor, chunk=1))) == ["vm-0", "vm-1"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc tells what a process waits for")
def test_a_run_ends_though_an_idle_worker_was_killed_that_held_the_lock_of_the_others() -> None:
    made: list[ProcessPoolExecutor] = []

    def pool() -> ProcessPoolExecutor:
        made.append(ProcessPoolExecutor(2, mp_context=get_context("fork")))
        return made[0]

    ended = scheduler.results([[1], [2], [3], [4]], _slowly, lambda _, error: [repr(error)], pool, ahead=6)
    assert [next(ended) for _ in range(4)] == [[1], [2], [3], [4]]
    (holder,) = _reading(made[0])
    os.kill(holder, signal.SIGKILL)
    closing = threading.Thread(target=ended.close, daemon=True)
    closing.start()
    closing.join(60)
    assert not closing.is_alive()


def _slowly(chunk: Sequence[int]) -> list[int]:
    time.sleep(0.05)
    return list(chunk)


def _reading(pool: ProcessPoolExecutor) -> list[int]:
    """The workers that read from the pipe to them, once all others wait for the lock on it."""
    for _ in range(600):
        waits = {pid: Path(f"/proc/{pid}/wchan").read_text() for pid in pool._processes or {}}
        reading = [pid for pid, what in waits.items() if "pipe" in what]
        if len(reading) == 1 and sum("futex" in what for what in waits.values()) == len(waits) - 1:
            return reading
        time.sleep(0.05)
    if set(waits.values()) == {"0"}:
        pytest.skip("this kernel does not tell what a process waits for")
    raise AssertionError(waits)


@pytest.mark.slow
@needs_package("distributed", "test")
def test_a_worker_of_dask_killed_in_the_middle_loses_nothing() -> None:
    import warnings  # noqa: PLC0415

    distributed: Any = import_module("distributed")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
            distributed.Client(cluster) as client,
        ):
            pids = list(client.run(os.getpid).values())
            made = render([vmi(n) for n in range(2000)], executor=client.get_executor(pure=False), chunk=25, ahead=8)
            seen = [next(made) for _ in range(30)]
            os.kill(pids[0], signal.SIGKILL)
            seen += made
            time.sleep(0.1)
    assert _names(seen) == [f"vm-{n}" for n in range(2000)]
    assert not any(each.is_refused for each in seen)


@pytest.mark.slow
@needs_package("ray", "test")
def test_a_worker_of_ray_killed_in_the_middle_loses_nothing() -> None:
    ray: Any = import_module("ray")

    # Ray sends functions of a module by its name, and workers do not find that of a test
    def call(task: Any, *arguments: Any) -> Any:
        return task(*arguments)

    def pid() -> int:
        time.sleep(0.2)
        return os.getpid()

    called, told = ray.remote(max_retries=3)(call), ray.remote(pid)

    class RayExecutor(Executor):
        def submit(self, task: Any, /, *arguments: Any, **_: Any) -> Any:
            return called.remote(task, *arguments).future()

    machines = [json.dumps(vmi(n)) for n in range(2000)]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        pids = set(ray.get([told.remote() for _ in range(4)]))
        made = render(machines, executor=RayExecutor(), chunk=25, ahead=8)
        seen = [next(made) for _ in range(30)]
        os.kill(pids.pop(), signal.SIGKILL)
        seen += made
    finally:
        ray.shutdown()
    assert seen == [*render(machines, templates=False)]
