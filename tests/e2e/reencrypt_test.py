# SPDX-License-Identifier: ISC
"""After sys/rotate every value moves to the new key, beside readers, writers, other nodes and kills;
then the old key is destroyed."""

import concurrent.futures
import random
import threading
import time
import unittest

import harness

TABLES = ("kv_version", "cubbyhole", "rotation_target", "rotation_value")


class ReencryptTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reply = cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        assert reply.status == 204, reply

    def sql(self, text):
        return self.vault.database.query(text)

    def one(self, text):
        return self.sql(text)[0][0]

    def rotate(self, node=None):
        reply = (node or self.vault.node).request("POST", "sys/rotate", {}, self.vault.token)
        self.assertStatus(204, reply)

    def status(self):
        return self.assertStatus(200, self.vault.get("sys/key-status")).data

    def older(self, table, term):
        return int(self.one(f"SELECT count(*) FROM {table} WHERE key_epoch < {term}"))

    def wait(self, done, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not done():
            self.assertLess(time.monotonic(), deadline, f"{what}\n{self.vault.node.read_log()[-3000:]}")
            time.sleep(0.05)

    def wait_moved(self):
        self.wait(lambda: self.status()["remaining"] == 0, "values are left under old keys")

    def wait_retired(self):
        """What nothing has referred to is retired minutes later: here time passes at once."""
        def passed():
            self.sql("UPDATE key_epoch SET unused_since = unused_since - interval '1 hour' WHERE unused_since IS NOT NULL")
            return self.status()["oldest_term"] == self.status()["term"]

        self.wait(passed, "old keys are still there")

    def write(self, path, value):
        return self.assertStatus(200, self.vault.post(f"secret/data/{path}", {"data": {"v": value}}))

    def read(self, path, **more):
        return self.assertStatus(200, self.vault.get(f"secret/data/{path}", **more)).data["data"]["v"]


class MoveTest(ReencryptTest):
    def fill(self, count):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: self.write(f"many/{i}", i), range(count)))

    def test_values_move_and_the_old_key_is_destroyed(self):
        self.fill(150)
        self.write("big", "x" * 900000)
        for version in range(3):
            self.write("versions", version)
        self.vault.post("secret/delete/versions", {"versions": [1]})
        self.vault.put("secret/destroy/versions", {"versions": [2]})
        self.assertStatus(204, self.vault.post("cubbyhole/own", {"k": "mine"}))
        before = self.status()
        self.rotate()
        self.wait_moved()
        for table in TABLES:
            self.assertEqual(0, self.older(table, before["term"] + 1), table)
        self.wait_retired()
        term = self.status()["term"]
        self.assertEqual([["2", "t"]], self.sql(f"SELECT state, wrapped = decode(repeat('00', 72), 'hex') FROM wrapped_key WHERE kind = 2 AND epoch = {before['term']}"))
        self.assertEqual([[str(term)]], self.sql("SELECT epoch FROM key_epoch"))
        for again in (False, True):
            if again:
                self.vault.node.stop()
                self.vault.restart(self.vault.node)
            self.assertEqual(list(range(150)), [self.read(f"many/{i}") for i in range(150)])
            self.assertEqual("x" * 900000, self.read("big"))
            self.assertEqual(2, self.read("versions"))
            self.assertStatus(404, self.vault.get("secret/data/versions?version=1"))
            self.assertStatus(404, self.vault.get("secret/data/versions?version=2"))
            self.assertEqual({"k": "mine"}, self.vault.get("cubbyhole/own").data)
        self.assertStatus(204, self.vault.post("secret/undelete/versions", {"versions": [1]}))
        self.assertEqual(0, self.read("versions?version=1"))

    def test_each_round_is_recorded_and_counted(self):
        self.fill(100)
        self.wait_moved()
        self.rotate()
        term = self.status()["term"]
        self.wait_moved()
        self.wait_retired()
        moved = int(self.one(
            "SELECT sum((detail::json->>'count')::int) FROM audit_record WHERE operation = 're-encrypt' AND actor = 'system' "
            f"AND path = 'sys/rotate' AND result = 204 AND (detail::json->>'term')::int = {term}"))
        self.assertGreaterEqual(moved, 100)
        self.assertEqual(str(term - 1), self.one("SELECT max((detail::json->>'term')::int) FROM audit_record WHERE operation = 'retire-key'"))
        self.assertEqual("0", self.one("SELECT count(*) FROM effect WHERE operation IN ('re-encrypt', 'retire-key')"))
        metrics = self.vault.get("sys/metrics").text
        counted = int(next(line for line in metrics.splitlines() if line.startswith('rotunda_reencrypted_total{worker="0"}')).split()[-1])
        self.assertGreaterEqual(counted, 100)
        self.assertIn(f'rotunda_key_term{{worker="0"}} {term}', metrics)
        self.assertIn('rotunda_reencrypt_pending{worker="0"} 0', metrics)

    def test_key_status_counts_encryptions(self):
        self.rotate()
        self.wait_moved()
        time.sleep(3)  # what is counted only now was done before
        before = self.status()["encryptions"]
        for i in range(7):
            self.write("counted", i)
        self.wait(lambda: self.status()["encryptions"] == before + 7, "not counted")
        term = self.status()["term"]
        self.wait(lambda: int(self.one(f"SELECT encryptions FROM key_epoch WHERE epoch = {term}")) == before + 7, "not kept")
        reply = self.vault.get("sys/key-status").json
        self.assertEqual(reply["data"]["encryptions"], reply["encryptions"])

    def test_a_key_in_use_is_not_retired_whatever_the_database_says(self):
        self.write("held", "v")
        self.wait_moved()
        # Out of the mover's sight: its check fails from now on.
        self.sql("UPDATE kv_version SET ciphertext = set_byte(ciphertext, 30, get_byte(ciphertext, 30) # 1) "
                 "WHERE head_id = (SELECT id FROM kv_head WHERE path = 'held')")
        term = self.status()["term"]
        mark = len(self.vault.node.read_log())
        self.rotate()
        self.wait(lambda: "keys.value_left" in self.vault.node.read_log()[mark:], "nobody noticed")
        self.wait(lambda: self.status()["remaining"] == 1, "others are held up")
        for _ in range(3):
            self.sql(f"UPDATE key_epoch SET unused_since = now() - interval '1 year' WHERE epoch = {term}")
            time.sleep(1)
        self.assertEqual(term, self.status()["oldest_term"])
        self.assertEqual("1", self.one(f"SELECT state FROM wrapped_key WHERE kind = 2 AND epoch = {term}"))
        self.sql("UPDATE kv_version SET ciphertext = set_byte(ciphertext, 30, get_byte(ciphertext, 30) # 1) "
                 "WHERE head_id = (SELECT id FROM kv_head WHERE path = 'held')")
        self.assertEqual("v", self.read("held"))
        self.rotate()
        self.wait_moved()
        self.wait_retired()
        self.assertEqual("v", self.read("held"))

    def test_a_kill_in_between_loses_nothing_and_the_rest_follows(self):
        count = 1500
        self.fill(count)
        self.wait_moved()
        self.rotate()
        term = self.status()["term"]
        self.wait(lambda: 0 < self.older("kv_version", term) < count, "it was over before it could be killed")
        self.vault.node.kill()
        left = self.older("kv_version", term)
        self.assertGreater(left, 0)
        self.vault.restart(self.vault.node)
        self.wait_moved()
        self.wait_retired()
        self.assertEqual(list(range(count)), [self.read(f"many/{i}") for i in range(count)])
        self.wait(lambda: self.one("SELECT count(*) FROM effect") == "0", "effects without a record")


