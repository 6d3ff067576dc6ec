# SPDX-License-Identifier: ISC
"""Rotator x state x fault: what is done in a run, and the list of all runs. The verdict is Case.judge()."""

import collections
import contextlib
import os
import random
import signal
import threading
import time
import traceback

import harness
import kinds_test
from rotation_bench import PROBLEMS, Own, Roles, mock

NODE, LATE, HOST, TARGET, LINE = "node killed", "node late", "host killed", "target killed", "connection cut"

# In which state a rotator is asked what.
ASKED_IN = {"list_external": "staged", "apply": "applying", "probe": "applied"}
ASKED_IN.update(disable="draining", retire="draining")
PLACES = "staged applying apply applied probe verified promoted retired".split()
MOCKS = {
    "mock": [],
    "mock-slots": ["draining", "retire"],
    "mock-keys": ["generate", "draining", "retire"],
    "mock-issuer": ["list_external", "draining", "disable", "retire"],
    "mock-rolled": [],
    "mock-rolled-shown": [],
    "mock-mint": ["draining", "list_external", "retire"],
}
# Before `own_staged` there is nothing that anybody could finish.
OWN_PLACES = ["own_applying", "own_apply", "own_promoted"]
OWN_PIECES = 60  # about as many as one change takes
# The first is survived, and then the second happens.
TWICE = [("apply:after", "reconcile:after"), ("apply:before", "reconcile:before"), ("apply:after", "verified:before")]


class Tally:
    """Runs by rotator, state and fault; what went wrong in full."""

    def __init__(self):
        self.lock = threading.Lock()
        self.runs = collections.Counter()
        self.persons = collections.Counter()
        self.failed = []
        self.left_out = 0

    def note(self, label, state, fault, person=False):
        with self.lock:
            self.runs[label, state, fault] += 1
            self.persons[label] += person

    def fail(self, what, error):
        with self.lock:
            self.failed.append(what + "\n" + "".join(traceback.format_exception(error)))


class Subject:
    """What can be put in care again and again: `new` makes one at a bench."""

    def __init__(self, new, places, packets=False, twice=()):
        self.new = new
        self.places = [f"{place}:{when}" for place in places for when in ("before", "after")]
        self.packets = packets
        self.chains = [(place,) for place in self.places] + list(twice)


def subjects():
    pair = ["sessions", "draining", "revoke"]
    late = ["draining", "revoke", "retired"]
    back = ["applying", "apply", "applied", "probe", "verified", "promoted"]
    found = [
        Subject(lambda b: Roles(b), PLACES, packets=True, twice=TWICE),
        Subject(lambda b: Roles(b, pair=True), PLACES + pair, packets=True, twice=TWICE),
        Subject(lambda b: Roles(b, pair=True, retire="use", retire_quiet="1s", retire_max="4s"), late),
        Subject(lambda b: Roles(b, cause="rollback"), back),
        Subject(lambda b: Roles(b, pair=True, cause="rollback"), back[3:]),
        Subject(Own, OWN_PLACES, packets=True),
    ]
    for rotator, more in MOCKS.items():
        # A value that is shown once, and lost with the first node, waits for a person: it is never verified.
        twice = TWICE[:2] if rotator == "mock-rolled-shown" else TWICE
        found.append(Subject(lambda b, r=rotator: mock(b, r), PLACES + more, twice=twice))
    return found


# ---- one run each: the state in which it happened, or None when there was nothing to be hurt


def kill_node(bench, case, chain):
    node = bench.vault.node
    for number, place in enumerate(chain):
        bench.restart(node, CRASH=place)
        if number == 0:
            case.ask(node)
        bench.wait_for_death(node, place)
        state = case.where()
    bench.restart(node)
    case.judge(creates=1 + len(chain))
    return state


def stop_at(bench, case, place):
    node = bench.vault.node
    bench.restart(node, STOP=place)
    case.ask(node)
    bench.wait_for(lambda: bench.is_stopped(node), 25, lambda: f"{place} was never reached")
    return node, case.where()


def kill_host(bench, case, place):
    node, state = stop_at(bench, case, place)
    killed = bench.kill_hosts()
    node.process.send_signal(signal.SIGCONT)
    case.judge()
    return state if killed > 0 else None


def kill_target(bench, case, place):
    node, state = stop_at(bench, case, place)
    bench.target.kill()
    node.process.send_signal(signal.SIGCONT)
    time.sleep(0.3)
    bench.target.start()
    case.judge()
    return state


def be_late(bench, case, place):
    """The node stops, another one finishes the rotation, and then it goes on."""
    first, second = bench.vault.nodes
    bench.assertEqual(0, second.stop())
    try:
        _, state = stop_at(bench, case, place)
        bench.restart(second)
        bench.survivor(first)
        case.judge()
        first.process.send_signal(signal.SIGCONT)
        bench.wait_until_well(first)
        time.sleep(0.4)
        case.judge()
        return state
    finally:
        first.process.send_signal(signal.SIGCONT)
        bench.restart(first)
        bench.restart(second)


