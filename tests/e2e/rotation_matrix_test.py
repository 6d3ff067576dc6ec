# SPDX-License-Identifier: ISC
"""The fault matrix of rotation. At the full scale ROTUNDA_TEST_MATRIX=FILE has it write docs/rotation-matrix.md;
ROTUNDA_TEST_MATRIX_SECONDS says how long each of its two parts may take."""

import os
import threading
import unittest

import harness
import rotation_bench
import rotation_late
import rotation_matrix
import rotation_page
from rotation_matrix import Tally

SECONDS = int(os.environ.get("ROTUNDA_TEST_MATRIX_SECONDS", "900" if harness.FULL else "30"))


class MatrixTest(unittest.TestCase):
    """Each run has a credential of its own."""

    def bench(self, *arguments, **more):
        bench = rotation_bench.Bench(*arguments, **more)
        self.addCleanup(bench.close)
        return bench

    def test_whatever_is_killed_one_value_is_current_and_works(self):
        many = harness.FULL
        tally = Tally()
        alone = [self.bench(1, True) for _ in range(6 if many else 1)]
        couples = [self.bench(2, True) for _ in range(3 if many else 1)]
        mocks = self.bench()
        single = rotation_matrix.alone() + rotation_matrix.on_the_line(alone[0])
        groups = [
            (alone, single, SECONDS, 1, 7),
            (couples, rotation_matrix.two_nodes(), SECONDS, 1, 3),
            ([mocks], rotation_matrix.mock_faults(), SECONDS, 8, 16),
        ]
        self.at_once(lambda g: rotation_matrix.go(g[0], g[1], tally, *g[2:]), groups)
        rotation_page.add_tally("matrix", tally)
        self.assertEqual([], tally.failed, "\n\n".join(tally.failed))
        for bench in alone + couples:
            rotation_page.count_passwords(bench.assert_no_secrets())
        for bench in alone + couples + [mocks]:
            bench.verify_audit()

    def test_a_node_that_goes_on_late_does_nothing_twice(self):
        tally = Tally()
        benches = [self.bench(2, True) for _ in range(3 if harness.FULL else 1)]
        seconds, most = (SECONDS, 1000) if harness.FULL else (12, 12)
        durations = []
        numbers = range(len(benches))
        self.at_once(lambda at: rotation_late.run(benches[at], at, tally, seconds, most, durations), numbers)
        rotation_page.add_tally(
            "late",
            tally,
            credentials=rotation_late.CREDENTIALS,
            rounds=len(durations),
            median_s=sorted(durations)[len(durations) // 2],
            longest_s=max(durations),
        )
        self.assertEqual([], tally.failed, "\n\n".join(tally.failed))
        self.assertGreater(sum(tally.runs.values()), 0)
        for bench in benches:
            rotation_page.count_passwords(bench.assert_no_secrets())
            bench.verify_audit()

    def at_once(self, do, those):
        threads = [threading.Thread(target=do, args=(that,)) for that in those]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    unittest.main()
