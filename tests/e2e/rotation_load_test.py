# SPDX-License-Identifier: ISC
"""Many rotations at once: a hung target keeps nobody waiting, two nodes share the work, none is done twice."""

import concurrent.futures
import os
import shutil
import tempfile
import time
import unittest

import harness

TARGETS = 40 if harness.FULL else 8
CREDENTIALS = 1000 if harness.FULL else 120
CONCURRENCY = 4
# What one rotation may take of this machine; a bound for "in time", not a measurement.
PATIENCE_S = (60 + CREDENTIALS * 0.1) * harness.SLOWNESS


class LoadTest(harness.VaultTest):
    config = "rotation {\n  min_interval_s = 1\n}\n"
    node_count = 2

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folders = []
        reply = cls.vault.post("sys/mounts/rotation", {"type": "rotation"})
        assert reply.status == 204, reply

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for folder in cls.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def put_target(self, name, **more):
        folder = tempfile.mkdtemp(prefix="rotunda-mock.")
        os.chmod(folder, 0o777)
        self.folders.append(folder)
        settings = {"rotator": "mock", "state_dir": folder, "username": "u", "password": "p"}
        settings.update(timeout="2s", concurrency=CONCURRENCY, **more)
        self.assertStatus(204, self.vault.post(f"rotation/targets/{name}", settings))
        return folder

    def put(self, name, target):
        body = {"target": target, "account": name, "interval": "1d", "owner": "o", "purpose": "p"}
        self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", body))

    def each(self, function, items):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(function, items))

    def version(self, name):
        reply = self.vault.get(f"rotation/creds/{name}")
        return reply.data["version"] if reply.status == 200 else 0

    def wait_for_version(self, names, version):
        """Seconds until all have it."""
        began = time.monotonic()
        waiting = set(names)
        while waiting:
            self.assertLess(time.monotonic() - began, PATIENCE_S, f"{len(waiting)} of {len(names)} still wait")
            names = sorted(waiting)  # a read of what never worked waits a moment
            waiting = {name for name, found in zip(names, self.each(self.version, names)) if found < version}
            time.sleep(0.2)
        return time.monotonic() - began

    def accepted(self, folder):
        with open(os.path.join(folder, "state"), encoding="ascii") as f:
            return f.read()

    def applied(self, folder):
        """How often each account was changed at the mock, by attempt."""
        with open(os.path.join(folder, "calls"), encoding="ascii") as f:
            return [line.split()[1] for line in f if line.split()[0] == "apply"]

    def test_a_hung_target_keeps_nobody_waiting_and_nothing_is_done_twice(self):
        folders = [self.put_target(f"t{n}") for n in range(TARGETS)]
        hung = self.put_target("hung")
        names = [f"c{n}" for n in range(CREDENTIALS)]
        stuck = [f"h{n}" for n in range(min(CREDENTIALS // 10, 25))]  # a mock has room for 32 accounts
        self.each(lambda n: self.put(f"c{n}", f"t{n % TARGETS}"), range(CREDENTIALS))
        self.each(lambda name: self.put(name, "hung"), stuck)
        self.wait_for_version(names + stuck, 1)
        settings = {"fault": "hang", "password": "p"}
        self.assertStatus(204, self.vault.post("rotation/targets/hung", settings))
        # The stuck ones come first and wait for nobody's answer.
        rotate = {"timeout": "0s"}
        for wanted in (stuck, names):
            replies = self.each(lambda name: self.vault.post(f"rotation/credentials/{name}/rotate", rotate), wanted)
            self.assertEqual({200}, {reply.status for reply in replies})
        seconds = self.wait_for_version(names, 2)
        print(f"{len(names)} rotations beside {len(stuck)} hung ones: {seconds:.1f} s", flush=True)
        for folder in folders:
            attempts = self.applied(folder)
            self.assertEqual(len(attempts), len(set(attempts)), "an attempt has changed its target twice")
        for name in names[:20]:
            creds = self.vault.get(f"rotation/creds/{name}").data
            self.assertIn(creds["password"].encode().hex(), self.accepted(folders[int(name[1:]) % TARGETS]))
        # The hung ones still have what they had, and go on when their target does.
        self.assertEqual({1}, {self.version(name) for name in stuck if self.version(name) != 0})
        self.assertStatus(204, self.vault.post("rotation/targets/hung", {"fault": None, "password": "p"}))
        self.wait_for_version(stuck, 2)
        self.assertIn(self.vault.get("rotation/creds/h0").data["password"].encode().hex(), self.accepted(hung))


if __name__ == "__main__":
    unittest.main()
