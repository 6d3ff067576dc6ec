# SPDX-License-Identifier: ISC
"""Rotation while somebody logs in all the time, with a clock that is wrong, and with a database that fails over."""

import os
import time
import unittest

import harness
import rotation_bench
import rotation_failover
import rotation_page
import rotation_service
from rotation_bench import Roles, mock

CLOCK = os.environ.get("ROTUNDA_TEST_CLOCK_LIBRARY")


class ProofTest(unittest.TestCase):
    def bench(self, *arguments, **more):
        bench = rotation_bench.Bench(*arguments, **more)
        self.addCleanup(bench.close)
        return bench

    def test_a_service_logs_in_all_the_while(self):
        bench = self.bench(1, True)
        case = Roles(bench, pair=True, grace=f"{rotation_service.GRACE_S}s").begin()
        rotations = 100 if harness.FULL else 10
        service = rotation_service.Service(bench, case.name, 100)
        service.start()
        try:
            for _ in range(rotations):
                bench.assertIn(case.rotate("20s")["state"], ("promoted", "draining"), case.tell())
                case.settle()
        finally:
            service.stop()
        rotation_page.add(
            "service",
            {"rotations": rotations, "logins": service.logins, "seconds": service.seconds, "late": service.late},
        )
        self.assertEqual([], service.failed)
        case.judge(more=rotations)
        rotation_page.count_passwords(bench.assert_no_secrets())

    @unittest.skipUnless(CLOCK, "SKIPPED: no library to preload")
    def test_the_clock_of_one_node_is_off_by_an_hour(self):
        shifts = {}
        for shift_s in (3600, -3600) if harness.FULL else (3600,):
            bench = self.bench(2, True)
            right, wrong = bench.vault.nodes
            wrong.environment.update(LD_PRELOAD=CLOCK, ROTUNDA_TEST_CLOCK_SHIFT_S=str(shift_s))
            bench.restart(wrong)
            told = wrong.request("GET", "sys/health").json["server_time_utc"]
            self.assertAlmostEqual(shift_s, told - time.time(), delta=5)
            cases = rotation_failover.turning(bench) + [mock(bench, "mock-mint", {"life_s": "9"})]
            resting = Roles(bench, pair=True, interval="50m", grace="40m").begin()
            resting.rotate("20s")
            self.turn_on_both(bench, cases, 20 if harness.FULL else 3)
            self.assertSameOnBoth(bench, resting)
            bench.restart(right)
            self.assertEqual(0, right.stop())  # the wrong one alone
            bench.survivor(right)
            for case in cases[:-1]:
                rotation_failover.slow_down(case)
                case.settle()
                case.begin()
                case.rotate()
                case.judge()
            self.assertEqual(2, resting.creds().data["version"])
            bench.restart(right)
            bench.verify_audit()
            shifts[shift_s] = sum(self.promoted(bench).values())
        rotation_page.add("clock", shifts)

    def promoted(self, bench):
        """Rotations by node."""
        rows = bench.vault.database.query(
            "SELECT node, count(*) FROM rotation_event WHERE state = 'promoted' AND node <> '' GROUP BY 1"
        )
        return {node: int(count) for node, count in rows}

    def turn_on_both(self, bench, cases, least):
        def turned():
            counts = self.promoted(bench).values()
            return len(counts) == 2 and min(counts) >= least

        with rotation_failover.Watch(bench, cases) as watch:
            bench.wait_for(turned, 120, lambda: self.promoted(bench))
        self.assertEqual([], watch.wrong)

    def assertSameOnBoth(self, bench, case):
        """Neither date nor value depends on whom is asked; and the previous value is served through its grace."""
        for path in (f"creds/{case.name}", f"creds/{case.name}?version=previous", f"credentials/{case.name}"):
            one, other = (n.request("GET", f"rotation/{path}", token=bench.vault.token).data for n in bench.vault.nodes)
            for name in set(one) - {"previous_readers"}:
                if isinstance(one[name], int):
                    self.assertAlmostEqual(one[name], other[name], delta=3, msg=name)
                else:
                    self.assertEqual(one[name], other[name], name)

    def couple(self):
        couple = rotation_failover.Couple()
        self.addCleanup(couple.destroy)
        return couple

    def on(self, couple, config=""):
        bench = rotation_failover.bench_on(couple, config)
        self.addCleanup(bench.close)
        return bench

    def test_a_synchronous_replica_takes_over_in_the_middle(self):
        couple = self.couple()
        bench = self.on(couple)
        cases = rotation_failover.turning(bench)
        times = 8 if harness.FULL else 1
        with rotation_failover.Watch(bench, cases) as watch:
            for _ in range(times):
                couple.follow(True)
                bench.wait_for(watch.turned(1), 60, lambda: watch.newest)
                couple.fail_over()
                bench.wait_for(watch.turned(1), 90, lambda: [case.tell() for case in cases])
        self.assertEqual([], watch.wrong)
        for case in cases:
            rotation_failover.slow_down(case)
            case.judge(more=None, creates=10**6)
            self.assertGreaterEqual(case.served()["version"], watch.newest[case.name])
        bench.verify_audit()
        rotations = sum(watch.newest.values())
        found = {"fail_overs": times, "credentials": len(cases), "rotations": rotations}
        rotation_page.add("synchronous", found)

    def test_an_asynchronous_replica_is_refused_beforehand(self):
        couple = self.couple()
        bench = self.on(couple)
        cases = [Roles(bench), Roles(bench, pair=True)] + [mock(bench, rotator) for rotator in rotation_bench.KINDS]
        for case in cases:
            case.begin()
        couple.follow(False)
        for case in cases:
            self.assertEqual("not_durable", case.rotate("20s")["error_class"])
            self.assertEqual(case.first["password"], case.served()["password"])
            self.assertEqual(case.applies, case.calls("apply"))
        couple.fail_over()
        for case in cases:
            case.judge()
        bench.verify_audit()
        rotation_page.add("refused", {"credentials": len(cases)})

    def test_what_an_asynchronous_replica_forgot_is_reconciled(self):
        """Where that is allowed: the database comes back without a rotation that is done at the target."""
        couple = self.couple()
        bench = self.on(couple, "  allow_asynchronous_replicas = true\n")
        cases = [Roles(bench), Roles(bench, pair=True)] + [mock(bench, rotator) for rotator in ("mock", "mock-issuer")]
        for case in cases:
            case.begin()
        couple.follow(False)
        for case in cases:
            self.assertIsNone(case.rotate("20s")["error_class"])
            case.settle()
            case.begin()
        couple.standby.stop()
        for case in cases:
            case.rotate("20s")
            case.settle()
            case.forgotten = case.served()
            case.keep(case.forgotten)
        couple.primary.kill9()
        couple.standby.start()
        couple.promote()
        # A node that knows what it has written takes no database that has forgotten it.
        logs = lambda: "".join(node.read_log() for node in bench.vault.nodes)  # noqa: E731
        bench.wait_for(lambda: "audit.tail_altered" in logs(), 30, logs)
        self.assertIn("restart this node", logs())
        for node in bench.vault.nodes:
            bench.restart(node)
        fenced = sum(self.rotate_what_was_forgotten(case) for case in cases)
        rotation_page.add("forgotten", {"credentials": len(cases), "fenced": fenced})

    def rotate_what_was_forgotten(self, case):
        """True when the target had seen a later fence, so that a person had to say who is right."""
        case.test.wait_for(lambda: case.creds().status == 200, 30, case.tell)
        self.assertEqual(case.first["version"], case.served()["version"])
        if case.rotator == "mock-issuer":  # its tag is that of an attempt that nobody knows of
            case.strangers = (case.forgotten["external_id"],)
        state = case.rotate("20s")
        fenced = state["state"] == "blocked"
        if fenced:
            self.assertEqual("fenced", state["error_class"], case.tell())
            case.acknowledge(action="apply")
        case.judge(creates=3)
        return fenced


if __name__ == "__main__":
    unittest.main()
