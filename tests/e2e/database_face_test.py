# SPDX-License-Identifier: ISC
"""The face of Vault's database engine on a real PostgreSQL: Debian's python3-hvac, unmodified, and raw requests."""

import calendar
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

import harness
from notify_receiver import Webhook
from postgres import wait_until
from rotation_target import ROTATOR_PASSWORD, Target

try:
    import hvac
except ImportError:
    # Another Python than Debian's may be first in the path; the library is plain Python.
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import hvac
    except ImportError:
        hvac = None

CONFIG = "rotation {\n  min_interval_s = 1\n}\n"
STANDARD = "ALTER USER \"{{name}}\" WITH PASSWORD '{{password}}';"
USER = "{{username}}:{{password}}"
NIGHTLY = {"rotation_period": None, "rotation_schedule": "30 2 * * SAT,SUN"}


class FaceTest(harness.VaultTest):
    config = CONFIG

    @classmethod
    def setUpClass(cls):
        os.environ["ROTUNDA_TEST_ROTATION_LEASE_MS"] = str(3000 * harness.SLOWNESS)
        cls.target = Target()
        super().setUpClass()
        reply = cls.vault.post("sys/mounts/database", {"type": "database"})
        assert reply.status == 204, reply
        reply = cls.vault.post("database/config/db", cls.connection())
        assert reply.status == 204, reply

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.target.destroy()

    @classmethod
    def url(cls, port=None):
        place = f"127.0.0.1:{port or cls.target.port}/rotunda"
        return f"postgresql://{USER}@{place}?sslmode=verify-full&sslrootcert={cls.target.ca_file}"

    @classmethod
    def connection(cls, **more):
        body = {
            "plugin_name": "postgresql-database-plugin",
            "connection_url": cls.url(),
            "username": "rotator",
            "password": ROTATOR_PASSWORD,
            "allowed_roles": ["*"],
        }
        body.update(more)
        return {k: v for k, v in body.items() if v is not None}

    def role(self, name, password=None):
        self.target.sql(f"CREATE ROLE {name} LOGIN" + (f" PASSWORD '{password}'" if password else ""))
        return name

    def static(self, name, **more):
        body = {"db_name": "db", "username": name, "rotation_period": "1h"}
        body.update(more)
        return {k: v for k, v in body.items() if v is not None}

    def put(self, name, **more):
        self.assertStatus(204, self.vault.post(f"database/static-roles/{self.role(name)}", self.static(name, **more)))
        return name

    def creds(self, name):
        return self.assertStatus(200, self.vault.get(f"database/static-creds/{name}")).data

    def works(self, creds):
        return self.target.login(creds["username"], creds["password"]) is None

    def settled(self, name):
        """What is served; once nothing is under way that could replace it in this moment."""
        deadline = time.monotonic() + 30 * harness.SLOWNESS
        while time.monotonic() < deadline:
            state = self.vault.get(f"database/credentials/{name}")
            if state.status == 200 and state.data["state"] == "idle":
                return self.creds(name)
            time.sleep(0.05)
        self.fail("the rotation didn't end")

    def refused(self, path, body, expected, status=400):
        reply = self.assertStatus(status, self.vault.post(path, body))
        self.assertIn(expected, reply.errors[0])