def be_late_at_piece(bench, case, at):
    """Node and rotator stop between two pieces of their conversation with the target, as a whole machine does."""
    first, second = bench.vault.nodes
    bench.assertEqual(0, second.stop())
    stopped, states = [], []

    def stop():
        first.process.send_signal(signal.SIGSTOP)
        stopped.extend(bench.signal_hosts(signal.SIGSTOP))
        states.append(case.where())

    def go_on():
        first.process.send_signal(signal.SIGCONT)
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    try:
        bench.proxy.arm(at, stop, True, cuts=False)
        case.ask(first)
        bench.proxy.done.wait(2)
        _, happened = bench.proxy.disarm()
        bench.restart(second)
        bench.survivor(first)
        case.judge()
        go_on()
        bench.wait_until_well(first)
        time.sleep(0.4)
        case.judge()
        return states[0] if happened else None
    finally:
        go_on()
        bench.restart(first)
        bench.restart(second)


def harm_at_packet(bench, case, at, after, fault):
    node = bench.vault.node
    states = []

    def harm():
        states.append(case.where())
        if fault == NODE:
            node.process.kill()
        if fault == HOST:
            bench.kill_hosts()
        if fault == TARGET:
            bench.target.kill()

    bench.proxy.arm(at, harm, after)
    case.ask(node)
    bench.proxy.done.wait(2)
    _, happened = bench.proxy.disarm()
    if happened and fault == NODE:
        node.kill()
        bench.restart(node)
    if happened and fault == TARGET:
        time.sleep(0.2)
        bench.target.start()
    case.judge()
    return states[0] if happened else None


def break_mock(bench, case, operation, fault):
    case.break_(fault=fault, fault_op=operation, fault_once="true")
    case.ask()
    case.judge(more=2 if fault == "policy_reject" else 1)
    return ASKED_IN[operation]


# ---- the lists


class Run:
    def __init__(self, fault, subject, do, *arguments):
        self.fault, self.subject, self.do, self.arguments = fault, subject, do, arguments

    def __call__(self, bench, tally):
        case = None
        try:
            case = self.subject.new(bench).begin()
            state = self.do(bench, case, *self.arguments)
            if state is not None:
                tally.note(case.label, state, self.fault, case.person)
            case.remove()
        except PROBLEMS as error:
            tally.fail(f"{case.label if case else '?'}: {self.fault} {self.arguments}", error)
            bench.begin_afresh()


def alone():
    """A node of its own each."""
    runs = []
    for s in subjects():
        runs += [Run(NODE, s, kill_node, chain) for chain in s.chains]
        runs += [Run(HOST, s, kill_host, place) for place in s.places if not place.startswith("own_")]
        if s.packets:
            runs += [Run(TARGET, s, kill_target, place) for place in s.places]
    return runs


def on_the_line(bench):
    """At each piece that goes over the connection in a whole rotation."""
    runs = []
    for s in [s for s in subjects() if s.packets]:
        case = s.new(bench).begin()
        bench.proxy.arm(0, None, False)
        case.ask()
        case.judge()
        for at in range(1, bench.proxy.disarm()[0] + 1):
            runs += [Run(LINE, s, harm_at_packet, at, after, LINE) for after in (False, True)]
            faults = (NODE, HOST, TARGET)
            runs += [Run(f, s, harm_at_packet, at, at % 2 == 0, f) for f in faults]
        case.remove()
    return runs


def two_nodes():
    return [Run(LATE, s, be_late, place) for s in subjects() if s.new is not Own for place in s.places] + own_late()


def own_late():
    """The rotator's own password: at each step, then at each piece of the conversation with the target."""
    s = Subject(Own, OWN_PLACES, packets=True)
    steps = [Run(LATE, s, be_late, place) for place in ["own_staged:after", *s.places]]
    return steps + [Run(LATE, s, be_late_at_piece, at) for at in range(1, OWN_PIECES + 1)]


def mock_faults():
    runs = []
    before, refused = kinds_test.BEFORE, kinds_test.REFUSED
    for rotator in MOCKS:
        s = Subject(lambda b, r=rotator: mock(b, r), [])
        faults = {"apply": before + kinds_test.AFTER + refused, "probe": before + ["unreachable"]}
        if rotator in ("mock", "mock-slots", "mock-keys"):
            faults["apply"] = faults["apply"] + ["policy_reject"]
        for operation in set(MOCKS[rotator]) & {"list_external", "disable", "retire"}:
            faults[operation] = before + ["die_after_commit", "lose_reply"] + refused
            if operation == "list_external":
                faults[operation] = before + refused
        for operation, names in sorted(faults.items()):
            runs += [Run(name_of(f), s, break_mock, operation, f) for f in names]
    return runs


def name_of(fault):
    if fault in ("unreachable", "throttled", "policy_reject"):
        return "target refuses"
    if fault in ("die_before_commit", "crash", "die_after_commit", "land_late"):
        return HOST
    return "host lies or hangs"


def work(bench, runs, tally, until, lock):
    while True:
        with lock:
            if not runs or time.monotonic() > until:
                return
            run = runs.pop()
        run(bench, tally)


def go(benches, runs, tally, seconds, threads=1, most=None):
    """As many of the runs as there is time for, in an order that is the same each time."""
    random.Random(7).shuffle(runs)
    wanted = runs if harness.FULL or most is None else runs[:most]
    rest = list(wanted)
    lock = threading.Lock()
    until = time.monotonic() + seconds * harness.SLOWNESS
    several = [bench for bench in benches for _ in range(threads)]
    workers = [threading.Thread(target=work, args=(bench, rest, tally, until, lock)) for bench in several]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with tally.lock:
        tally.left_out += len(rest)
