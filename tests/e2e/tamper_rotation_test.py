# SPDX-License-Identifier: ISC
"""The owner of the database edits rows of rotation: nothing of it is believed, and it is told."""

import contextlib
import os
import shutil
import tempfile
import time
import unittest

import harness
from notify_receiver import Webhook
from tamper import REFUSED

CONFIG = "rotation {\n  min_interval_s = 1\n}\n"
OWNER = {"owner": "o", "purpose": "p"}
DAY = "now() + interval '1 day'"


class TamperRotationTest(harness.VaultTest):
    config = CONFIG

    @classmethod
    def setUpClass(cls):
        os.environ["ROTUNDA_TEST_ROTATION_LEASE_MS"] = str(1500 * harness.SLOWNESS)
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix="rotunda-tamper.")
        os.chmod(cls.folder, 0o777)
        for kind in ("rotation", "database"):
            assert cls.vault.post(f"sys/mounts/{kind}", {"type": kind}).status == 204
        cls.put_target("slots", "mock-slots")
        cls.put_target("issuer", "mock-issuer", folder="issuer")
        cls.put_target("away", "mock", folder="away", fault="unreachable", fault_op="apply")

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.folder)

    @classmethod
    def put_target(cls, name, rotator, folder="", **more):
        path = os.path.join(cls.folder, folder)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o777)
        body = {"rotator": rotator, "state_dir": path, "username": "u", "password": "p", **more}
        reply = cls.vault.post(f"rotation/targets/{name}", body)
        assert reply.status == 204, reply

    def put_credential(self, name, target="slots", **more):
        body = {"target": target, "account": name, "interval": "1h", "owner": "o", "purpose": "p", **more}
        self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", body))
        return name

    def wait_for(self, what, seconds=20):
        deadline = time.monotonic() + seconds * harness.SLOWNESS
        while time.monotonic() < deadline:
            if found := what():
                return found
            time.sleep(0.05)
        return self.fail("waited in vain")

    def served(self, name):
        self.wait_for(lambda: self.vault.get(f"rotation/creds/{name}").status == 200)

    def sql(self, text):
        return self.vault.database.query(text)

    @contextlib.contextmanager
    def edited(self, table, where, column, value):
        """Other rows than the one that is meant may not be there; afterwards it is as it was."""
        kind = f"(SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attname = '{column}')"
        old, kind = self.sql(f"SELECT quote_nullable({column}::text), {kind} FROM {table} WHERE {where}")[0]
        self.sql(f"UPDATE {table} SET {column} = {value} WHERE {where}")
        changed = self.sql(f"SELECT {column} IS DISTINCT FROM {old}::{kind} FROM {table} WHERE {where}")
        self.assertEqual([["t"]], changed, (table, column))
        mark = len(self.vault.node.read_log())
        yield lambda: self.vault.node.read_log()[mark:]
        self.sql(f"UPDATE {table} SET {column} = {old}::{kind} WHERE {where}")

    def assertRefused(self, table, where, edits, paths, event):
        for column, value in edits.items():
            with self.subTest(table=table, column=column), self.edited(table, where, column, value) as log:
                for method, path in paths:
                    reply = self.vault.request(method, path, {} if method == "POST" else None)
                    self.assertEqual((500, REFUSED), (reply.status, reply.errors), (column, path))
                self.assertIn(event, log())
        method, path = paths[0]
        self.assertStatus(200, self.vault.request(method, path, {} if method == "POST" else None))

    def test_rules_of_a_credential(self):
        self.served(self.put_credential("ruled", interval="10h"))
        edits = {
            "blackouts": "'[\"00:00-00:00\"]'", "value_rules": "'{\"length\":8}'", "retire": "'use'",
            "retire_quiet_s": "1", "retire_max_s": "5", "moved_from": DAY, "moved_by": "'window'",
            "cron": "'* * * * *'", "windows": "'[\"00:00-01:00\"]'", "time_zone": "'Asia/Tokyo'",
            "paused": "true", "expires_at": DAY, "next_rotation_at": DAY, "value_bits": "1", "grace_s": "9",
        }  # fmt: skip
        paths = [("GET", "rotation/credentials/ruled"), ("GET", "rotation/creds/ruled"), ("POST", "rotation/credentials/ruled/plan")]
        self.assertRefused("rotation_credential", "name = 'ruled'", edits, paths, "rotation.credential_altered")

    def test_a_date_moved_forward_rotates_nothing(self):
        self.served(self.put_credential("hurried", interval="10h"))
        before = self.vault.get("rotation/creds/hurried").data["version"]
        other = self.put_credential("beside", interval="10h")
        with self.edited("rotation_credential", "name = 'hurried'", "next_rotation_at", "now() - interval '1 day'") as log:
            self.wait_for(lambda: "rotation.credential_altered" in log())
            self.served(other)  # nobody else is held up
        self.assertEqual(before, self.vault.get("rotation/creds/hurried").data["version"])

    def assertRotates(self, name):
        version = self.vault.get(f"rotation/creds/{name}").data["version"]
        self.wait_for(lambda: self.vault.get(f"rotation/creds/{name}").data["version"] > version + 1)

    def test_many_dates_moved_forward_hold_up_nobody(self):
        """More than a round looks at, all of them due before anybody else."""
        hour = time.gmtime(time.time() + 12 * 3600).tm_hour
        rest = {"interval": "24h", "windows": [f"{hour:02}:00-{hour:02}:30"]}
        names = [self.put_credential(f"many{i}", **rest) for i in range(70)]
        honest = self.put_credential("honest", interval="1s", grace="0s")
        self.served(honest)
        self.sql("UPDATE rotation_credential SET next_rotation_at = '2001-01-01' WHERE name LIKE 'many%'")
        self.assertRotates(honest)
        versions = [self.vault.get(f"rotation/credentials/{name}").status for name in names]
        self.assertEqual([500] * 70, versions)
        self.sql("DELETE FROM rotation_credential WHERE name LIKE 'many%' OR name = 'honest'")

    def test_many_altered_attempts_hold_up_nobody(self):
        """More than a round takes, at a target at which one attempt at a time goes on."""
        self.put_target("narrow", "mock-slots", folder="narrow", concurrency="1")
        names = [self.put_credential(f"stuck{i}", "narrow", interval="10h", grace="1h") for i in range(6)]
        for name in names:
            self.served(name)
        for name in names:
            self.wait_for(lambda n=name: self.vault.get(f"rotation/credentials/{n}").data["state"] == "idle")
            self.assertStatus(200, self.vault.post(f"rotation/credentials/{name}/rotate"))
        honest = self.put_credential("free", "narrow", interval="1s", grace="0s")
        self.served(honest)
        altered = "WHERE credential_id IN (SELECT id FROM rotation_credential WHERE name LIKE 'stuck%') AND open"
        self.sql(f"UPDATE rotation_attempt SET hold = NOT hold, next_step_at = '2001-01-01' {altered}")
        self.assertRotates(honest)
        told = self.vault.get("rotation/status").data["attention"]
        self.assertEqual(set(names), {c["name"] for c in told if c["error_class"] == "integrity"})
        self.sql("DELETE FROM rotation_credential WHERE name LIKE 'stuck%' OR name = 'free'")

    def test_values(self):
        self.served(self.put_credential("valued"))
        where = "state = 'current' AND credential_id = (SELECT id FROM rotation_credential WHERE name = 'valued')"
        edits = {"valid_until": DAY, "external_id": "'x'", "account": "'root'", "public_part": "'x'", "salt": "'x'"}
        self.assertRefused("rotation_value", where, edits, [("GET", "rotation/creds/valued")], "rotation.value_altered")

    def test_a_current_value_that_is_gone_is_told(self):
        """Nobody asks for it but the schedule, which can never plan it."""
        self.served(self.put_credential("robbed", interval="1h"))
        where = "credential_id = (SELECT id FROM rotation_credential WHERE name = 'robbed')"
        self.wait_for(lambda: self.vault.get("rotation/credentials/robbed").data["state"] == "idle")
        self.assertStatus(204, self.vault.post("rotation/credentials/robbed", {"interval": "3s", "grace": "1s", **OWNER}))
        self.sql(f"UPDATE rotation_value SET state = 'retired' WHERE {where}")
        self.wait_for(lambda: "rotation.value_missing" in self.vault.node.read_log())
        self.served(self.put_credential("not_held_up"))
        self.sql("DELETE FROM rotation_credential WHERE name = 'robbed'")

    def test_what_is_kept_of_a_lost_create(self):
        self.put_credential("lost", "issuer")
        self.served("lost")
        self.wait_for(lambda: self.vault.get("rotation/credentials/lost").data["state"] == "idle")
        self.put_target("issuer", "mock-issuer", folder="issuer", fault="not_permitted")
        self.assertStatus(200, self.vault.post("rotation/credentials/lost/rotate"))
        where = "open AND credential_id = (SELECT id FROM rotation_credential WHERE name = 'lost')"
        self.assertNotEqual("", self.sql(f"SELECT baseline FROM rotation_attempt WHERE {where}")[0][0])
        for column, value in {"baseline": "'[]'", "quarantine_until": DAY, "applied_at": DAY}.items():
            with self.subTest(column=column), self.edited("rotation_attempt", where, column, value) as log:
                reply = self.vault.post("rotation/credentials/lost/acknowledge", {"action": "retry"})
                self.assertEqual((500, REFUSED), (reply.status, reply.errors), column)
                self.assertIn("rotation.attempt_altered", log())

    def test_the_change_of_a_targets_own_credential(self):
        self.assertStatus(200, self.vault.post("rotation/recovery-key", {"shares": 3, "threshold": 2}))
        self.assertStatus(200, self.vault.post("rotation/targets/away/rotate", {"timeout": "0s"}))
        edits = {"recovery_copy": "'x'", "recovery_public": "'x'", "recovery_wrapped": "'x'", "principal": "'root'",
                 "salt": "'x'", "first_fence": "1000000", "created_at": DAY}  # fmt: skip
        paths = [("GET", "rotation/targets/away"), ("GET", "rotation/targets/away/recovery")]
        self.assertRefused("rotation_target_change", "open", edits, paths, "rotation.target_change_altered")
        edits = {"public_key": "set_byte(public_key, 0, 255 - get_byte(public_key, 0))", "wrapped_private": "'x'", "created_at": DAY}
        paths = [("GET", "rotation/recovery-key"), ]
        self.assertRefused("rotation_recovery_key", "true", edits, paths, "rotation.recovery_key_altered")

    def test_notifiers_and_notices(self):
        with contextlib.ExitStack() as stack:
            receiver, other = Webhook(None), Webhook(None)
            for each in (receiver, other):
                each.start()
                stack.callback(each.stop)
            url = f"http://127.0.0.1:{receiver.port}/"
            body = {"type": "webhook", "url": url, "events": ["rotated"], "credentials": ["told"]}
            reply = self.assertStatus(200, self.vault.post("rotation/notifiers/hook", body))
            receiver.secret = other.secret = reply.data["secret"]
            stack.callback(self.vault.delete, "rotation/notifiers/hook")
            edits = {"url": f"'http://127.0.0.1:{other.port}/'", "events": "'{blocked}'", "credentials": "'{x}'",
                     "owner": "'x'", "enabled": "false", "ca_file": "'/x'", "secret_version": "7"}  # fmt: skip
            paths = [("GET", "rotation/notifiers/hook")]
            self.assertRefused("rotation_notifier", "name = 'hook'", edits, paths, "notify.notifier_altered")
            address = f"'http://127.0.0.1:{other.port}/'"
            with self.edited("rotation_notifier", "name = 'hook'", "url", address) as log:
                self.served(self.put_credential("told"))
                self.wait_for(lambda: "notify.notifier_altered" in log())
            self.assertStatus(204, self.vault.post("rotation/notifiers/hook", body))  # tried at once
            self.wait_for(lambda: receiver.seen, 60)
            self.assertEqual([], other.seen)
            receiver.always = 503
            self.wait_for(lambda: self.vault.get("rotation/credentials/told").data["state"] == "idle")
            self.assertStatus(200, self.vault.post("rotation/credentials/told/rotate"))
            where = "id = (SELECT id FROM rotation_notice WHERE credential = 'told' ORDER BY seq DESC LIMIT 1)"
            with self.edited("rotation_notice", where, "payload", "'{\"forged\":true}'") as log:
                time.sleep(1)  # what was read before is on its way
                receiver.always = None
                count = len(receiver.got)
                self.wait_for(lambda: "notice_altered" in log(), 60)
                self.assertEqual(count, len(receiver.got))

    def test_connections(self):
        body = {"plugin_name": "postgresql-database-plugin", "verify_connection": False, "allowed_roles": ["a"],
                "connection_url": "postgresql://{{username}}:{{password}}@127.0.0.1:1/x?sslmode=verify-full",
                "username": "u", "password": "p"}  # fmt: skip
        reply = self.vault.post("database/config/c", body)
        self.assertIn(reply.status, (200, 204), reply)
        edits = {"allowed_roles": "'{*}'", "url": "'postgresql://elsewhere/x'", "verify": "true"}
        paths = [("GET", "database/config/c"), ]
        self.assertRefused("database_connection", "true", edits, paths, "database.connection_altered")


if __name__ == "__main__":
    unittest.main()
