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
SHUTDOWN_DEADLINE_S = 3
CONFIG = f'shutdown_deadline = "{SHUTDOWN_DEADLINE_S}s"\n'


class ManagerTest(unittest.TestCase):
    """With somebody in the place of systemd."""

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


class WatchdogTest(ManagerTest):
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


class HangingDatabaseTest(ManagerTest):
    """What the node does by itself waits for the database, the main thread never."""

    def setUp(self):
        super().setUp()
        key = os.path.join(self.vault.folder, "seal-key")
        with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
            f.write(os.urandom(32))
        seal = f'seal "static" {{ key_file = "{key}" }}'
        self.vault.nodes = [
            harness.Node(self.vault.database, self.vault.folder, f"static{i}", CONFIG, seal=seal) for i in range(2)
        ]
        self.first, self.second = self.vault.nodes
        self.server = postgres.Server()

    def pause_database(self):
        self.server.pause()
        self.addCleanup(self.server.resume)

    def initialise(self, node):
        reply = node.request("PUT", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1})
        self.assertEqual(200, reply.status, reply)
        self.vault.token = reply.json["root_token"]

    def is_open(self, node):
        return node.request("GET", "sys/mounts", token=self.vault.token).status == 200

    def assertEnds(self, node, within_s, code=0):
        began = time.monotonic()
        self.assertEqual(code, node.stop())
        self.assertLess(time.monotonic() - began, within_s * harness.SLOWNESS)

    def test_unsealing_that_hangs_holds_nothing_up_and_is_gone_on_with(self):
        self.first.start()
        self.pause_database()
        time.sleep(3)  # it tries every two seconds
        self.assertPings("it hangs while it looks for a vault to unseal")
        self.server.resume()
        self.second.start()
        self.initialise(self.second)
        postgres.wait_until(lambda: self.is_open(self.first), 30 * harness.SLOWNESS, "the first is unsealed")

    def test_unsealing_that_hangs_keeps_no_server_from_ending(self):
        self.first.start()
        self.pause_database()
        time.sleep(3)
        self.assertEnds(self.first, 10)

    def test_an_unsealed_server_ends_soon_after_its_deadline(self):
        self.first.start()
        self.initialise(self.first)
        self.pause_database()
        time.sleep(2)  # what runs in the background hangs by then
        self.assertEnds(self.first, SHUTDOWN_DEADLINE_S + 15)
        self.assertEqual(1, len(self.events("server.stop_cut")))

    def test_started_meanwhile_it_unseals_itself_once_the_database_is_back(self):
        self.first.start()
        self.initialise(self.first)
        self.assertEqual(0, self.first.stop())
        self.pause_database()
        self.first.launch()
        time.sleep(3)
        self.server.resume()
        self.first.wait_for_answer()
        postgres.wait_until(lambda: self.is_open(self.first), 30 * harness.SLOWNESS, "it is unsealed")

    def test_started_meanwhile_it_can_be_ended(self):
        self.pause_database()
        self.first.launch()
        time.sleep(1)
        self.assertEnds(self.first, 20, code=1)


if __name__ == "__main__":
    unittest.main()
