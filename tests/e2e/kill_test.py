# SPDX-License-Identifier: ISC
"""kill -9 of the server and of PostgreSQL under write load: every acknowledged write is there, every
durable change has its audit record, and the log verifies."""

import http.client
import json
import os
import random
import subprocess
import threading
import time
import unittest

import harness

KILLS = 200 if harness.FULL else 8
WRITERS = 8
TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PG_DIR = os.environ.get("ROTUNDA_TEST_PG_DIR", "")


def postgres(command):
    """A function of tests/support/postgres.sh on the test's server."""
    subprocess.run(
        ["sh", "-c", f'. "$PG_TREE/tests/support/postgres.sh"; {command} "$PG_DIR"'],
        env={**os.environ, "PG_TREE": TREE, "PG_DIR": PG_DIR},
        stdout=subprocess.DEVNULL,
        check=True,
    )


class Writer(threading.Thread):
    """Writes a new secret again and again, remembers what was acknowledged."""

    def __init__(self, vault, number):
        super().__init__(daemon=True)
        self.vault = vault
        self.number = number
        self.acknowledged = {}
        self.refused = 0
        self.wrong = []
        self.ending = False

    def run(self):
        count = 0
        while not self.ending:
            count += 1
            path = f"writer{self.number}/{count}"
            value = f"{path}-{random.getrandbits(64):x}"
            try:
                reply = self.vault.post(f"secret/data/{path}", {"data": {"v": value}}, timeout=15)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)  # nobody is there
                continue
            if reply.status == 200:
                self.acknowledged[path] = value
                time.sleep(0.01)  # enough to be in the middle of it; reading all back takes longer
            elif reply.status == 503:
                self.refused += 1
                time.sleep(0.01)
            else:
                self.wrong.append(repr(reply))


class KillTest(harness.VaultTest):
    def setUp(self):
        self.assertStatus(204, self.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}))

    def wait_until_served(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                if self.vault.get("sys/mounts").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        self.fail("the vault doesn't come back: " + self.vault.node.read_log()[-2000:])

    def strike(self, number):
        if number % 3 == 2:
            postgres("pg_kill9")
            postgres("pg_start")
        else:
            self.vault.node.kill()
            self.vault.restart(self.vault.node)
        self.wait_until_served()

    def trace(self, path):
        """What the database knows about a secret, for the message of a failure."""
        return self.vault.database.query(
            "SELECT 'head', row_version::text, created_at::text, '' FROM kv_head "
            f"WHERE path = '{path}' UNION ALL "
            "SELECT 'record', chain_id || '/' || seq, time::text, result || ' ' || detail "
            f"FROM audit_record WHERE path = 'secret/data/{path}'"
        )

    def check_acknowledged(self, writers):
        for writer in writers:
            self.assertEqual([], writer.wrong)
            for path, value in writer.acknowledged.items():
                reply = self.vault.get(f"secret/data/{path}")
                if reply.status != 200:
                    self.fail(f"{path}: {reply}, {self.trace(path)}")
                self.assertEqual(value, reply.data["data"]["v"])

    def check_recorded(self):
        """Also what was committed but never acknowledged: its effect becomes a record."""
        deadline = time.monotonic() + 30
        while self.vault.database.query("SELECT count(*) FROM effect") != [["0"]]:
            self.assertLess(time.monotonic(), deadline, "effects without a record are left")
            time.sleep(0.2)
        missing = self.vault.database.query(
            "SELECT h.path FROM kv_head h WHERE NOT EXISTS (SELECT 1 FROM audit_record r "
            "WHERE r.effect AND r.path = 'secret/data/' || h.path)"
        )
        self.assertEqual([], missing)

    def check_verifies(self):
        done = subprocess.run(
            [harness.PROGRAM, "audit", "verify", "-database", self.vault.database.conninfo, "-format", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        json.loads(done.stdout)

    def test_nothing_acknowledged_is_lost_and_nothing_durable_unrecorded(self):
        writers = [Writer(self.vault, i) for i in range(WRITERS)]
        for writer in writers:
            writer.start()
        for number in range(KILLS):
            time.sleep(random.uniform(0.1, 0.6))
            self.strike(number)
        time.sleep(0.5)
        for writer in writers:
            writer.ending = True
        for writer in writers:
            writer.join()
        total = sum(len(w.acknowledged) for w in writers)
        print(f"{KILLS} kills, {total} acknowledged writes, {sum(w.refused for w in writers)} refused", flush=True)
        self.assertGreater(total, KILLS)
        self.check_acknowledged(writers)
        self.check_recorded()
        self.check_verifies()


if __name__ == "__main__":
    unittest.main()
