# SPDX-License-Identifier: ISC
"""Two nodes share many rotations; one of them is stopped at any moment, and continued when the other one has
finished what it held."""

import concurrent.futures
import random
import signal
import time

import harness
from rotation_bench import KINDS, PROBLEMS, Roles, mock

LATE_ANYWHERE = "node late, at any moment"
ROLES, PAIRS, OF_EACH_MOCK = (8, 6, 4) if harness.FULL else (4, 3, 2)
CREDENTIALS = ROLES + PAIRS + OF_EACH_MOCK * len(KINDS)


class Late:
    def __init__(self, bench, seed):
        self.bench = bench
        self.random = random.Random(seed)
        self.cases = [Roles(bench) for _ in range(ROLES)] + [Roles(bench, pair=True) for _ in range(PAIRS)]
        self.cases += [mock(bench, rotator) for rotator in KINDS for _ in range(OF_EACH_MOCK)]
        self.pool = concurrent.futures.ThreadPoolExecutor(24)
        self.each(lambda case: case.begin())

    def each(self, do):
        return list(self.pool.map(do, self.cases))

    def close(self):
        self.each(lambda case: case.remove())
        self.pool.shutdown()

    def held_by(self, node):
        rows = self.bench.vault.database.query(
            "SELECT c.name, a.fence, a.state FROM rotation_attempt a"
            " JOIN rotation_credential c ON c.id = a.credential_id"
            f" WHERE a.open AND a.node = '{node.name}' AND a.lease_until > clock_timestamp()"
        )
        return {name: (int(fence), state) for name, fence, state in rows}

    def was_taken_over(self, case, fence):
        rows = case.rows(
            "SELECT count(*) FROM rotation_event a JOIN rotation_event b USING (attempt_id)"
            f" WHERE a.credential_id = $credential AND a.fence = {fence} AND b.fence > {fence} AND b.node <> a.node"
        )
        return rows != [["0"]]

    def ask(self, case, node):
        """False when the node stopped before it could answer: nobody knows whether it has heard."""
        path = f"rotation/credentials/{case.name}/rotate"
        try:
            reply = node.request("POST", path, {"timeout": "0s"}, self.bench.vault.token, timeout=0.5)
            case.heard = reply.status == 200
        except OSError:
            case.heard = False

    def stop_in_the_middle(self, node):
        """Returns what it held."""
        asking = [self.pool.submit(self.ask, case, node) for case in self.cases]
        time.sleep(self.random.uniform(0.01, 0.15))
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        held = self.held_by(node)
        concurrent.futures.wait(asking)
        return held

    def round(self, tally, durations):
        """All are rotated; those that the stopped node held, and another one finished, are the runs."""
        bench = self.bench
        late = self.random.choice(bench.vault.nodes)
        bench.survivor(late)
        try:
            held = self.stop_in_the_middle(late)
            began = time.monotonic()
            self.each(lambda case: case.settle())
            durations.append(time.monotonic() - began)
        finally:
            late.process.send_signal(signal.SIGCONT)
        bench.wait_until_well(late)
        time.sleep(0.3)
        self.each(self.judge)
        for case in self.cases:
            if case.name in held and self.was_taken_over(case, held[case.name][0]):
                tally.note(case.label, held[case.name][1], LATE_ANYWHERE, case.person)
        self.each(lambda case: case.begin())

    def judge(self, case):
        case.settle()
        if case.heard:
            case.judge()
        else:  # what it hears when it goes on is one more rotation, or none
            time.sleep(1)
            case.settle()
            case.patiently(case.rotate)
            case.judge(more=None, creates=6)


def run(bench, seed, tally, seconds, most, durations):
    """`durations`: how long the other node took each time until everything was done."""
    until = time.monotonic() + seconds * harness.SLOWNESS
    try:
        late = Late(bench, seed)
        while time.monotonic() < until and sum(tally.runs.values()) < most:
            late.round(tally, durations)
        late.close()
    except PROBLEMS as error:
        tally.fail(f"bench {seed}", error)
