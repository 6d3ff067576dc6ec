# SPDX-License-Identifier: ISC
"""A database that goes away, hangs, is read-only, full of connections or locked. Requests answer 503,
nothing is answered as done that was not, and the vault goes on by itself once the database does; it
neither ends nor seals."""

import contextlib
import http.client
import re
import threading
import time
import unittest

import harness
import postgres

RECOVERY_S = 15
OWNER = "vault_owner"
UNKNOWN = re.compile(r"the outcome is unknown: .* \(request [0-9a-f-]{36}\)$")


class LostTest(harness.VaultTest):
    """One vault, and a PostgreSQL that everything happens to."""

    @classmethod
    def setUpClass(cls):
        cls.server = postgres.Server()
        # No superuser: the vault needs no more than a database of its own.
        harness.psql(cls.server.conninfo, f"DROP ROLE IF EXISTS {OWNER}; CREATE ROLE {OWNER} LOGIN")
        database = harness.Database(options=f"OWNER {OWNER}")
        database.user = OWNER
        cls.vault = harness.Vault(database=database)
        try:
            cls.vault.start()
        except BaseException:
            cls.vault.stop()
            raise
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
        """To be tried again; or, where it may have been done, said so instead."""
        self.assertStatus(503, reply)
        self.assertEqual(1, len(reply.errors))
        if UNKNOWN.match(reply.errors[0]):
            self.assertNotIn("Retry-After", reply.headers)
        else:
            self.assertGreater(int(reply.headers["Retry-After"]), 0)
            self.assertNotEqual("", reply.errors[0])

    def assertRecorded(self):
        """Each change that was committed gets its audit record, even where nobody was told."""
        count = "SELECT count(*) FROM effect"
        postgres.wait_until(lambda: self.vault.database.query(count) == [["0"]], 30, "all effects are recorded")

    def read(self, path):
        """A worker that has no connection yet answers 503; no other failure is excused."""
        while (reply := self.vault.get(f"secret/data/{path}")).status == 503:
            time.sleep(0.05)
        return self.assertStatus(200, reply).data["data"]["v"]

    def refused(self, method="POST", path="secret/data/lost", body=None):
        """Asks often enough to meet every worker; none answers as if it had been done."""
        body = {"data": {"v": 1}} if method == "POST" and body is None else body
        for _ in range(6):
            self.assertUnavailable(self.vault.request(method, path, body))
        self.assertStatus(200, self.vault.get("sys/health", token=""))

    def alarms(self):
        return self.assertStatus(200, self.vault.get("sys/health", token="")).json["alarms"]

    def owner_sql(self, sql):
        """From outside the vault's database."""
        return harness.psql(self.server.conninfo, sql)

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
            self.owner_sql(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        self.assertServes()
        self.nothing_left()

    def test_out_of_connections(self):
        self.owner_sql(f"ALTER ROLE {OWNER} CONNECTION LIMIT 0")  # as SQLSTATE 53300 as max_connections is
        try:
            self.terminate()
            time.sleep(0.3)
            self.refused()
            self.refused("GET", "secret/data/kept")
            self.refused("LIST", "secret/metadata")
        finally:
            self.owner_sql(f"ALTER ROLE {OWNER} CONNECTION LIMIT -1")
        self.assertServes()
        self.nothing_left()

    def test_stopped_and_started(self):
        for mode in ("fast", "immediate"):
            postgres.wait_until(lambda: self.alarms() == [], 10, "no alarm")
            self.server.stop(mode)
            try:
                self.refused()
                postgres.wait_until(lambda: self.alarms() == ["database_away"], 10, "health says so")
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

    def test_a_long_hang_ends_what_goes_by_a_session(self):
        """LIST and a new mount: as many as there are sessions and threads for them, and some more."""
        asked = [("LIST", "secret/metadata", None)] * 10
        asked += [("POST", f"sys/mounts/hung{i}", {"type": "kv"}) for i in range(10)]
        replies = []

        def ask(method, path, body):
            replies.append(self.vault.request(method, path, body, timeout=60))

        # One worker doesn't know the new mount yet, and asks by a session too.
        self.assertStatus(204, self.vault.post("sys/mounts/known", {"type": "kv"}))
        asking = [threading.Thread(target=ask, args=one) for one in asked]
        began = time.monotonic()
        self.server.pause()
        try:
            for thread in asking:
                thread.start()
            for thread in asking:
                thread.join()
            self.assertLess(time.monotonic() - began, 50)
            for reply in replies:
                self.assertUnavailable(reply)
        finally:
            self.server.resume()
        self.assertEqual(len(asked), len(replies))
        self.assertServes()
        self.assertStatus(204, self.vault.delete("sys/mounts/known"))

    def test_a_slow_statement_is_waited_for(self):
        """A server that answers others isn't given up because one statement takes long."""
        database = self.vault.database
        database.query(
            "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(12); RETURN NULL; END $$;"
            "CREATE TRIGGER dawdle AFTER INSERT ON mount FOR EACH STATEMENT EXECUTE FUNCTION dawdle()"
        )
        try:
            self.assertStatus(204, self.vault.post("sys/mounts/slow", {"type": "kv"}, timeout=40))
        finally:
            database.query("DROP FUNCTION dawdle CASCADE")
        self.assertStatus(204, self.vault.delete("sys/mounts/slow"))

    def test_a_hanging_database_keeps_nobody_from_ending(self):
        vault = harness.Vault()
        self.addCleanup(vault.stop)
        vault.start()
        asking = [threading.Thread(target=self.ask_in_vain, args=(vault, f"sys/mounts/m{i}")) for i in range(4)]
        self.server.pause()
        try:
            for thread in asking:
                thread.start()
            time.sleep(0.5)
            began = time.monotonic()
            self.assertEqual(0, vault.node.stop())
            self.assertLess(time.monotonic() - began, 50)
        finally:
            self.server.resume()
        for thread in asking:
            thread.join()

    def ask_in_vain(self, vault, path):
        with contextlib.suppress(OSError, http.client.HTTPException):
            vault.post(path, {"type": "kv"}, timeout=40)

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
                elif reply.status != 503:
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
            self.assertEqual(value, self.read(path))

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
        for table in ("kv_head", "token", "vault_epoch", "audit_record", "effect"):
            with self.subTest(table):
                with postgres.Holder(self.vault.database.conninfo, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
                    began = time.monotonic()
                    answers = [self.vault.post("secret/data/lost", {"data": {"v": 1}}) for _ in range(4)]
                    self.assertLess(time.monotonic() - began, 20)
                    self.assertStatus(200, self.vault.get("sys/health", token=""))
                for answer in answers:
                    self.assertUnavailable(answer)
                self.assertServes()
                if not any(UNKNOWN.match(answer.errors[0]) for answer in answers):
                    self.nothing_left()
                self.assertStatus(204, self.vault.delete("secret/metadata/lost"))
                self.assertRecorded()


if __name__ == "__main__":
    unittest.main()
