# SPDX-License-Identifier: ISC
"""A database that is not as it should be. At the start: refused with a reason. Later: requests answer
503 with Retry-After, nothing is answered as done that was not, and the vault goes on by itself once
the database does; it neither ends nor seals."""

import http.client
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

import harness
import postgres

RECOVERY_S = 15


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


class LostTest(harness.VaultTest):
    """One vault, and a PostgreSQL that everything happens to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = postgres.Server()
        reply = cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        assert reply.status == 204, reply
        reply = cls.vault.post("secret/data/kept", {"data": {"v": "kept"}})
        assert reply.status == 200, reply

    def setUp(self):
        self.process = self.vault.node.process
        self.addCleanup(self.assertSame)

    def assertSame(self):
        """Still the process that it was, and open."""
        self.assertIsNone(self.process.poll(), self.vault.node.read_log()[-2000:])
        self.assertIs(self.process, self.vault.node.process)
        health = self.assertStatus(200, self.vault.get("sys/health", token=""))
        self.assertFalse(health.json["sealed"])
        self.assertServes()

    def assertServes(self):
        def served():
            return self.vault.post("secret/data/probe", {"data": {"v": 1}}).status == 200

        postgres.wait_until(served, RECOVERY_S, "a write is served: " + self.vault.node.read_log()[-1500:])
        # On each worker's own connection.
        for _ in range(8):
            postgres.wait_until(lambda: self.vault.get("secret/data/kept").status == 200, RECOVERY_S, "a read is served")

    def assertUnavailable(self, reply):
        self.assertStatus(503, reply)
        self.assertGreater(int(reply.headers["Retry-After"]), 0)
        self.assertEqual(1, len(reply.errors))
        self.assertNotEqual("", reply.errors[0])

    def refused(self, method="POST", path="secret/data/lost", body=None):
        """Asks often enough to meet every worker; none answers as if it had been done."""
        body = {"data": {"v": 1}} if method == "POST" and body is None else body
        for _ in range(6):
            self.assertUnavailable(self.vault.request(method, path, body))
        self.assertStatus(200, self.vault.get("sys/health", token=""))

    def terminate(self):
        """The vault's connections, so that it needs new ones."""
        self.vault.database.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def nothing_left(self):
        self.assertStatus(404, self.vault.get("secret/data/lost"))
        self.assertEqual([["0"]], self.vault.database.query("SELECT count(*) FROM kv_head WHERE path = 'lost'"))

    def test_terminated_connections_come_back(self):
        for _ in range(3):
            self.terminate()
            self.assertServes()

    def test_read_only(self):
        name = self.vault.database.name
        self.vault.database.query(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        try:
            self.terminate()
            time.sleep(0.3)
            self.refused()
            self.refused("GET", "secret/data/kept")  # it could not be recorded
            self.refused("LIST", "secret/metadata")
            self.refused("POST", "sys/mounts/lost", {"type": "kv"})
        finally:
            harness.psql(self.server.conninfo, f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        self.assertServes()
        self.nothing_left()

    def test_out_of_connections(self):
        self.server.restart("max_connections=12", "superuser_reserved_connections=0", "max_wal_senders=0")
        hogs = []
        try:
            self.assertServes()
            self.server.restart("max_connections=12", "superuser_reserved_connections=0", "max_wal_senders=0")
            hogs = self.take_all_connections()
            time.sleep(0.3)
            self.refused()
            self.refused("GET", "secret/data/kept")
            self.refused("LIST", "secret/metadata")
        finally:
            for hog in hogs:
                hog.__exit__()
        self.assertServes()
        self.nothing_left()
        self.server.restart()

    def take_all_connections(self):
        hogs = []
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and len(hogs) < 12:
            try:
                hogs.append(postgres.Holder(f"{self.server.conninfo.replace('dbname=rotunda', 'dbname=postgres')}", "SELECT 1"))
            except (AssertionError, BrokenPipeError):
                break
            if len(hogs) == 1:
                self.end_others(hogs[0])
        # Whoever of the vault still holds one goes, and the hogs take its place.
        while time.monotonic() < deadline and len(hogs) < 12:
            self.end_others(hogs[0])
            try:
                hogs.append(postgres.Holder(f"{self.server.conninfo.replace('dbname=rotunda', 'dbname=postgres')}", "SELECT 1"))
            except (AssertionError, BrokenPipeError):
                pass
        self.end_others(hogs[0])
        return hogs

    def end_others(self, hog):
        hog.process.stdin.write(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
            f"'{self.vault.database.name}';\n\\echo held\n"
        )
        hog.process.stdin.flush()
        while hog.process.stdout.readline() not in ("held\n", ""):
            pass

    def test_stopped_and_started(self):
        for mode in ("fast", "immediate"):
            self.server.stop(mode)
            try:
                self.refused()
                self.refused("GET", "secret/data/kept")
                self.refused("LIST", "secret/metadata")
                self.refused("POST", "sys/mounts/lost", {"type": "kv"})
                self.assertStatus(200, self.vault.get("sys/seal-status", token=""))
            finally:
                self.server.start()
            self.assertServes()
            self.nothing_left()

    def test_a_short_hang_is_waited_for(self):
        self.server.pause()
        results = []
        asking = threading.Thread(target=lambda: results.append(self.vault.get("secret/data/kept")))
        asking.start()
        try:
            time.sleep(1.5)
            self.assertEqual([], results)
        finally:
            self.server.resume()
        asking.join(10)
        # A statement may have met its time limit when the server woke up.
        self.assertIn(results[0].status, (200, 503))

    def test_a_long_hang_ends_in_503(self):
        self.server.pause()
        try:
            began = time.monotonic()
            self.assertUnavailable(self.vault.get("secret/data/kept", timeout=30))
            self.assertLess(time.monotonic() - began, 20)
            self.assertUnavailable(self.vault.post("secret/data/lost", {"data": {"v": 1}}, timeout=30))
            self.assertStatus(200, self.vault.get("sys/health", token=""))
        finally:
            self.server.resume()
        self.assertServes()

    def test_killed_under_load_loses_nothing_acknowledged(self):
        done = {}
        wrong = []
        ending = threading.Event()

        def write(number):
            count = 0
            while not ending.is_set():
                count += 1
                path = f"load/{number}/{count}"
                try:
                    reply = self.vault.post(f"secret/data/{path}", {"data": {"v": path}})
                except (OSError, http.client.HTTPException) as problem:
                    wrong.append(problem)
                    continue
                if reply.status == 200:
                    done[path] = path
                elif reply.status != 503 or "Retry-After" not in reply.headers:
                    wrong.append(reply)
                else:
                    time.sleep(0.02)

        writers = [threading.Thread(target=write, args=(i,)) for i in range(6)]
        for writer in writers:
            writer.start()
        for _ in range(3):
            time.sleep(0.5)
            self.server.kill9()
            time.sleep(0.2)
            self.server.start()
        time.sleep(0.7)
        ending.set()
        for writer in writers:
            writer.join()
        self.assertEqual([], wrong)
        self.assertGreater(len(done), 0)
        self.assertServes()
        for path, value in done.items():
            self.assertEqual(value, self.vault.get(f"secret/data/{path}").data["data"]["v"])

    def test_a_locked_row_holds_up_nobody_else(self):
        database = self.vault.database
        self.assertStatus(200, self.vault.post("secret/data/locked", {"data": {"v": 1}}))
        with postgres.Holder(database.conninfo, "SELECT 1 FROM kv_head WHERE path = 'locked' FOR UPDATE"):
            began = time.monotonic()
            self.assertUnavailable(self.vault.post("secret/data/locked", {"data": {"v": 2}}))
            self.assertLess(time.monotonic() - began, 5)
            for i in range(10):
                began = time.monotonic()
                self.assertStatus(200, self.vault.post(f"secret/data/free{i}", {"data": {"v": 2}}))
                self.assertStatus(200, self.vault.get("secret/data/locked"))
                self.assertLess(time.monotonic() - began, 2)
        self.assertEqual(1, self.vault.get("secret/data/locked").data["data"]["v"])
        self.assertStatus(200, self.vault.post("secret/data/locked", {"data": {"v": 2}}))

    def test_locked_tables(self):
        for table in ("kv_head", "token", "vault_epoch", "audit_record", "effect", "policy"):
            with self.subTest(table):
                with postgres.Holder(self.vault.database.conninfo, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
                    began = time.monotonic()
                    for _ in range(4):
                        reply = self.vault.post("secret/data/lost", {"data": {"v": 1}})
                        if table != "policy":
                            self.assertUnavailable(reply)
                    self.assertLess(time.monotonic() - began, 20)
                    self.assertStatus(200, self.vault.get("sys/health", token=""))
                self.assertServes()
                if table not in ("policy", "audit_record"):
                    self.nothing_left()
                self.vault.delete("secret/metadata/lost")


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
