# SPDX-License-Identifier: ISC
"""PostgreSQL on file systems that are filled up: all of it, its write-ahead log alone, the vault's tables
alone. Writes answer 503, nothing acknowledged is lost, and the vault goes on once there is room."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import harness
import postgres

SPARE_BYTES = 3 * 1024 * 1024  # left free: some writes still go through
OPTIONS = ("max_wal_size=64MB", "min_wal_size=32MB")


class FullDisk:
    """The tests; who inherits says where the small file system is."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rotunda-full.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        os.chmod(self.folder, 0o755)
        self.server = postgres.Server(os.path.join(self.folder, "pg"))
        os.mkdir(self.server.folder)
        self.addCleanup(self.server.destroy)
        self.small = os.path.join(self.folder, "small")
        self.vault = harness.Vault(database=self.make_database())
        self.addCleanup(self.stop_vault)
        self.vault.start()
        self.assertEqual(204, self.vault.post("sys/mounts/secret", {"type": "kv"}).status)
        self.assertEqual(200, self.vault.post("secret/data/kept", {"data": {"v": "kept"}}).status)

    def mount(self, place, megabytes):
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            print("SKIPPED: a full disk needs root to mount a tmpfs: " + done.stderr.strip(), flush=True)
            self.skipTest("can't mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=False)
        self.small = place

    def make_database(self):
        raise NotImplementedError

    def stop_vault(self):
        for node in self.vault.nodes:
            node.kill()
        shutil.rmtree(self.vault.folder, ignore_errors=True)

    def fill(self):
        with open(os.path.join(self.small, "filler"), "wb", buffering=0) as f:
            for size in (65536, 512):
                try:
                    while True:
                        f.write(b"\0" * size)
                except OSError:
                    pass
            f.truncate(f.tell() - SPARE_BYTES)

    def make_room(self):
        os.unlink(os.path.join(self.small, "filler"))
        try:
            self.server.start(*OPTIONS)  # where it had given up
        except subprocess.CalledProcessError:
            pass  # it had not

    def write_until_refused(self):
        """What was acknowledged before 20 refusals, and between them."""
        acknowledged = []
        refused = 0
        for i in range(600):
            reply = self.vault.post(f"secret/data/full{i}", {"data": {"v": "x" * 100000}})
            if reply.status == 200:
                acknowledged.append(i)
                continue
            self.assertEqual(503, reply.status, reply)
            if "outcome is unknown" not in reply.errors[0]:
                self.assertIn("Retry-After", reply.headers)
            refused += 1
            if refused == 20:
                return acknowledged
        raise AssertionError("the disk was not full")

    def check_log(self):
        done = subprocess.run(
            [harness.PROGRAM, "audit", "verify", "-database", self.vault.database.conninfo, "-format", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertGreater(json.loads(done.stdout)["records"], 0)
        left = "SELECT count(*) FROM effect"
        postgres.wait_until(lambda: self.vault.database.query(left) == [["0"]], 30, "every change has its record")
        unrecorded = self.vault.database.query(
            "SELECT h.path FROM kv_head h WHERE NOT EXISTS (SELECT 1 FROM audit_record r "
            "WHERE r.effect AND r.path = 'secret/data/' || h.path)"
        )
        self.assertEqual([], unrecorded)

    def test_a_full_disk_is_503_and_passes(self):
        process = self.vault.node.process
        self.fill()
        acknowledged = self.write_until_refused()
        health = self.vault.get("sys/health", token="")
        self.assertEqual(200, health.status)
        self.assertFalse(health.json["sealed"])
        self.make_room()
        postgres.wait_until(
            lambda: self.vault.post("secret/data/after", {"data": {"v": 1}}).status == 200, 30, "a write is served again"
        )
        self.assertIsNone(process.poll())
        self.assertGreater(len(acknowledged), 0)
        print(f"{len(acknowledged)} acknowledged before it was full", flush=True)
        for i in acknowledged:
            self.assertEqual("x" * 100000, self.read(f"full{i}"))
        self.assertEqual("kept", self.read("kept"))
        self.check_log()

    def read(self, path):
        """Another worker may still be connecting."""
        deadline = time.monotonic() + 30
        while (reply := self.vault.get(f"secret/data/{path}")).status == 503 and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(200, reply.status, reply)
        return reply.data["data"]["v"]


class WholeDiskTest(FullDisk, unittest.TestCase):
    def make_database(self):
        self.mount(self.server.folder, 220)
        self.server.start(*OPTIONS)
        return harness.Database(self.server.conninfo)


class WriteAheadLogTest(FullDisk, unittest.TestCase):
    """PostgreSQL ends itself when it can't write its log."""

    def make_database(self):
        self.server.start(*OPTIONS)
        self.server.stop()
        place = os.path.join(self.server.folder, "data", "pg_wal")
        kept = place + ".kept"
        owner = os.stat(place)
        os.rename(place, kept)
        os.mkdir(place)
        self.mount(place, 96)
        for name in os.listdir(kept):
            subprocess.run(["cp", "-a", os.path.join(kept, name), place], check=True)
        os.chown(place, owner.st_uid, owner.st_gid)
        os.chmod(place, 0o700)
        self.server.start(*OPTIONS)
        return harness.Database(self.server.conninfo)


class TablesTest(FullDisk, unittest.TestCase):
    """PostgreSQL goes on and refuses what needs room."""

    def make_database(self):
        self.server.start(*OPTIONS)
        place = os.path.join(self.folder, "tables")
        os.mkdir(place)
        self.mount(place, 64)
        owner = os.stat(os.path.join(self.server.folder, "data"))
        os.chown(place, owner.st_uid, owner.st_gid)
        os.chmod(place, 0o700)
        harness.psql(self.server.conninfo, f"CREATE TABLESPACE small LOCATION '{place}'")
        return harness.Database(self.server.conninfo, options="TABLESPACE small")


if __name__ == "__main__":
    unittest.main()
