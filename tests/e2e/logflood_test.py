# SPDX-License-Identifier: ISC
"""An outage under load: the log grows by a bounded number of lines per second, says how much was left
out and when that ended."""

import collections
import http.client
import json
import threading
import time
import unittest

import harness
import postgres

CLIENTS = 12
OUTAGE_S = 5
# Of each event a burst of 20 lines, then one a second, and a sum now and then.
LINES_PER_EVENT = 20 + OUTAGE_S + 6


class LogFloodTest(harness.VaultTest):
    def setUp(self):
        self.server = postgres.Server()
        self.ending = threading.Event()
        self.answers = collections.Counter()
        self.clients = []
        self.vault.post("sys/mounts/secret", {"type": "kv"})
        self.assertStatus(200, self.vault.post("secret/data/kept", {"data": {"v": 1}}))
        self.addCleanup(self.rest)

    def rest(self):
        self.ending.set()
        for client in self.clients:
            client.join()

    def ask(self):
        """One after the other on one connection, as fast as they are answered."""
        link = None
        while not self.ending.is_set():
            link = link or http.client.HTTPConnection("127.0.0.1", self.vault.node.port, timeout=30)
            try:
                link.request("GET", "/v1/secret/data/kept", headers={"X-Vault-Token": self.vault.token})
                reply = link.getresponse()
                reply.read()
                self.answers[reply.status] += 1
            except (OSError, http.client.HTTPException):
                link.close()
                link = None
        if link is not None:
            link.close()

    def load(self):
        self.clients = [threading.Thread(target=self.ask) for _ in range(CLIENTS)]
        for client in self.clients:
            client.start()
        time.sleep(0.5)

    def lines(self, since=0):
        return [json.loads(line) for line in self.vault.node.read_log().splitlines()[since:]]

    def of(self, event, since):
        return [line for line in self.lines(since) if line["event"] == event]

    def check(self, outage, restore):
        before = len(self.lines())
        self.load()
        outage()
        try:
            time.sleep(OUTAGE_S)
        finally:
            restore()
        postgres.wait_until(lambda: self.vault.get("secret/data/kept").status == 200, 15, "it is back")
        counts = collections.Counter(line["event"] for line in self.lines(before))
        print(f"answers {dict(self.answers)}, log lines {dict(counts)}", flush=True)
        self.assertGreater(self.answers[503], 10 * LINES_PER_EVENT, "no flood to hold back")
        for event, count in counts.items():
            self.assertLess(count, LINES_PER_EVENT + 10, event)
        # All that is left is said once it has been quiet for a while.
        self.rest()
        postgres.wait_until(lambda: self.of("log.suppression_ended", before), 15, "the end is said")
        time.sleep(1.5)
        ends = self.of("log.suppression_ended", before)
        for end in ends:
            self.assertGreater(end["lines"], 0)
            self.assertLessEqual(end["from"], end["until"])
            self.assertLess(end["until"], end["time"])
        return {end["of"]: end["lines"] for end in ends}

    def test_a_stopped_database(self):
        self.check(self.server.stop, self.server.start)
        self.vault.node.stop()
        self.vault.restart(self.vault.node)

    def test_a_locked_table(self):
        held = []

        def lock():
            held.append(
                postgres.Holder(self.vault.database.conninfo, "LOCK TABLE audit_record IN ACCESS EXCLUSIVE MODE")
            )

        ended = self.check(lock, lambda: held.pop().__exit__())
        self.assertGreater(ended.get("audit.append_failed", 0), LINES_PER_EVENT, ended)

    def test_what_was_suppressed_is_said_before_the_end(self):
        self.load()
        self.server.stop()
        try:
            time.sleep(2)
        finally:
            self.server.start()
        before = len(self.lines())
        self.rest()
        self.assertEqual(0, self.vault.node.stop())
        said = {line["of"] for line in self.lines() if line["event"].startswith("log.suppress")}
        self.assertIn("server.stopping", [line["event"] for line in self.lines(before)])
        self.assertTrue(said)
        self.vault.restart(self.vault.node)


if __name__ == "__main__":
    unittest.main()