@unittest.skipIf(hvac is None, "no python3-hvac")
class LibraryTest(FaceTest):
    """Every call that the library has for the engine."""

    @property
    def database(self):
        client = hvac.Client(url=f"http://127.0.0.1:{self.vault.node.port}", token=self.vault.token)
        return client.secrets.database

    def test_connections(self):
        db = self.database
        told = dict(self.connection(), verify_connection=True, root_rotation_statements=[])
        self.assertEqual(204, db.configure("lib", **told).status_code)
        shown = db.read_connection("lib")["data"]
        self.assertEqual(["*"], shown["allowed_roles"])
        self.assertEqual({"connection_url": self.url(), "username": "rotator"}, shown["connection_details"])
        self.assertEqual("postgresql-database-plugin", shown["plugin_name"])
        self.assertEqual([], shown["root_credentials_rotate_statements"])
        self.assertNotIn(ROTATOR_PASSWORD, str(shown))
        self.assertEqual(["db", "lib"], db.list_connections()["data"]["keys"])
        self.assertEqual(204, db.reset_connection("lib").status_code)
        self.assertEqual(204, db.delete_connection("lib").status_code)
        with self.assertRaises(hvac.exceptions.InvalidPath):
            db.read_connection("lib")
        self.assertEqual(204, db.delete_connection("lib").status_code)

    def test_static_roles(self):
        db = self.database
        made = db.create_static_role("libapp", "db", self.role("libapp"), [STANDARD], rotation_period=3600)
        self.assertEqual(204, made.status_code)
        shown = self.vault.get("database/static-roles/libapp").data  # the library has no call for it
        self.assertEqual(("libapp", "db", 3600), (shown["username"], shown["db_name"], shown["rotation_period"]))
        self.assertEqual(("password", []), (shown["credential_type"], shown["rotation_statements"]))
        self.assertIn("libapp", db.list_static_roles()["data"]["keys"])
        creds = db.get_static_credentials("libapp")["data"]
        self.assertEqual({"username", "password", "last_vault_rotation", "rotation_period", "ttl"}, set(creds))
        self.assertEqual(shown["last_vault_rotation"], creds["last_vault_rotation"])
        self.assertRegex(creds["last_vault_rotation"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertTrue(3500 < creds["ttl"] <= 3600, creds)
        self.assertTrue(self.works(creds))
        self.assertEqual(204, db.delete_static_role("libapp").status_code)
        self.assertEqual(204, db.delete_static_role("libapp").status_code)
        with self.assertRaises(hvac.exceptions.InvalidPath):
            db.get_static_credentials("libapp")
        self.assertTrue(self.works(creds), "the role at the database is left alone")

    def test_dynamic_roles_say_that_they_are_not_there(self):
        db = self.database
        for call in (
            lambda: db.create_role("r", "db", ["CREATE ROLE x"]),
            lambda: db.read_role("r"),
            db.list_roles,
            lambda: db.delete_role("r"),
            lambda: db.generate_credentials("r"),
        ):
            with self.assertRaisesRegex(hvac.exceptions.InvalidPath, "dynamic roles .* aren't part of this version"):
                call()

    def test_the_connection_s_own_password(self):
        with self.assertRaisesRegex(hvac.exceptions.InvalidPath, "there is no connection of this name"):
            self.database.rotate_root_credentials("missing")
        password = "own-password-of-rooter-77"
        self.target.sql(f"CREATE ROLE rooter LOGIN CREATEROLE PASSWORD '{password}'")
        body = self.connection(username="rooter", password=password)
        self.assertStatus(204, self.vault.post("database/config/root", body))
        self.refused("database/rotate-root/root", {}, "make a recovery key first", 409)
        self.assertStatus(200, self.vault.post("database/recovery-key", {"shares": 3, "threshold": 2}))
        self.assertEqual(204, self.database.rotate_root_credentials("root").status_code)
        self.assertIsNotNone(self.target.login("rooter", password))
        self.put("rooted", db_name="root")
        self.assertTrue(self.works(self.creds("rooted")))
        self.assertNotIn(password, self.assertStatus(200, self.vault.get("database/config/root")).text)


class ConnectionTest(FaceTest):
    path = "database/config/refused"

    def test_urls_say_what_to_write_instead(self):
        place = f"127.0.0.1:{self.target.port}"
        for url, expected in {
            f"postgresql://{USER}@{place}/rotunda?sslmode=disable": "write sslmode=verify-full",
            f"postgresql://{USER}@{place}/rotunda?sslmode=require": "write sslmode=verify-full",
            f"postgresql://root:pw@{place}/rotunda": "write {{username}}:{{password}}@",
            f"postgresql://{place}/rotunda": "write {{username}}:{{password}}@",
            f"mysql://{USER}@{place}/": "expected postgresql://",
            "host=db user={{username}} password={{password}}": "expected postgresql://",
            f"postgresql://{USER}@a,b/rotunda": "name one server",
            f"postgresql://{USER}@/rotunda": "it names no host",
            f"postgresql://{USER}@{place}/x?connect_timeout=5": "connect_timeout: this parameter isn't supported",
            f"postgresql://{USER}@{place}/x?sslrootcert=ca.pem": "sslrootcert: expected the absolute path",
            f"postgresql://{USER}@{place}/x?port=1": "port: it is given twice",
            f"postgresql://{USER}@{place}9999/x": "the port is a number",
            f"postgresql://{USER}@{place}/%00": "control characters",
            "": "expected postgresql://",
        }.items():
            with self.subTest(url):
                self.refused(self.path, self.connection(connection_url=url), expected)
        self.refused(self.path, self.connection(connection_url=None), "connection_url: expected postgresql://")
        self.refused(self.path, self.connection(connection_url=["x"]), "connection_url: ")
        self.refused(self.path, self.connection(connection_url="postgresql://" + "x" * 3000), "longer than 2048")
        self.assertStatus(404, self.vault.get(self.path))

    def test_fields_are_checked_and_named(self):
        for change, expected in (
            ({"plugin_name": "oracle-database-plugin"}, "plugin_name: there is no such plugin; this version has"),
            ({"plugin_name": None}, "plugin_name: required"),
            ({"username": None}, "username: required"),
            ({"password": None}, "password: required"),
            ({"password": ""}, "password: required"),
            ({"password": "wrong"}, "verify_connection: error verifying connection"),
            ({"connection_url": self.url(harness.free_port())}, "verify_connection: error verifying connection"),
            ({"verify_connection": "perhaps"}, "verify_connection: "),
            ({"allowed_roles": {"a": 1}}, "allowed_roles: expected"),
            ({"allowed_roles": ["x" * 300]}, "allowed_roles: a name has"),
            ({"root_rotation_statements": ["ALTER USER x"]}, "root_rotation_statements: the rotator makes"),
            ({"password_policy": "strict"}, "password_policy: values have 160 bits"),
            ({"username_template": "{{.RoleName}}"}, "username_template: "),
            ({"max_open_connections": "many"}, "max_open_connections: expected a number"),
            ({"tls_ca": "-----BEGIN"}, "tls_ca: write sslrootcert"),
            ({"verify_conection": False}, "verify_conection: there is no such field"),
        ):
            with self.subTest(change):
                self.refused(self.path, self.connection(**change), expected)
        self.refused("database/config/.hidden", self.connection(), "a name has up to")
        self.assertStatus(404, self.vault.get(self.path))

    def test_what_is_empty_or_meaningless_is_taken_and_told(self):
        body = self.connection(password_policy="", username_template="", max_open_connections=4)
        reply = self.assertStatus(200, self.vault.post("database/config/tolerant", body))
        self.assertIn("max_open_connections changes nothing", str(reply.json["warnings"]))
        self.assertStatus(204, self.vault.delete("database/config/tolerant"))

    def test_unverified_ones_are_stored_and_reset_asks_again(self):
        body = self.connection(password="wrong", verify_connection=False)
        self.assertStatus(204, self.vault.post("database/config/blind", body))
        self.assertStatus(204, self.vault.post("database/reset/blind"))
        self.refused("database/reset/missing", {}, "there is no connection", 404)
        self.refused("database/config/blind", {"verify_connection": True}, "error verifying")
        self.assertFalse(self.vault.get("database/config/blind").data["verify_connection"])
        self.assertStatus(204, self.vault.delete("database/config/blind"))

    def test_a_password_goes_only_where_whoever_gave_it_wanted(self):
        self.assertStatus(204, self.vault.post("database/config/kept", self.connection()))
        self.assertStatus(204, self.vault.post("database/config/kept", {"allowed_roles": "a,b-*"}))
        self.assertEqual(["a", "b-*"], self.vault.get("database/config/kept").data["allowed_roles"])
        reply = self.assertStatus(400, self.vault.post("database/config/kept", {"password": "wrong"}))
        self.assertIn("error verifying connection", reply.errors[0])
        self.assertNotIn("try again", reply.errors[0])  # nobody is replacing it
        elsewhere = {"connection_url": self.url(1)}
        self.refused("database/config/kept", elsewhere, "password: required again")
        self.assertStatus(204, self.vault.delete("database/config/kept"))

    def test_one_that_is_used_stays(self):
        self.put("inuse")
        reply = self.assertStatus(409, self.vault.delete("database/config/db"))
        self.assertIn("static roles use this connection", reply.errors[0])

    def test_an_altered_row_is_refused(self):
        self.assertStatus(204, self.vault.post("database/config/altered", self.connection(allowed_roles=["a"])))
        where = "WHERE target_id = (SELECT id FROM rotation_target WHERE name = 'altered')"
        self.vault.database.query(f"UPDATE database_connection SET allowed_roles = '{{*}}' {where}")
        self.assertStatus(500, self.vault.get("database/config/altered"))
        role = self.static("nobody", db_name="altered")
        self.assertStatus(500, self.vault.post("database/static-roles/nobody", role))
        self.vault.database.query(f"DELETE FROM database_connection {where}")
        self.assertStatus(500, self.vault.post("database/static-roles/nobody", role))
        self.assertStatus(204, self.vault.delete("database/config/altered"))


class RoleTest(FaceTest):
    path = "database/static-roles/refused"

    def test_fields_are_checked_and_named(self):
        self.role("refused")
        for change, expected in (
            ({"db_name": None}, "db_name: required"),
            ({"db_name": "missing"}, "db_name: there is no such connection"),
            ({"username": None}, "username: required"),
            ({"username": "rotator"}, "username: the connection logs in as this account"),
            ({"username": "not_there"}, "role_exists"),
            ({"rotation_period": None}, "rotation_period: required"),
            ({"rotation_period": 0}, "rotation_period: expected 1s"),
            ({"rotation_period": "soon"}, "rotation_period: "),
            ({"rotation_window": "1h"}, "rotation_window: goes with rotation_schedule"),
            ({"rotation_schedule": "0 0 * * *"}, "rotation_schedule: give rotation_period or rotation_schedule"),
            ({"rotation_period": None, "rotation_schedule": "0 0"}, "rotation_schedule: expected five fields"),
            ({"rotation_period": None, "rotation_schedule": "0 0 30 2 *"}, "rotation_schedule: "),
            ({**NIGHTLY, "rotation_window": "30m"}, "rotation_window: expected whole minutes from 1h to 24h"),
            ({**NIGHTLY, "rotation_window": "25h"}, "rotation_window: expected whole minutes from 1h to 24h"),
            ({**NIGHTLY, "rotation_schedule": "* * * * *", "rotation_window": "1h"}, "rotation_window: the schedule"),
            ({"rotation_statements": ["ALTER ROLE x SUPERUSER"]}, "rotation_statements: the rotator sets"),
            ({"rotation_statements": [STANDARD + "DROP TABLE x"]}, "rotation_statements: the rotator sets"),
            ({"rotation_statements": {"a": []}}, "rotation_statements: expected a list"),
            ({"credential_type": "rsa_private_key"}, "credential_type: this version has password only"),
            ({"credential_config": {"password_policy": "x"}}, "credential_config: "),
            ({"skip_import_rotation": "maybe"}, "skip_import_rotation: "),
            ({"password": ""}, "password: empty"),
            ({"password": "wrong", "skip_import_rotation": True}, "password: the target refuses"),
            ({"owner": "x" * 2000}, "owner: a text of"),
            ({"rotation_perod": "1h"}, "rotation_perod: there is no such field"),
        ):
            with self.subTest(change):
                self.refused(self.path, self.static("refused", **change), expected)
        self.assertStatus(404, self.vault.get(self.path))
        self.assertStatus(404, self.vault.get("database/static-creds/refused"))
        self.refused("database/rotate-role/refused", {}, "there is no static role", 404)

    def test_no_value_of_any_field_is_an_error_of_ours(self):
        self.role("swept")
        values = ([], {"a": {"a": []}}, True, -1, 10**30, "\0", "x" * 100_000, "../..", [None])
        known = {"config": self.connection(), "static-roles": self.static("swept")}
        fields = {
            "config": (*known["config"], "verify_connection", "max_open_connections", "root_rotation_statements", "tls_ca"),
            "static-roles": (*known["static-roles"], "rotation_schedule", "rotation_window", "rotation_statements",
                             "credential_type", "skip_import_rotation", "password", "owner", "purpose"),
        }
        for kind, body in known.items():
            for field in fields[kind]:
                for value in values:
                    with self.subTest(f"{kind} {field} {value!r:.40}"):
                        path = f"database/{kind}/swept"
                        reply = self.vault.post(path, {**body, field: value})
                        self.assertIn(reply.status, (200, 204, 400), reply)
                        if reply.status == 400:
                            self.assertTrue(reply.errors[0])
                        else:
                            self.assertStatus(204, self.vault.delete(path))

    def test_deleting_one_whose_new_password_may_be_set_warns(self):
        self.put("halfway")
        self.settled("halfway")
        self.target.sql("ALTER ROLE halfway NOLOGIN")  # the password is set, and can't be tried
        self.vault.post("database/rotate-role/halfway")
        path = "database/static-roles/halfway"
        deadline = time.monotonic() + 30 * harness.SLOWNESS
        while (reply := self.vault.delete(path)).status == 409 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertStatus(200, reply)
        self.assertIn("version 2 of account halfway may be valid at the target", reply.json["warnings"][0])
        self.assertStatus(404, self.vault.get(path))
        self.assertStatus(204, self.vault.delete(path))

    def test_making_one_rotates_at_once_and_rotate_role_does_again(self):
        old = self.creds(self.put("plain", rotation_statements=[STANDARD]))
        self.assertTrue(self.works(old))
        self.assertStatus(204, self.vault.post("database/rotate-role/plain"))
        new = self.creds("plain")
        self.assertNotEqual(old["password"], new["password"])
        self.assertGreater(new["last_vault_rotation"], old["last_vault_rotation"])
        self.assertTrue(self.works(new))
        self.assertFalse(self.works(old))

    def test_what_makes_it_cannot_change_and_the_rest_does(self):
        before = self.creds(self.put("steady"))
        path = "database/static-roles/steady"
        self.refused(path, {"username": "other"}, "username: can't be changed")
        self.refused(path, {"db_name": "other"}, "db_name: can't be changed")
        self.refused(path, {"password": "x"}, "password: only when the static role is made")
        self.assertStatus(204, self.vault.post(path, self.static("steady", rotation_period=7200, owner="team-x")))
        shown = self.vault.get(path).data
        self.assertEqual((7200, "team-x"), (shown["rotation_period"], shown["owner"]))
        after = self.creds("steady")
        self.assertEqual(before["password"], after["password"], "an update doesn't rotate")
        self.assertGreater(after["ttl"], 7000)

    def test_schedules_and_windows(self):
        self.put("nightly", **NIGHTLY, rotation_window="2h")
        creds = self.creds("nightly")  # rotated at once, whatever the window says
        self.assertTrue(self.works(creds))
        shown = self.vault.get("database/static-roles/nightly").data
        for answer in (creds, shown):
            self.assertEqual("30 2 * * SAT,SUN", answer["rotation_schedule"])
            self.assertEqual(7200, answer["rotation_window"])
            self.assertNotIn("rotation_period", answer)
        engine = self.vault.get("database/credentials/nightly").data
        self.assertEqual(["Sun,Sat 02:30-04:30"], engine["windows"])
        self.assertRegex(engine["next_rotation"], "T02:30:00Z$")
        due = calendar.timegm(time.strptime(engine["next_rotation"], "%Y-%m-%dT%H:%M:%SZ"))
        self.assertIn(time.gmtime(due).tm_wday, (5, 6))
        self.assertLessEqual(abs(due - time.time() - creds["ttl"]), 5)
        path = "database/static-roles/nightly"
        self.assertStatus(204, self.vault.post(path, {"rotation_schedule": "0 4 1 * *"}))
        self.assertEqual(["04:00-06:00"], self.vault.get("database/credentials/nightly").data["windows"])
        self.assertStatus(204, self.vault.post(path, {"rotation_period": "1h"}))
        self.assertEqual([], self.vault.get("database/credentials/nightly").data["windows"])
        self.assertNotIn("rotation_schedule", self.creds("nightly"))
        self.assertEqual(creds["password"], self.creds("nightly")["password"])

    def test_vault_18738_two_roles_of_a_service_do_not_drift_together(self):
        """Vault's schedules went by when its queue came around; here the date is what the schedule says."""
        for name, hour in (("even", 0), ("odd", 12)):
            self.put(name, rotation_period=None, rotation_schedule=f"0 {hour} * * *", rotation_window="1h")
            self.assertStatus(204, self.vault.post(f"database/rotate-role/{name}"))
        even, odd = (self.vault.get(f"database/credentials/{name}").data["next_rotation"] for name in ("even", "odd"))
        self.assertEqual(("00:00:00Z", "12:00:00Z"), (even.split("T")[1], odd.split("T")[1]))

    def test_skipping_waits_for_the_schedule_also_when_that_changes(self):
        self.role("patient", "by-hand-4")
        body = self.static("patient", **NIGHTLY, skip_import_rotation=True)
        self.assertStatus(204, self.vault.post("database/static-roles/patient", body))
        self.assertStatus(204, self.vault.post("database/static-roles/patient", {"rotation_period": "2h"}))
        time.sleep(1.5)
        self.assertTrue(self.works({"username": "patient", "password": "by-hand-4"}))
        self.assertStatus(503, self.vault.get("database/static-creds/patient"))

    def test_vault_30610_skip_import_rotation_is_not_ignored(self):
        self.role("imported", "by-hand-1")
        body = self.static("imported", skip_import_rotation=True, password="by-hand-1")
        self.assertStatus(204, self.vault.post("database/static-roles/imported", body))
        creds = self.creds("imported")
        self.assertEqual(("by-hand-1", None), (creds["password"], creds["last_vault_rotation"]))
        self.assertTrue(3500 < creds["ttl"] <= 3600, creds)
        time.sleep(2)  # longer than the scheduler needs for what is due
        self.assertTrue(self.works(self.creds("imported")))
        self.assertStatus(204, self.vault.post("database/rotate-role/imported"))
        self.assertFalse(self.works(creds))
        self.assertTrue(self.works(self.creds("imported")))

    def test_vault_29537_nothing_is_rotated_by_unsealing(self):
        self.role("sleeper", "by-hand-2")
        body = self.static("sleeper", skip_import_rotation=True)
        self.assertStatus(204, self.vault.post("database/static-roles/sleeper", body))
        rotated = self.creds(self.put("sealed"))
        reply = self.assertStatus(503, self.vault.get("database/static-creds/sleeper"))
        self.assertIn("no rotation is under way: wait for the first one, or ask for it", reply.errors[0])
        self.vault.node.stop()
        self.vault.restart(self.vault.node)
        time.sleep(2)
        self.assertTrue(self.works({"username": "sleeper", "password": "by-hand-2"}))
        self.assertEqual(rotated["password"], self.creds("sealed")["password"])
        self.assertStatus(204, self.vault.post("database/rotate-role/sleeper"))
        self.assertTrue(self.works(self.creds("sleeper")))

    def test_vault_12563_the_date_is_stored_and_not_begun_anew_by_asking(self):
        self.put("dated")
        self.assertStatus(204, self.vault.post("database/rotate-role/dated"))
        first = self.creds("dated")
        self.vault.node.stop()
        self.vault.restart(self.vault.node)
        again = self.creds("dated")
        self.assertEqual(first["password"], again["password"])
        self.assertLessEqual(again["ttl"], first["ttl"])

    def test_a_password_without_skipping_is_verified_and_replaced(self):
        self.role("taken", "by-hand-3")
        body = self.static("taken", password="by-hand-3")
        self.assertStatus(204, self.vault.post("database/static-roles/taken", body))
        creds = self.creds("taken")
        self.assertNotEqual("by-hand-3", creds["password"])
        self.assertTrue(self.works(creds))
        self.assertFalse(self.works({"username": "taken", "password": "by-hand-3"}))

    def test_allowed_roles_hold_for_making_and_reading(self):
        narrow = self.connection(allowed_roles=["app-*"])
        self.assertStatus(204, self.vault.post("database/config/narrow", narrow))
        self.role("narrow_app")
        body = self.static("narrow_app", db_name="narrow")
        self.refused("database/static-roles/other", body, '"other" is not an allowed role')
        self.assertStatus(204, self.vault.post("database/static-roles/app-1", body))
        self.creds("app-1")
        self.assertStatus(204, self.vault.post("database/config/narrow", {"allowed_roles": []}))
        reply = self.assertStatus(403, self.vault.get("database/static-creds/app-1"))
        self.assertIn("not an allowed role", reply.errors[0])
        self.assertStatus(204, self.vault.delete("database/static-roles/app-1"))
        self.assertStatus(204, self.vault.delete("database/config/narrow"))

    def test_an_account_is_in_the_care_of_one_only(self):
        self.put("single")
        self.refused("database/static-roles/second", self.static("single"), "in the care of another", 409)

    def test_owner_and_purpose_have_defaults(self):
        self.put("owned")
        shown = self.vault.get("database/static-roles/owned").data
        self.assertEqual(("root", "static role owned of database/"), (shown["owner"], shown["purpose"]))
        self.assertStatus(204, self.vault.post("sys/mounts/billing", {"type": "database", "description": "team-billing"}))
        self.assertStatus(204, self.vault.post("billing/config/db", self.connection()))
        self.role("billed")
        self.assertStatus(204, self.vault.post("billing/static-roles/billed", self.static("billed")))
        self.assertEqual("team-billing", self.vault.get("billing/static-roles/billed").data["owner"])
        self.assertStatus(404, self.vault.get("database/static-roles/billed"))

    def test_the_engine_s_own_paths_tell_what_happened(self):
        self.put("told")
        history = self.assertStatus(200, self.vault.get("database/credentials/told/history")).data["events"]
        self.assertIn("promoted", [event["state"] for event in history])
        self.assertEqual("idle", self.vault.get("database/credentials/told").data["state"])
        self.assertGreaterEqual(self.assertStatus(200, self.vault.get("database/status")).data["credentials"], 1)
        check = self.assertStatus(200, self.vault.post("database/targets/db/check", {"account": "told"})).data
        self.assertTrue(check["ok"], check)

    def test_the_command_line_reaches_all_of_it(self):
        self.role("typed")
        self.command("write", "database/static-roles/typed", "db_name=db", "username=typed", "rotation_period=1h")
        password = self.command("read", "-field=password", "database/static-creds/typed").strip()
        self.assertTrue(self.works({"username": "typed", "password": password}))
        self.command("write", "-f", "database/rotate-role/typed")
        self.assertIn("typed", self.command("list", "database/static-roles"))
        self.assertIn("promoted", self.command("rotation", "history", "-mount=database", "typed"))
        self.command("rotation", "status", "-mount=database")
        self.command("delete", "database/static-roles/typed")

    def test_a_notifier_tells_what_happens_to_static_roles(self):
        receiver = Webhook()
        receiver.start()
        self.addCleanup(receiver.stop)
        self.put("heard")
        unheard = self.vault.get("database/status").data["unowned"]
        self.assertGreaterEqual(unheard, 1)
        rotation = ("rotation", "notifier")
        address = f"url=http://127.0.0.1:{receiver.port}/"
        receiver.secret = self.command(
            *rotation, "write", "-mount=database", "-field=secret", "hook", "type=webhook", address, "credentials=heard"
        ).strip()
        self.addCleanup(self.vault.delete, "database/notifiers/hook")
        self.assertEqual(unheard - 1, self.vault.get("database/status").data["unowned"])
        self.assertIn("hook", self.command(*rotation, "list", "-mount=database"))
        self.assertIn("true", self.command(*rotation, "test", "-mount=database", "-field=delivered", "hook"))
        self.assertStatus(204, self.vault.post("database/rotate-role/heard"))
        wait_until(lambda: "rotated" in receiver.events("heard"), 20 * harness.SLOWNESS, "the notice came")
        told = next(p["data"] for _, p in receiver.got if p["data"].get("credential") == "heard")
        self.assertEqual(("database/", "db", "heard"), (told["mount"], told["target"], told["account"]))
        self.assertIn("delivered", self.command(*rotation, "deliveries", "-mount=database", "hook"))
        count = len(receiver.events("heard"))
        self.command(*rotation, "replay", "-mount=database", "-credential=heard", "hook")
        wait_until(lambda: len(receiver.events("heard")) > count, 20 * harness.SLOWNESS, "it came again")
        self.assertEqual([], receiver.bad)
        token = self.vault.token_with('path "database/static-roles/*" { capabilities = ["create", "update"] }')
        self.assertStatus(403, self.vault.request("POST", "database/notifiers/mine", {"type": "webhook"}, token=token))
        self.command(*rotation, "delete", "-mount=database", "hook")
        self.assertStatus(404, self.vault.get("database/notifiers/hook"))

    def command(self, *arguments):
        environment = dict(os.environ, ROTUNDA_ADDR=f"http://127.0.0.1:{self.vault.node.port}", ROTUNDA_TOKEN=self.vault.token)
        done = subprocess.run([harness.PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(0, done.returncode, (arguments, done.stdout, done.stderr))
        return done.stdout

    def test_a_policy_for_one_role_shows_one_role(self):
        self.put("mine")
        self.put("theirs")
        token = self.vault.token_with('path "database/static-creds/mine" { capabilities = ["read"] }')
        self.assertStatus(200, self.vault.request("GET", "database/static-creds/mine", token=token))
        for path in ("static-creds/theirs", "static-roles/mine", "config/db", "credentials/mine", "creds/mine"):
            self.assertStatus(403, self.vault.request("GET", f"database/{path}", token=token))
        self.assertStatus(403, self.vault.request("POST", "database/rotate-role/mine", {}, token=token))

    def test_a_failed_rotation_says_so_and_what_is_served_still_works(self):
        self.put("failing")
        self.target.sql("ALTER ROLE rotator NOCREATEROLE")
        try:
            self.refused("database/rotate-role/failing", {}, "the password isn't rotated (not_permitted)", 502)
            self.assertTrue(self.works(self.creds("failing")))
            self.refused("database/rotate-role/failing", {}, "the rotation is blocked", 409)
        finally:
            self.target.sql("ALTER ROLE rotator CREATEROLE")
        self.assertStatus(204, self.vault.post("database/credentials/failing/acknowledge", {"action": "retry"}))
        self.assertTrue(self.works(self.settled("failing")))
        self.assertStatus(204, self.vault.post("database/rotate-role/failing"))


class ClientTest(FaceTest):
    """A client that reads and logs in all the time: what it reads works, whoever rotates and whatever is killed."""

    def read_and_log_in(self, name, done, failures, reads):
        while not done.is_set():
            with contextlib.suppress(OSError):  # the server is away
                reply = self.vault.get(f"database/static-creds/{name}")
                if reply.status != 200:
                    continue
                reads.append(reply.data["password"])
                # Replaced between reading and logging in: then reading again tells.
                if not self.works(reply.data):
                    again = self.vault.get(f"database/static-creds/{name}")
                    if again.status == 200 and again.data["password"] == reply.data["password"]:
                        failures.append(reply.data["last_vault_rotation"])

    def test_what_is_read_works_through_rotations(self):
        done, failures, reads = threading.Event(), [], []
        self.put("busy")
        client = threading.Thread(target=self.read_and_log_in, args=("busy", done, failures, reads))
        client.start()
        try:
            for _ in range(5):
                self.assertStatus(204, self.vault.post("database/rotate-role/busy"))
        finally:
            done.set()
            client.join()
        self.assertEqual([], failures)
        self.assertGreaterEqual(len(set(reads)), 3)

    def test_killed_in_the_midst_of_rotate_role(self):
        self.put("struck")
        for after_s in (0.02, 0.05, 0.1, 0.2):
            asking = threading.Thread(target=self.ask_in_vain)
            asking.start()
            time.sleep(after_s)
            os.kill(self.vault.node.process.pid, signal.SIGKILL)
            self.vault.node.process.wait()
            self.vault.node.process = None
            asking.join()
            self.vault.restart(self.vault.node)
            self.assertTrue(self.works(self.settled("struck")))
        self.assertStatus(204, self.vault.post("database/rotate-role/struck"))
        self.assertTrue(self.works(self.creds("struck")))

    def ask_in_vain(self):
        with contextlib.suppress(OSError):
            self.vault.post("database/rotate-role/struck")


if __name__ == "__main__":
    unittest.main()
