# SPDX-License-Identifier: ISC
"""A database that is empty, newer, altered or otherwise not the vault's, at the start; and one whose
disk is full."""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

import harness
import postgres


class StartTest(unittest.TestCase):
    def setUp(self):
        self.vault = harness.Vault()
        self.addCleanup(self.vault.stop)

    def migrated(self):
        self.vault.node.start()
        self.assertEqual(0, self.vault.node.stop())
        return self.vault.database

    def run_program(self, command):
        return subprocess.run(
            [harness.PROGRAM, command, "-config", self.vault.node.config],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def refuse(self, message):
        before = self.vault.database.query("SELECT count(*) FROM pg_class")
        for command in ("server", "migrate"):
            done = self.run_program(command)
            self.assertEqual(1, done.returncode, done)
            self.assertIn(message, done.stdout + done.stderr)
        self.assertEqual(before, self.vault.database.query("SELECT count(*) FROM pg_class"))

    def test_an_empty_one_is_filled(self):
        self.vault.node.start()
        self.assertEqual(501, self.vault.node.request("GET", "sys/health").status)
        self.assertNotEqual([["0"]], self.vault.database.query("SELECT count(*) FROM schema_migration"))

    def test_migrating_by_hand_fills_it_too_and_twice_is_fine(self):
        for _ in range(2):
            self.assertEqual(0, self.run_program("migrate").returncode)
        self.vault.node.start()

    def test_a_newer_one_is_refused(self):
        self.migrated().query("INSERT INTO schema_migration (version, name, checksum) VALUES (9999, 'future', 'x')")
        self.refuse("the database is newer than this program: install the newer program")

    def test_an_altered_one_is_refused(self):
        self.migrated().query("UPDATE schema_migration SET checksum = 'x' WHERE version = 3")
        self.refuse("an applied migration differs from the one in this program")

    def test_one_with_a_gap_is_refused(self):
        self.migrated().query("DELETE FROM schema_migration WHERE version = 2")
        self.refuse("the database's list of migrations has a gap")

    def test_one_that_does_not_speak_utf8_is_refused(self):
        self.vault.database.drop()
        self.vault.database = harness.Database(options="ENCODING 'SQL_ASCII' TEMPLATE template0")
        self.vault.nodes = [harness.Node(self.vault.database, self.vault.folder)]
        self.refuse("the database's encoding must be UTF8")

    def test_a_read_only_one_is_refused_while_it_is_empty(self):
        self.vault.database.query(f'ALTER DATABASE "{self.vault.database.name}" SET default_transaction_read_only = on')
        done = self.run_program("server")
        self.assertEqual(1, done.returncode)
        self.assertIn("read-only", done.stdout + done.stderr)

    def test_one_that_is_not_there_is_named_as_such_within_seconds(self):
        self.vault.database.drop()
        began = time.monotonic()
        done = self.run_program("server")
        self.assertEqual(1, done.returncode)
        self.assertLess(time.monotonic() - began, 15)
        self.assertIn("server.start_failed", done.stdout + done.stderr)
        self.assertIn("database", done.stdout + done.stderr)


class FullDiskTest(unittest.TestCase):
    """PostgreSQL on a file system of its own that is filled up."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rotunda-full.")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=220m", "tmpfs", self.folder], capture_output=True, text=True, check=False
        )
        if mounted.returncode != 0:
            print("SKIPPED: a full disk needs root to mount a tmpfs: " + mounted.stderr.strip(), flush=True)
            self.skipTest("can't mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder], check=False)
        self.server = postgres.Server(os.path.join(self.folder, "pg"))
        os.mkdir(self.server.folder)
        os.chmod(self.folder, 0o755)
        self.addCleanup(self.server.destroy)
        self.server.start("max_wal_size=64MB")
        self.vault = harness.Vault(database=harness.Database(self.server.conninfo))
        self.addCleanup(self.stop_vault)
        self.vault.start()

    def stop_vault(self):
        for node in self.vault.nodes:
            node.kill()
        shutil.rmtree(self.vault.folder, ignore_errors=True)

    def fill(self):
        with open(os.path.join(self.folder, "filler"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
            except OSError:
                pass

    def test_a_full_disk_is_503_and_passes(self):
        self.assertEqual(204, self.vault.post("sys/mounts/secret", {"type": "kv"}).status)
        self.assertEqual(200, self.vault.post("secret/data/kept", {"data": {"v": "kept"}}).status)
        self.fill()
        acknowledged = []
        refused = 0
        for i in range(400):
            reply = self.vault.post(f"secret/data/full{i}", {"data": {"v": "x" * 100000}})
            if reply.status == 200:
                acknowledged.append(i)
                continue
            self.assertEqual(503, reply.status, reply)
            self.assertIn("Retry-After", reply.headers)
            refused += 1
            if refused == 20:
                break
        self.assertEqual(20, refused, "the disk was not full")
        self.assertEqual(200, self.vault.get("sys/health", token="").status)
        os.unlink(os.path.join(self.folder, "filler"))
        try:
            self.server.start("max_wal_size=64MB")  # where it had given up
        except subprocess.CalledProcessError:
            pass  # it had not
        postgres.wait_until(
            lambda: self.vault.post("secret/data/after", {"data": {"v": 1}}).status == 200, 30, "a write is served again"
        )
        self.assertIsNone(self.vault.node.process.poll())
        for i in acknowledged:
            self.assertEqual(200, self.vault.get(f"secret/data/full{i}").status)
        self.assertEqual("kept", self.vault.get("secret/data/kept").data["data"]["v"])


if __name__ == "__main__":
    unittest.main()
