# SPDX-License-Identifier: ISC
"""The password that a target's rotator logs in with itself: replaced by nodes that are late, while others rotate there,
and when somebody else has changed it."""

import unittest

import harness
import rotation_bench
import rotation_matrix
from rotation_bench import Own, Roles

LATE_AT = ["own_applying:after", "own_apply:before", "own_apply:after", "own_promoted:before"]
ROUNDS = 10 if harness.FULL else 2


class OwnTest(unittest.TestCase):
    def bench(self, nodes=1):
        bench = rotation_bench.Bench(nodes, True)
        self.addCleanup(bench.close)
        return bench

    def test_a_node_that_goes_on_late_leaves_one_password(self):
        bench = self.bench(2)
        tally = rotation_matrix.Tally()
        runs = rotation_matrix.own_late()
        if not harness.FULL:
            steps = [run for run in runs if run.arguments[0] in LATE_AT]
            pieces = [run for run in runs if run.arguments[0] in (16, 26)]
            runs = steps + pieces
        for run in runs:
            run(bench, tally)
        self.assertEqual([], tally.failed, "\n\n".join(tally.failed))
        self.assertGreater(sum(tally.runs.values()), 0)
        bench.assert_no_secrets()
        bench.verify_audit()

    def test_others_rotate_while_it_is_replaced(self):
        bench = self.bench()
        own = Own(bench)
        own.name = "db"  # of all of them
        own.begin()
        cases = [Roles(bench) for _ in range(4)] + [Roles(bench, pair=True) for _ in range(2)]
        for case in cases:
            case.begin()
        for round_number in range(1, ROUNDS + 1):
            for case in cases[:3]:
                case.ask()
            own.ask()
            for case in cases[3:]:
                case.ask()
            own.wait_settled()
            for case in cases:
                case.settle()
            bench.assertEqual(own.version + round_number, own.state()["password_version"])
            for case in cases:
                creds = case.served()
                bench.assertEqual(case.first["version"] + round_number, creds["version"], case.tell())
                bench.assertIsNone(case.login(creds), case.tell())
        for case in cases:
            case.judge(more=ROUNDS)
        bench.verify_audit()


if __name__ == "__main__":
    unittest.main()
