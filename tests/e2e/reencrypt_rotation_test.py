# SPDX-License-Identifier: ISC
"""Re-encryption beside rotations on a real PostgreSQL: the credential goes on working, and targets and
values move to the new key too."""

import time
import unittest

import harness
from rotation_test import RotationTest


class ReencryptRotationTest(RotationTest):
    def older(self, table):
        term = self.vault.get("sys/key-status").data["term"]
        return int(self.vault.database.query(f"SELECT count(*) FROM {table} WHERE key_epoch < {term}")[0][0])

    def wait_moved(self):
        self.wait_for(lambda: self.assertStatus(200, self.vault.get("sys/key-status")).data["remaining"] == 0, 60)
        self.assertEqual((0, 0), (self.older("rotation_target"), self.older("rotation_value")))

    def test_values_at_rest_move_and_still_work(self):
        single = self.first_version(self.put_single("still"))
        pair = self.first_version(self.put_pair("couple"))
        self.wait_idle("still")
        self.rotate("couple")
        self.wait_idle("couple")
        for _ in range(2):
            self.assertStatus(204, self.vault.post("sys/rotate"))
            self.wait_moved()
        self.assertEqual(single["password"], self.read("still").data["password"])
        self.assertNotEqual(pair["password"], self.read("couple").data["password"])
        self.assertWorks(self.read("couple").data)
        for name in ("still", "couple"):  # with the target's own password, which moved as well
            self.rotate(name)
            self.assertWorks(self.read(name).data)
            self.wait_idle(name)

    def test_values_of_an_open_attempt_move_too(self):
        """One that waits for a person, and one for the end of a grace: for weeks, perhaps."""
        self.first_version(self.put_single("stuck"))
        old = self.first_version(self.put_pair("drains", grace="30m"))
        for name in ("stuck", "drains"):
            self.wait_idle(name)
        self.target.sql("ALTER ROLE stuck SUPERUSER")
        self.assertStatus(200, self.vault.post("rotation/credentials/stuck/rotate"))
        self.wait_for(lambda: self.credential("stuck")["state"] == "blocked")
        self.rotate("drains")
        self.wait_for(lambda: self.credential("drains")["state"] == "draining")
        for _ in range(2):
            self.assertStatus(204, self.vault.post("sys/rotate"))
            self.wait_moved()
        self.assertWorks(self.read("stuck").data)
        previous = self.assertStatus(200, self.read("drains", "?version=previous")).data
        self.assertEqual(old["password"], previous["password"])
        self.assertWorks(previous)
        self.target.sql("ALTER ROLE stuck NOSUPERUSER")
        self.assertStatus(204, self.vault.post("rotation/credentials/stuck/acknowledge"))
        self.wait_idle("stuck")
        self.assertEqual(2, self.read("stuck").data["version"])
        self.assertWorks(self.read("stuck").data)
        self.assertEqual(3, self.vault.post("rotation/credentials/drains/rollback").data["version"])
        self.assertEqual(old["password"], self.read("drains").data["password"])

    def test_keys_and_credentials_rotate_at_once(self):
        self.first_version(self.put_single("busy", interval="1s"))
        self.first_version(self.put_pair("pair", interval="2s", grace="1s"))
        end = time.monotonic() + 15
        rotated = 0
        while time.monotonic() < end:
            self.assertStatus(204, self.vault.post("sys/rotate"))
            rotated += 1
            for _ in range(5):
                for name in ("busy", "pair"):
                    self.assertStatus(200, self.read(name))
                self.assertWorks(self.read("pair").data)
                time.sleep(0.1)
        self.assertGreater(rotated, 3)
        self.assertGreater(self.read("busy").data["version"], 4)
        for name in ("busy", "pair"):
            self.assertNotIn("blocked", self.states(name))
            self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", {"interval": "1h"}))
        for name in ("busy", "pair"):
            self.wait_idle(name, 60)
            self.assertWorks(self.read(name).data)
        self.wait_moved()
        for name in ("busy", "pair"):
            self.assertWorks(self.read(name).data)

    def used(self, table):
        """Is the key that seals the table's rows known to be in use?"""
        rows = self.vault.database.query(f"SELECT key_epoch_used(namespace_id, key_epoch), key_epoch FROM {table} WHERE key_epoch IS NOT NULL")
        self.assertEqual(1, len(rows), rows)
        return rows[0][0] == "t", int(rows[0][1])

    def test_what_is_on_its_way_keeps_its_key_until_it_has_moved(self):
        """A new own password that the target hasn't taken yet, and what a notifier proves itself with."""
        tables = ("rotation_target_change", "rotation_notifier")
        body = {"type": "webhook", "url": f"http://127.0.0.1:{harness.free_port()}/"}
        self.assertStatus(200, self.vault.post("rotation/notifiers/hook", body))
        self.assertStatus(200, self.vault.post("rotation/recovery-key"))
        away = {**self.target.settings, "port": harness.free_port(), "username": "another"}
        self.assertStatus(204, self.vault.post("rotation/targets/away", away))
        self.assertStatus(200, self.vault.post("rotation/targets/away/rotate", {"timeout": "0s"}))
        term = self.vault.get("sys/key-status").data["term"]
        lock = "; ".join(f"SELECT 1 FROM {table} FOR UPDATE" for table in tables)
        with self.vault.database.held(lock):
            self.assertStatus(204, self.vault.post("sys/rotate"))
            self.wait_for(lambda: self.vault.get("sys/key-status").data["remaining"] == len(tables), 30)
            for table in tables:
                self.assertEqual((True, term), self.used(table))
            unused = f"SELECT count(*) FROM key_epoch WHERE epoch = {term} AND unused_since IS NULL"
            self.assertEqual([["1"]], self.vault.database.query(unused))
        self.wait_moved()
        for table in tables:
            self.assertEqual((True, term + 1), self.used(table))
        # Both open under the new key.
        mark = len(self.vault.node.read_log())
        self.wait_for(lambda: "rotation.own_step" in self.vault.node.read_log()[mark:], 60)
        self.assertNotIn("altered", self.vault.node.read_log())
        self.first_version(self.put_single("noticed"))
        self.wait_for(lambda: self.vault.get("rotation/notifiers/hook").data["failures"] > 0)
        self.assertStatus(204, self.vault.delete("rotation/notifiers/hook"))
        self.assertStatus(204, self.vault.post("rotation/targets/away", away))  # the change is given up


if __name__ == "__main__":
    unittest.main()
