# SPDX-License-Identifier: ISC
"""Two PostgreSQL servers, one a synchronous standby of the other, and two vaults that know both
(database.host = "a,b"). The primary dies under load, the standby is promoted: what was answered as
done is there, and the vaults go on by themselves."""

import subprocess
import tempfile
import threading
import unittest

import harness
import postgres


class FailoverTest(harness.VaultTest):
    node_count = 2

    @classmethod
    def setUpClass(cls):
        cls.primary = postgres.Server()
        cls.standby = postgres.Server(tempfile.mkdtemp(prefix="rotunda-standby."))
        try:
            cls.standby.follow(cls.primary)
            harness.psql(cls.primary.conninfo, "ALTER SYSTEM SET synchronous_standby_names = '*'")
            harness.psql(cls.primary.conninfo, "SELECT pg_reload_conf()")
            cls.database = harness.Database()
            # The standby first: a server that can't be written to is passed over.
            cls.database.host = f"{cls.standby.folder},{cls.primary.folder}"
            cls.vault = harness.Vault(cls.node_count, database=cls.database)
            cls.vault.start()
        except BaseException:
            cls.standby.destroy()
            raise
        reply = cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        assert reply.status == 204, reply

    @classmethod
    def tearDownClass(cls):
        for node in cls.vault.nodes:
            node.kill()
        cls.standby.destroy()

    def write_until(self, stop, node, name, done):
        while not stop.is_set():
            number = len(done)
            path = f"secret/data/{name}-{number}"
            try:
                reply = node.request("POST", path, {"data": {"n": number}}, self.vault.token)
            except OSError:
                continue
            if reply.status == 200:
                done.append(path)

    def serves(self, node):
        try:
            return node.request("POST", "secret/data/probe", {"data": {}}, self.vault.token).status == 200
        except OSError:
            return False

    def test_what_was_answered_survives_the_primary(self):
        stop = threading.Event()
        written = {node.name: [] for node in self.vault.nodes}
        writers = [
            threading.Thread(target=self.write_until, args=(stop, node, node.name, written[node.name]))
            for node in self.vault.nodes
        ]
        for writer in writers:
            writer.start()
        try:
            postgres.wait_until(lambda: all(len(w) > 20 for w in written.values()), 60, "both write")
            self.primary.kill9()
            before = {name: len(done) for name, done in written.items()}
            self.standby.promote()
            postgres.wait_until(
                lambda: all(len(written[name]) > before[name] + 20 for name in written), 60, "both write again"
            )
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        for node in self.vault.nodes:
            self.assertTrue(self.serves(node))
            self.assertIsNone(node.process.poll())
        for path in written["node0"] + written["node1"]:
            self.assertStatus(200, self.vault.get(path))
        self.assert_log_complete()

    def assert_log_complete(self):
        database = f"host={self.standby.folder} user=rotunda dbname={self.database.name}"
        done = subprocess.run(
            [harness.PROGRAM, "audit", "verify", "-database", database], capture_output=True, text=True, check=False
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
