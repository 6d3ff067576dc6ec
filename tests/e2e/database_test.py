# SPDX-License-Identifier: ISC
"""A database that is empty, newer, altered or otherwise not the vault's, at the start."""

import subprocess
import time
import unittest

import harness


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


if __name__ == "__main__":
    unittest.main()
