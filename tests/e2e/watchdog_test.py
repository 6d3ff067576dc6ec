# SPDX-License-Identifier: ISC
"""systemd's watchdog is told that the vault is well while every worker's loop turns, and no longer."""

import json
import os
import socket
import time
import unittest

import harness
import postgres

INTERVAL_US = 2_000_000  # pinged four times in it


class WatchdogTest(unittest.TestCase):
    def setUp(self):
        self.vault = harness.Vault()
        self.addCleanup(self.vault.stop)
        path = os.path.join(self.vault.folder, "notify")
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(path)
        self.hang = os.path.join(self.vault.folder, "hang")
        settings = {
            "NOTIFY_SOCKET": path,
            "WATCHDOG_USEC": str(INTERVAL_US),
            "ROTUNDA_TEST_HANG": self.hang,
        }
        os.environ.update(settings)
        for name in settings:
            self.addCleanup(os.environ.pop, name)

    def heard(self, seconds):
        """What comes within that time, after what has come already."""
        self.manager.setblocking(False)
        try:
            while True:
                self.manager.recv(4096)
        except BlockingIOError:
            pass
        self.manager.setblocking(True)
        messages = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.manager.settimeout(left)
            try:
                messages.append(self.manager.recv(4096).decode())
            except TimeoutError:
                break
        return messages

    def assertPings(self, why):
        messages = self.heard(1.5 * INTERVAL_US / 1e6)
        self.assertGreaterEqual(len(messages), 2, why)
        self.assertEqual({"WATCHDOG=1"}, set(messages), why)

    def events(self, name):
        lines = [json.loads(line) for line in self.vault.node.read_log().splitlines()]
        return [line for line in lines if line["event"] == name]

    def test_an_idle_vault_is_well_sealed_or_not_and_without_its_database(self):
        self.vault.node.start()
        self.assertPings("not initialised")
        reply = self.vault.node.request("PUT", "sys/init", {"secret_shares": 3, "secret_threshold": 2})
        self.vault.keys, self.vault.token = reply.json["keys"], reply.json["root_token"]
        self.assertPings("sealed")
        self.vault.unseal(self.vault.node)
        self.assertPings("unsealed")
        server = postgres.Server()
        server.stop()
        try:
            self.assertEqual(503, self.vault.get("sys/mounts").status)
            self.assertPings("the database is down")
        finally:
            server.start()
        server.pause()
        try:
            self.vault.get("sys/health", token="")
            self.assertPings("the database hangs")
        finally:
            server.resume()
        self.assertEqual([], self.events("server.worker_hangs"))

    def test_a_worker_that_hangs_is_not(self):
        self.vault.start()
        self.assertPings("all turn")
        with open(f"{self.hang}.1", "w", encoding="ascii"):
            pass
        time.sleep(INTERVAL_US / 1e6)
        messages = self.heard(2 * INTERVAL_US / 1e6)
        hanging = self.events("server.worker_hangs")
        if messages and not hanging:
            print("SKIPPED: a hanging worker needs a build with ROTUNDA_FAULTS", flush=True)
            self.skipTest("no faults")
        self.assertEqual([], messages)
        self.assertEqual([1], [line["worker"] for line in hanging])
        os.unlink(f"{self.hang}.1")
        time.sleep(INTERVAL_US / 1e6)
        self.assertPings("all turn again")
        self.assertEqual([1], [line["worker"] for line in self.events("server.worker_turns_again")])
        self.assertEqual(0, self.vault.node.stop())

    def test_start_and_stop_are_told_and_reloading_changes_nothing(self):
        self.vault.node.start()
        self.manager.settimeout(5)
        self.assertEqual("READY=1", self.manager.recv(4096).decode())
        self.assertEqual("WATCHDOG=1", self.manager.recv(4096).decode())
        self.assertEqual(0, self.vault.node.stop())
        self.assertEqual("STOPPING=1", self.heard_last())

    def heard_last(self):
        last = None
        self.manager.setblocking(False)
        try:
            while True:
                last = self.manager.recv(4096).decode()
        except BlockingIOError:
            return last


if __name__ == "__main__":
    unittest.main()