class RaceTest(ReencryptTest):
    node_count = 2

    def setUp(self):
        self.stop = threading.Event()

    def test_nothing_is_lost_with_two_nodes_and_racing_writers(self):
        """Each writer knows what its own secret must hold; all the while keys are rotated on both nodes."""
        nodes = self.vault.nodes
        outcome = {}

        def versions(me):
            random_ = random.Random(me)
            path, last, cas = f"race/{me}", None, 0
            while not self.stop.is_set():
                node = random_.choice(nodes)
                reply = node.request("POST", f"secret/data/{path}", {"options": {"cas": cas}, "data": {"v": cas}}, self.vault.token)
                if reply.status != 200:
                    return f"write: {reply}"
                cas, last = cas + 1, cas
                for verb, field in (("delete", "versions"), ("undelete", "versions")):
                    reply = node.request("POST", f"secret/{verb}/{path}", {field: [cas]}, self.vault.token)
                    if reply.status != 204:
                        return f"{verb}: {reply}"
                reply = random_.choice(nodes).request("GET", f"secret/data/{path}", None, self.vault.token)
                if reply.status != 200 or reply.data["data"]["v"] != last or reply.data["metadata"]["version"] != cas:
                    return f"read after {cas}: {reply}"
            outcome[path] = last
            return None

        def own(me):
            count = 0
            while not self.stop.is_set():
                for node in nodes:
                    count += 1
                    reply = node.request("POST", f"cubbyhole/race/{me}", {"v": count}, self.vault.token)
                    if reply.status != 204:
                        return f"cubbyhole: {reply}"
                    reply = node.request("GET", f"cubbyhole/race/{me}", None, self.vault.token)
                    if reply.status != 200 or reply.data["v"] != count:
                        return f"cubbyhole after {count}: {reply}"
            return None

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            jobs = [pool.submit(versions, i) for i in range(5)] + [pool.submit(own, i) for i in range(2)]
            try:
                for i in range(12 if harness.FULL else 5):
                    time.sleep(1.5)
                    self.rotate(nodes[i % 2])
            finally:
                self.stop.set()
            self.assertEqual([None] * len(jobs), [job.result() for job in jobs])
        self.wait_moved()
        self.wait_retired()
        for node in nodes:
            for path, value in outcome.items():
                reply = node.request("GET", f"secret/data/{path}", None, self.vault.token)
                self.assertEqual(value, self.assertStatus(200, reply).data["data"]["v"])
        self.assertNotIn("keys.value_left", nodes[0].read_log() + nodes[1].read_log())

    def test_a_node_that_is_asked_nothing_learns_of_keys_and_forgets_them(self):
        idle = self.vault.nodes[1]
        self.write("learn", "v")
        self.rotate()
        self.wait_moved()
        self.wait_retired()
        self.rotate()
        reply = idle.request("GET", "secret/data/learn", None, self.vault.token)
        self.assertEqual("v", self.assertStatus(200, reply).data["data"]["v"])


if __name__ == "__main__":
    unittest.main()
