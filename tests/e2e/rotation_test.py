# SPDX-License-Identifier: ISC
"""Rotation on a real PostgreSQL: nobody is locked out, whatever is killed."""

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from rotation_target import ROTATOR_PASSWORD, Target

SSL_REQUEST = b"\x04\xd2\x16\x2f"
CONFIG = "rotation {\n  min_interval_s = 1\n}\n"


def ask_for_clear_text(listener, done, heard):
    """What a PostgreSQL client says to a server without TLS that wants its password as it is."""
    while not done.is_set():
        try:
            client, _ = listener.accept()
        except TimeoutError:
            continue
        with client:
            client.settimeout(1)
            with contextlib.suppress(OSError):
                while said := client.recv(4096):
                    heard.append(said)
                    client.sendall(b"N" if said[4:] == SSL_REQUEST else b"R\0\0\0\x08\0\0\0\x03")


class RotationTest(harness.VaultTest):
    config = CONFIG
    lease_ms = 3000
    target_options = ""
    target_programs = None

    @classmethod
    def setUpClass(cls):
        os.environ["ROTUNDA_TEST_ROTATION_LEASE_MS"] = str(cls.lease_ms * harness.SLOWNESS)
        cls.target = Target(cls.target_options, cls.target_programs)
        super().setUpClass()
        cls.served = set()
        reply = cls.vault.post("sys/mounts/rotation", {"type": "rotation"})
        assert reply.status == 204, reply
        reply = cls.vault.post("rotation/targets/db", cls.target.settings)
        assert reply.status == 204, reply

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.target.destroy()

    # ---- helpers

    def role(self, name):
        self.target.sql(f"CREATE ROLE {name} LOGIN")
        return name

    def put_single(self, name, **more):
        body = {"target": "db", "account": self.role(name), "interval": "1h", "owner": "team"}
        body.update(purpose="tests", **more)
        self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", body))
        return name

    def put_pair(self, name, **more):
        accounts = [self.role(f"{name}_a"), self.role(f"{name}_b")]
        body = {"target": "db", "accounts": accounts, "interval": "1h", "grace": "1s"}
        body.update(owner="team", purpose="tests", **more)
        self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", body))
        return name

    def read(self, name, query=""):
        reply = self.vault.get(f"rotation/creds/{name}{query}")
        if reply.status == 200:
            self.served.add(reply.data["password"])
        return reply

    def wait_for(self, what, seconds=20, pause_s=0.05):
        """What `what` returns as soon as that isn't None or False."""
        deadline = time.monotonic() + seconds * harness.SLOWNESS
        while time.monotonic() < deadline:
            found = what()
            if found:
                return found
            time.sleep(pause_s)
        self.fail("waited in vain")

    def first_version(self, name):
        def served():
            reply = self.read(name)
            return reply.data if reply.status == 200 else None

        return self.wait_for(served, 30)

    def credential(self, name):
        return self.assertStatus(200, self.vault.get(f"rotation/credentials/{name}")).data

    def wait_idle(self, name, seconds=20):
        def idle():  # a 503 says that the database is busy: asked again
            reply = self.vault.get(f"rotation/credentials/{name}")
            return reply.status == 200 and reply.data["state"] == "idle"

        self.wait_for(idle, seconds)

    def slow_down(self, name):
        """So that it turns no more; a step that changes it in this moment is waited for."""
        path = f"rotation/credentials/{name}"
        self.wait_for(lambda: self.vault.post(path, {"interval": "1h"}).status == 204)

    def states(self, name):
        reply = self.assertStatus(200, self.vault.get(f"rotation/credentials/{name}/history"))
        return [event["state"] for event in reply.data["events"]]

    def rotate(self, name):
        reply = self.assertStatus(200, self.vault.post(f"rotation/credentials/{name}/rotate"))
        self.assertIsNone(reply.data["error_class"], reply)
        return reply.data

    def metric(self, sample):
        lines = self.assertStatus(200, self.vault.get("sys/metrics")).text.splitlines()
        return next(float(line.split(" ")[-1]) for line in lines if line.startswith(sample + " "))

    def rotate_until_stopped(self, node, name, place):
        """Restarts the node so that it stops there (SIGSTOP) while it rotates."""
        self.assertEqual(0, node.stop())
        os.environ["ROTUNDA_TEST_ROTATION_STOP"] = place
        try:
            self.vault.restart(node)
        finally:
            del os.environ["ROTUNDA_TEST_ROTATION_STOP"]
        path = f"rotation/credentials/{name}/rotate"
        reply = node.request("POST", path, {"timeout": "0s"}, self.vault.token)
        self.assertStatus(200, reply)
        self.wait_for(lambda: self.is_stopped(node))

    def is_stopped(self, node):
        with open(f"/proc/{node.process.pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "T"

    def assertWorks(self, creds):
        self.assertIsNone(self.target.login(creds["username"], creds["password"]))

    def assertServesWhatWorks(self, name):
        """Of a credential that goes on turning: unless it turned in the meantime, what was read works."""
        while True:
            creds = self.first_version(name)
            said = self.target.login(creds["username"], creds["password"])
            if said is None or self.first_version(name)["version"] == creds["version"]:
                self.assertIsNone(said)
                return

    def assertRefused(self, creds):
        said = self.target.login(creds["username"], creds["password"])
        self.assertIn("password authentication failed", said or "the login worked")


class LifeTest(RotationTest):
    def test_each_step_has_its_record_at_once(self):
        self.first_version(self.put_single("recorded"))
        self.wait_idle("recorded")
        records = self.vault.database.query(
            "SELECT count(*), count(DISTINCT request_id), count(*) FILTER (WHERE detail LIKE '%recovered%')"
            " FROM audit_record WHERE operation = 'rotate' AND path = 'rotation/credentials/recorded'"
        )
        self.assertEqual([["7", "7", "0"]], records)
        self.assertEqual([["0"]], self.vault.database.query("SELECT count(*) FROM effect"))

    def test_first_rotation_of_a_single_role_sets_its_password(self):
        creds = self.first_version(self.put_single("first"))
        self.assertEqual(("first", 1), (creds["username"], creds["version"]))
        self.assertRegex(creds["password"], r"^[A-Za-z0-9_-]{27}$")
        self.assertWorks(creds)

    def test_rotating_a_single_role_ends_the_old_password(self):
        old = self.first_version(self.put_single("single"))
        self.wait_idle("single")
        promoted = self.metric('rotunda_rotation_steps_total{state="promoted"}')
        self.assertEqual(2, self.rotate("single")["version"])
        self.assertGreater(self.metric('rotunda_rotation_steps_total{state="promoted"}'), promoted)
        self.assertGreaterEqual(self.metric("rotunda_rotation_credentials"), 1)
        new = self.read("single").data
        self.assertEqual(2, new["version"])
        self.assertWorks(new)
        self.assertRefused(old)
        self.assertStatus(404, self.read("single", "?version=previous"))
        self.wait_idle("single")
        self.assertEqual(
            "planned staged applying applied verified promoted retired".split(),
            self.states("single")[-7:],
        )

    def test_a_pair_alternates_and_the_previous_role_works_through_its_grace(self):
        old = self.first_version(self.put_pair("duo", grace="15s"))
        self.assertEqual("duo_a", old["username"])
        self.wait_idle("duo")
        self.rotate("duo")
        new = self.read("duo").data
        self.assertEqual("duo_b", new["username"])
        self.assertWorks(new)
        previous = self.assertStatus(200, self.read("duo", "?version=previous")).data
        self.assertEqual(old["password"], previous["password"])
        self.assertWorks(old)
        self.assertEqual(1, self.credential("duo")["previous_readers"][0]["reads"])
        self.wait_idle("duo", 60)
        self.assertStatus(404, self.read("duo", "?version=previous"))
        self.assertRefused(old)
        self.assertWorks(new)


class RulesTest(RotationTest):
    """What is refused, and what an import does."""

    def refused(self, path, body, expected):
        reply = self.assertStatus(400, self.vault.post(path, body))
        self.assertIn(expected, reply.errors[0])

    def body(self, **more):
        body = {"target": "db", "account": "nobody", "interval": "1h", "owner": "o", "purpose": "p"}
        body.update(more)
        return {k: v for k, v in body.items() if v is not None}

    def test_rules_of_a_credential_are_checked_and_the_field_is_named(self):
        path = "rotation/credentials/refused"
        self.refused(path, self.body(owner=None), "owner: required")
        self.refused(path, self.body(purpose=None), "purpose: required")
        self.refused(path, self.body(target=None), "target: required")
        self.refused(path, self.body(target="missing"), "target: there is no such target")
        self.refused(path, self.body(account=None), "accounts: required")
        self.refused(path, self.body(accounts="other"), "account: give account or accounts")
        self.refused(path, self.body(self_rotation="true"), "self_rotation: neither a field nor a setting")
        self.refused(path, self.body(interval="0s"), "interval: expected 1s")
        self.refused(path, self.body(interval="soon"), "interval: expected a duration")
        self.refused(path, self.body(grace="1h"), "grace: must be shorter")
        self.refused(path, self.body(strategy="pair"), "accounts: strategy single takes one")
        self.refused(path, self.body(account=["a", "a"]), "accounts: a pair is two different")
        self.refused(path, self.body(account="rotator"), "accounts: the rotator logs in as this")
        self.refused(path, self.body(schedule="0 0 * * *"), "schedule: neither a field nor")
        self.refused(path, self.body(expires_at="tomorrow"), "expires_at: ")
        self.refused("rotation/credentials/.hidden", self.body(), "a name has up to")
        self.assertStatus(404, self.vault.get(path))

    def test_a_misspelt_field_is_refused_where_nothing_has_settings(self):
        self.assertStatus(204, self.vault.post("rotation/credentials/misspelt", self.body(account="misspelt")))
        for verb in ("rotate", "acknowledge", "pause"):
            self.refused(f"rotation/credentials/misspelt/{verb}", {"bogus": 1}, "bogus: there is no such field here")
        self.refused("rotation/notifiers/misspelt", {"type": "webhook", "host": "x"}, "host: there is no such field")

    def test_rules_of_a_target_are_checked_and_the_field_is_named(self):
        path = "rotation/targets/refused"
        good = self.target.settings
        self.refused(path, {**good, "rotator": "oracle"}, "rotator: there is no such rotator")
        self.refused(path, {**good, "tsl": "off"}, "tsl: neither a field nor a setting")
        self.refused(path, {k: v for k, v in good.items() if k != "host"}, "host: this setting is")
        self.refused(path, {**good, "password": ""}, "password: required")
        self.refused(path, {**good, "timeout": "1h"}, "timeout: expected 1s to 20s")
        self.assertStatus(404, self.vault.get(path))

    def test_a_target_never_shows_its_password(self):
        reply = self.assertStatus(200, self.vault.get("rotation/targets/db"))
        self.assertEqual("127.0.0.1", reply.data["host"])
        self.assertNotIn(ROTATOR_PASSWORD, reply.text)
        self.assertEqual(["db"], self.vault.list("rotation/targets").data["keys"])

    def test_the_password_goes_only_where_whoever_gave_it_wanted(self):
        """Else who may change a target but not read its password could have it sent to himself."""
        path = "rotation/targets/moved"
        self.assertStatus(204, self.vault.post(path, self.target.settings))
        elsewhere = {"host": "localhost", "port": 1, "username": "other", "ca_file": None, "socket_owner": "nobody"}
        for name, value in elsewhere.items():
            self.refused(path, {name: value}, "password: required again")
        self.refused(path, {"password": ""}, "password: required")
        self.assertStatus(204, self.vault.post(path, {"timeout": "5s"}))
        self.assertStatus(204, self.vault.post(path, {"host": "127.0.0.1", "port": self.target.port}))
        self.assertStatus(204, self.vault.post(path, {"port": 1, "password": "again"}))
        self.assertStatus(204, self.vault.delete(path))

    def test_tls_can_not_be_switched_off(self):
        """A listener that got the port first would ask for the password in clear text."""
        self.refused("rotation/targets/db", {"tls": "off"}, "tls: neither a field nor a setting")
        asked = []
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(0.2)
            port = listener.getsockname()[1]
            settings = {**self.target.settings, "port": port, "timeout": "2s"}
            self.assertStatus(204, self.vault.post("rotation/targets/thief", settings))
            done = threading.Event()
            thread = threading.Thread(target=ask_for_clear_text, args=(listener, done, asked))
            thread.start()
            reply = self.vault.post("rotation/targets/thief/check", {"account": "any"})
            done.set()
            thread.join()
        self.assertFalse(self.assertStatus(200, reply).data["ok"], reply)
        self.assertTrue(asked)
        self.assertNotIn(ROTATOR_PASSWORD.encode(), b"".join(asked))
        self.assertStatus(204, self.vault.delete("rotation/targets/thief"))

    def test_the_rotators_own_account_can_not_be_one_in_care(self):
        self.put_single("cared")
        settings = {**self.target.settings, "username": "cared"}
        reply = self.assertStatus(409, self.vault.post("rotation/targets/db", settings))
        self.assertIn("in the care of a credential", reply.errors[0])
        self.assertEqual("rotator", self.vault.get("rotation/targets/db").data["username"])

    def test_a_check_tells_what_is_missing_and_how_to_grant_it(self):
        self.put_single("checked")
        reply = self.vault.post("rotation/targets/db/check", {"account": "checked"})
        self.assertTrue(self.assertStatus(200, reply).data["ok"], reply)
        reply = self.vault.post("rotation/targets/db/check", {"account": "absent"})
        missing = [c for c in self.assertStatus(200, reply).data["checks"] if c["state"] != "ok"]
        self.assertFalse(reply.data["ok"])
        self.assertEqual(["role_exists"], [c["check"] for c in missing])
        self.assertIn('CREATE ROLE "absent"', missing[0]["how_to_grant"])

    def test_an_import_changes_nothing_and_is_verified(self):
        self.target.sql("CREATE ROLE imported LOGIN PASSWORD 'from-before-the-vault'")
        body = self.body(account="imported", password="something else")
        reply = self.assertStatus(400, self.vault.post("rotation/credentials/imported", body))
        self.assertIn("the target refuses this password", reply.errors[0])
        self.assertStatus(404, self.vault.get("rotation/credentials/imported"))
        self.refused("rotation/credentials/imported", {**body, "password": ""}, "password: empty")
        self.assertIsNone(self.target.login("imported", "from-before-the-vault"))
        body["password"] = "from-before-the-vault"
        self.assertStatus(204, self.vault.post("rotation/credentials/imported", body))
        self.assertEqual("from-before-the-vault", self.read("imported").data["password"])
        self.assertEqual([], self.states("imported"))
        self.assertEqual(2, self.rotate("imported")["version"])
        self.assertWorks(self.read("imported").data)

    def test_an_account_is_in_the_care_of_one_credential_only(self):
        self.put_single("mine")
        reply = self.vault.post("rotation/credentials/other", self.body(account="mine"))
        self.assertStatus(409, reply)
        self.assertStatus(404, self.vault.get("rotation/credentials/other"))
        # Nor by way of another target that is the same server.
        self.assertStatus(204, self.vault.post("rotation/targets/again", self.target.settings))
        reply = self.vault.post("rotation/credentials/other", self.body(account="mine", target="again"))
        self.assertStatus(409, reply)
        self.assertStatus(204, self.vault.delete("rotation/targets/again"))
        self.assertStatus(409, self.vault.delete("rotation/targets/db"))
        self.first_version("mine")
        self.wait_idle("mine")
        self.assertStatus(204, self.vault.delete("rotation/credentials/mine"))
        self.assertStatus(404, self.read("mine"))
        self.assertStatus(204, self.vault.post("rotation/credentials/other", self.body(account="mine")))

    def test_settings_can_be_changed_but_not_what_a_credential_is(self):
        self.put_single("changed")
        path = "rotation/credentials/changed"
        self.first_version("changed")
        self.assertStatus(204, self.vault.post(path, {"interval": "2h", "owner": "new"}))
        data = self.credential("changed")
        self.assertEqual((7200, "new"), (data["interval"], data["owner"]))
        self.refused(path, {"account": "else"}, "can't be changed")
        self.refused(path, {"password": "else"}, "password: only when")

    def write_at_once(self, name, bodies):
        """Each has read the credential before the first of them, in order, can change it."""
        database = self.vault.database
        replies = [None] * len(bodies)

        def write(number):
            replies[number] = self.vault.post(f"rotation/credentials/{name}", bodies[number])

        threads = [threading.Thread(target=write, args=(n,)) for n in range(len(bodies))]
        with database.held(f"SELECT 1 FROM rotation_credential WHERE name = '{name}' FOR UPDATE"):
            for number, thread in enumerate(threads):
                thread.start()
                self.wait_for(lambda least=number: database.count_waiting() > least)
        for thread in threads:
            thread.join()
        return [reply.status for reply in replies]

    def test_settings_conflict_with_other_settings_but_not_with_what_else_is_written(self):
        self.put_single("busy")
        self.first_version("busy")
        self.wait_idle("busy")
        self.assertEqual([204, 204], self.write_at_once("busy", [{}, {"interval": "2h"}]))
        self.assertEqual(7200, self.credential("busy")["interval"])
        self.assertEqual([204, 409], self.write_at_once("busy", [{"owner": "one"}, {"owner": "two"}]))
        self.assertEqual("one", self.credential("busy")["owner"])

    def test_only_policies_open_a_credential(self):
        self.put_single("guarded")
        self.first_version("guarded")
        token = self.vault.token_with('path "rotation/creds/guarded" { capabilities = ["read"] }')
        self.assertStatus(200, self.vault.get("rotation/creds/guarded", token=token))
        self.assertStatus(403, self.vault.get("rotation/creds/other", token=token))
        self.assertStatus(403, self.vault.post("rotation/credentials/guarded/rotate", token=token))
        self.assertStatus(403, self.vault.get("rotation/targets/db", token=token))

    def test_what_the_database_owner_alters_is_refused(self):
        self.put_single("tampered")
        self.first_version("tampered")
        self.wait_idle("tampered")
        query = self.vault.database.query
        query("UPDATE rotation_credential SET owner = 'thief' WHERE name = 'tampered'")
        self.assertStatus(500, self.read("tampered"))
        query("UPDATE rotation_credential SET owner = 'team' WHERE name = 'tampered'")
        self.assertStatus(200, self.read("tampered"))
        query("UPDATE rotation_target SET settings = replace(settings, '127.0.0.1', '127.0.0.2')")
        self.assertStatus(500, self.vault.get("rotation/targets/db"))
        query("UPDATE rotation_target SET settings = replace(settings, '127.0.0.2', '127.0.0.1')")
        self.assertStatus(200, self.vault.get("rotation/targets/db"))


class ServiceTest(RotationTest):
    """Services read and log in all the while."""

    def test_a_pair_rotates_every_two_seconds_without_one_failed_login(self):
        self.put_pair("busy", interval="2s", grace="1s")
        first = self.first_version("busy")
        rotations = 80 if harness.FULL else 4
        logins = 0  # that have to work

        def rotated():
            nonlocal logins
            began = time.monotonic()
            last = self.first_version("busy")
            said = self.target.login(last["username"], last["password"])
            # Current when it was read, so valid for the grace from then on. On a busy machine the login
            # itself can come later than that: then it proves nothing.
            if time.monotonic() - began < 0.8:
                self.assertIsNone(said)
                logins += 1
            return last["version"] >= first["version"] + rotations and logins >= 2 * rotations

        self.wait_for(rotated, 30 * rotations, pause_s=0)
        self.slow_down("busy")

    def test_readers_of_a_single_role_wait_while_it_is_changed(self):
        self.put_single("held", interval="1s")
        first = self.first_version("held")

        def rotated():
            last = self.read("held").data
            # A value read just before its end can be refused; then the next read has another one.
            if self.target.login(last["username"], last["password"]) is not None:
                self.assertGreater(self.read("held").data["version"], last["version"])
            return last["version"] >= first["version"] + 4

        self.wait_for(rotated, 120, pause_s=0)
        self.slow_down("held")

    def test_the_idle_role_is_not_changed_while_it_has_sessions(self):
        self.put_pair("open", grace="1s")
        old = self.first_version("open")
        self.wait_idle("open")
        conninfo = f"host=127.0.0.1 port={self.target.port} dbname=rotunda user=open_b"
        self.target.sql("ALTER ROLE open_b PASSWORD 'set-by-hand'")
        environment = dict(os.environ, PGPASSWORD="set-by-hand")
        command = ["psql", "-X", "-q", "-d", conninfo, "-c", "SELECT pg_sleep(60)"]
        session = harness.subprocess.Popen(command, env=environment, stderr=harness.subprocess.DEVNULL)
        try:
            count = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'open_b'"
            self.wait_for(lambda: self.target.sql(count) == [["1"]])
            reply = self.vault.post("rotation/credentials/open/rotate")
            self.assertEqual("in_use", self.assertStatus(200, reply).data["error_class"])
            self.assertEqual(old["version"], self.read("open").data["version"])
        finally:
            session.kill()
            session.wait()
            self.target.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'open_b'")
        self.wait_for(lambda: self.first_version("open")["version"] == old["version"] + 1)
        self.assertWorks(self.first_version("open"))

    def test_status_and_history_tell_who_answers_for_what(self):
        self.put_single("told")
        self.first_version("told")
        data = self.assertStatus(200, self.vault.get("rotation/status")).data
        self.assertEqual("team", data["owners"][0]["owner"])
        self.assertEqual(0, data["blocked"])

    def test_zz_neither_the_target_nor_the_node_logs_a_password(self):
        self.assertGreater(len(self.served), 5)
        target_log = self.target.read_log()
        node_log = self.vault.node.read_log().encode()
        for password in (*self.served, ROTATOR_PASSWORD):
            self.assertNotIn(password.encode(), target_log)
            self.assertNotIn(password.encode(), node_log)
        self.assertNotIn(b"SCRAM-SHA-256$", target_log)


# Where a change of state can be cut, in the order in which an attempt comes by.
SINGLE_STATES = "staged applying apply applied verified promoted retired".split()
PAIR_STATES = "staged applying apply applied verified promoted draining retired".split()


class CrashTest(RotationTest):
    """The node is killed at every state."""

    lease_ms = 1500

    def crash_at(self, place):
        """Restarts the node so that it dies there."""
        node = self.vault.node
        self.assertEqual(0, node.stop())
        os.environ["ROTUNDA_TEST_ROTATION_CRASH"] = place
        try:
            self.vault.restart(node)
        finally:
            del os.environ["ROTUNDA_TEST_ROTATION_CRASH"]

    def wait_for_death(self):
        node = self.vault.node
        self.assertEqual(-signal.SIGKILL, node.process.wait(timeout=30 * harness.SLOWNESS))
        node.process = None

    def rotate_with_crash(self, name, place):
        self.crash_at(place)
        try:
            self.vault.post(f"rotation/credentials/{name}/rotate")
        except OSError:
            pass
        self.wait_for_death()
        self.vault.restart(self.vault.node)
        self.wait_idle(name)

    def check_one_current(self, name):
        creds = self.first_version(name)
        self.assertWorks(creds)
        rows = self.vault.database.query(
            "SELECT v.state, count(*) FROM rotation_value v JOIN rotation_credential c"
            f" ON c.id = v.credential_id WHERE c.name = '{name}' GROUP BY 1 ORDER BY 1"
        )
        self.assertEqual([["current", "1"], ["retired", str(creds["version"] - 1)]], rows)
        return creds

    def run_places(self, name, states):
        before = self.first_version(name)
        for state in states:
            for when in ("before", "after"):
                with self.subTest(f"{state}:{when}"):
                    self.wait_idle(name)
                    self.rotate_with_crash(name, f"{state}:{when}")
                    after = self.check_one_current(name)
                    self.assertEqual(before["version"] + 1, after["version"])
                    self.assertRefused(before)
                    before = after

    def test_a_single_role_survives_a_kill_at_every_state(self):
        self.put_single("cut")
        self.run_places("cut", SINGLE_STATES)

    def test_a_pair_survives_a_kill_at_every_state(self):
        self.put_pair("cutpair")
        self.run_places("cutpair", PAIR_STATES)


class LossTest(RotationTest):
    """Processes and servers go away in the middle."""

    lease_ms = 2000

    def hosts(self):
        """The processes that run rotators for our nodes."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as f:
                    command = f.read().strip()
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    launcher = f.read().rsplit(")", 1)[1].split()[1]
                with open(f"/proc/{launcher}/stat", encoding="ascii", errors="replace") as f:
                    server = int(f.read().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            ours = [n.process.pid for n in self.vault.nodes if n.process is not None]
            if command == "rotator-host" and server in ours:
                found.append(int(pid))
        return found

    def test_a_killed_host_process_costs_only_time(self):
        self.put_pair("hosted", interval="2s", grace="1s")
        first = self.first_version("hosted")
        killed = 0
        wanted = 40 if harness.FULL else 4
        deadline = time.monotonic() + (15 * wanted + 120) * harness.SLOWNESS
        while killed < wanted:
            self.assertLess(time.monotonic(), deadline)
            for pid in self.hosts():
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass
            time.sleep(0.15)
            self.assertServesWhatWorks("hosted")
        self.slow_down("hosted")
        self.wait_idle("hosted", 60)
        self.assertWorks(self.read("hosted").data)
        self.assertGreaterEqual(self.read("hosted").data["version"], first["version"])

    def test_a_killed_target_is_waited_for(self):
        self.put_single("away")
        before = self.first_version("away")
        self.wait_idle("away")
        self.target.kill()
        reply = self.vault.post("rotation/credentials/away/rotate")
        self.assertEqual("unreachable", self.assertStatus(200, reply).data["error_class"])
        # Nothing was changed for certain: the current value is served.
        self.assertEqual(before["version"], self.read("away").data["version"])
        status = self.vault.get("rotation/status").data
        self.target.start()
        self.assertEqual(["away"], [c["name"] for c in status["attention"]])
        self.assertEqual(1, status["failing"])
        self.wait_for(lambda: self.first_version("away")["version"] == before["version"] + 1, 60)
        self.assertWorks(self.read("away").data)
        self.assertRefused(before)

    def test_a_killed_vault_database_is_waited_for(self):
        self.put_pair("durable", interval="2s", grace="1s")
        self.first_version("durable")
        folder = os.environ["ROTUNDA_TEST_PG_DIR"]
        for _ in range(20 if harness.FULL else 3):
            time.sleep(0.7)
            self.target.shell(f"pg_kill9 {folder}; pg_start {folder} >/dev/null 2>&1 </dev/null")
            # One worker may be back before the other, so each answer may be a 503 for a while.
            self.assertServesWhatWorks("durable")
        reached = self.first_version("durable")["version"]
        self.wait_for(lambda: self.first_version("durable")["version"] > reached, 60)
        self.slow_down("durable")

    def test_a_database_lost_right_after_a_promotion_is_waited_for(self):
        self.put_single("promoted")
        before = self.first_version("promoted")
        self.wait_idle("promoted")
        node = self.vault.node
        self.rotate_until_stopped(node, "promoted", "promoted:after")
        folder = os.environ["ROTUNDA_TEST_PG_DIR"]
        self.target.shell(f"pg_kill9 {folder}")
        node.process.send_signal(signal.SIGCONT)
        self.wait_for(lambda: "rotation.attempt_left" in node.read_log())
        self.target.shell(f"pg_start {folder} >/dev/null 2>&1 </dev/null")
        self.assertEqual(before["version"] + 1, self.first_version("promoted")["version"])
        self.wait_idle("promoted")
        self.assertNotIn("altered", node.read_log())
        self.rotate("promoted")
        self.assertWorks(self.read("promoted").data)

    def test_sealing_and_unsealing_go_on_where_it_stood(self):
        self.put_pair("sealed", interval="1s", grace="0s")
        self.first_version("sealed")
        for _ in range(2):
            self.wait_for(lambda: self.vault.put("sys/seal").status == 204)
            self.vault.unseal(self.vault.node)
            reached = self.first_version("sealed")["version"]
            self.wait_for(lambda seen=reached: self.first_version("sealed")["version"] > seen, 30)
        self.slow_down("sealed")

    def test_a_password_set_by_hand_during_an_attempt_blocks_it_until_acknowledged(self):
        self.put_single("meddled")
        before = self.first_version("meddled")
        self.wait_idle("meddled")
        node = self.vault.node
        self.assertEqual(0, node.stop())
        os.environ["ROTUNDA_TEST_ROTATION_CRASH"] = "apply:before"
        try:
            self.vault.restart(node)
        finally:
            del os.environ["ROTUNDA_TEST_ROTATION_CRASH"]
        try:
            self.vault.post("rotation/credentials/meddled/rotate")
        except OSError:
            pass
        node.process.wait(timeout=30)
        node.process = None
        self.target.sql("ALTER ROLE meddled PASSWORD 'by-hand'")
        self.vault.restart(node)
        self.wait_for(lambda: self.credential("meddled")["state"] == "blocked")
        self.assertIn("acknowledge", self.credential("meddled")["error"])
        self.assertStatus(503, self.read("meddled"))
        self.assertStatus(409, self.vault.post("rotation/credentials/meddled/rotate"))
        path = "rotation/credentials/meddled/acknowledge"
        self.assertStatus(400, self.vault.post(path, {"action": "hope"}))
        self.assertStatus(204, self.vault.post(path, {"action": "apply"}))
        self.wait_idle("meddled")
        after = self.first_version("meddled")
        self.assertEqual(before["version"] + 1, after["version"])
        self.assertWorks(after)


class CommandTest(RotationTest):
    """`rotunda rotation rotate` tells scripts how it went."""

    def run_rotate(self, name, *flags):
        address = f"http://127.0.0.1:{self.vault.node.port}"
        return subprocess.run(
            [harness.PROGRAM, "rotation", "rotate", *flags, name],
            env={**os.environ, "ROTUNDA_ADDR": address, "ROTUNDA_TOKEN": self.vault.token},
            capture_output=True,
            text=True,
            check=False,
        )

    def test_the_exit_code_tells_done_from_blocked_and_asked(self):
        self.first_version(self.put_single("told"))
        self.wait_idle("told")
        done = self.run_rotate("told")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("version 2 of told is current", done.stdout)
        self.assertWorks(self.read("told").data)
        self.target.sql("ALTER ROLE told SUPERUSER")
        done = self.run_rotate("told")
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn("blocked", done.stderr)
        self.assertNotIn(self.read("told").data["password"], done.stdout + done.stderr)
        self.first_version(self.put_single("asked"))
        self.wait_idle("asked")
        asked = self.run_rotate("asked", "-wait=0s")
        self.assertEqual(0, asked.returncode, asked.stderr)
        self.assertIn("was asked for", asked.stdout)
        self.assertEqual(2, self.run_rotate("absent").returncode)


class SettleTest(RotationTest):
    """A person decides: whatever is said, only what is known to work is served."""

    def block_after_change(self, name):
        """Blocked with the new value set at the target; returns the one before, which is dead."""
        before = self.first_version(self.put_single(name))
        self.wait_idle(name)
        self.target.sql(f"ALTER ROLE {name} VALID UNTIL '2020-01-01'")
        reply = self.vault.post(f"rotation/credentials/{name}/rotate")
        self.assertEqual("blocked", self.assertStatus(200, reply).data["state"])
        self.assertEqual(["applied", "blocked"], self.states(name)[-2:])
        return before

    def acknowledge(self, name, action):
        return self.vault.post(f"rotation/credentials/{name}/acknowledge", {"action": action})

    def assertStaysBlocked(self, name):
        self.assertEqual("blocked", self.credential(name)["state"])
        self.assertIn("nothing is known to work", self.assertStatus(503, self.read(name)).errors[0])

    def test_giving_up_brings_no_dead_value_back(self):
        before = self.block_after_change("expired")
        reply = self.assertStatus(502, self.acknowledge("expired", "abandon"))
        self.assertIn("VALID UNTIL has passed", reply.errors[0])
        self.assertStaysBlocked("expired")
        self.target.sql("ALTER ROLE expired VALID UNTIL 'infinity'")
        reply = self.assertStatus(409, self.acknowledge("expired", "abandon"))
        self.assertIn("action=retry", reply.errors[0])
        self.assertStaysBlocked("expired")
        self.assertStatus(204, self.acknowledge("expired", "retry"))
        self.wait_idle("expired")
        self.assertEqual(before["version"] + 1, self.read("expired").data["version"])
        self.assertWorks(self.read("expired").data)

    def test_giving_up_is_possible_once_the_current_value_works_again(self):
        before = self.block_after_change("restored")
        self.target.sql(f"ALTER ROLE restored VALID UNTIL 'infinity' PASSWORD '{before['password']}'")
        self.assertStatus(204, self.acknowledge("restored", "abandon"))
        self.assertEqual("idle", self.credential("restored")["state"])
        self.assertEqual(before["password"], self.read("restored").data["password"])

    def test_setting_the_new_value_in_vain_serves_no_dead_one(self):
        self.block_after_change("dead")
        self.target.sql("ALTER ROLE dead VALID UNTIL 'infinity' PASSWORD 'by-hand'")
        self.assertStatus(204, self.acknowledge("dead", "retry"))
        self.wait_for(lambda: self.credential("dead")["error_class"] == "none_works")
        self.assertStatus(409, self.acknowledge("dead", "abandon"))
        self.target.sql("ALTER ROLE dead SUPERUSER")
        self.assertStatus(204, self.acknowledge("dead", "apply"))
        self.wait_for(lambda: self.credential("dead")["error_class"] == "not_permitted")
        self.assertStaysBlocked("dead")
        self.target.sql("ALTER ROLE dead NOSUPERUSER")
        self.assertStatus(204, self.acknowledge("dead", "apply"))
        self.wait_idle("dead")
        self.assertWorks(self.read("dead").data)

    def assertNeverWorked(self, name, why):
        said = self.assertStatus(503, self.read(name)).errors[0]
        self.assertIn("nothing is known to work yet", said)
        self.assertIn(why, said)
        self.assertStatus(404, self.read(name, "?version=previous"))

    def test_a_credential_that_never_worked_is_no_typing_error(self):
        self.target.sql("CREATE ROLE never LOGIN SUPERUSER")
        body = {"target": "db", "account": "never", "interval": "1h", "owner": "o", "purpose": "p"}
        self.assertStatus(204, self.vault.post("rotation/credentials/never", body))
        self.wait_for(lambda: self.credential("never")["state"] == "blocked")
        self.assertNeverWorked("never", "the first rotation is blocked")
        self.assertStatus(204, self.acknowledge("never", "abandon"))
        self.assertNeverWorked("never", "no rotation is under way")
        self.assertStatus(404, self.read("nevre"))


class TwoNodesTest(RotationTest):
    """One node is stopped in the middle and goes on late."""

    node_count = 2
    lease_ms = 1500

    def stop_at(self, place, name):
        """node0 stops there while it rotates; returns when node1 has finished the rotation."""
        first, second = self.vault.nodes
        before = self.credential(name)["version"]
        self.assertEqual(0, second.stop())
        self.rotate_until_stopped(first, name, place)
        self.vault.restart(second)
        after = lambda: self.read_from(second, f"credentials/{name}")
        self.wait_for(lambda: after()["state"] == "idle", 30)
        self.assertEqual(before + 1, after()["version"])

    def read_from(self, node, path):
        """Asked again when the database is busy."""

        def data():
            reply = node.request("GET", f"rotation/{path}", token=self.vault.token)
            return reply.data if reply.status == 200 else None

        return self.wait_for(data)

    def test_a_late_node_changes_nothing(self):
        self.put_single("late")
        self.first_version("late")
        for place in ("staged:after", "apply:before", "apply:after", "verified:before"):
            with self.subTest(place):
                self.wait_idle("late")
                self.stop_at(place, "late")
                first, second = self.vault.nodes
                left = first.read_log().count("rotation.attempt_left")
                seen = self.read_from(second, "creds/late")
                first.process.send_signal(signal.SIGCONT)
                self.wait_for(lambda seen=left: first.read_log().count("rotation.attempt_left") > seen)
                time.sleep(0.5)
                creds = self.first_version("late")
                self.assertEqual(seen, {**creds, "ttl": seen["ttl"]})
                self.served.add(creds["password"])
                self.assertWorks(creds)

    def test_both_nodes_share_the_work(self):
        self.vault.nodes[0].request("GET", "sys/health")
        for number in range(6):
            self.put_single(f"shared{number}", interval="1s")

        def shared():
            nodes = self.vault.database.query("SELECT DISTINCT node FROM rotation_event WHERE node <> ''")
            promoted = self.vault.database.query("SELECT count(*) FROM rotation_event WHERE state = 'promoted'")
            return sorted(nodes) == [["node0"], ["node1"]] and int(promoted[0][0]) >= 24

        self.wait_for(shared, 120)
        double = self.vault.database.query(
            "SELECT credential_id, version FROM rotation_event WHERE state = 'promoted'"
            " GROUP BY 1, 2 HAVING count(*) > 1"
        )
        self.assertEqual([], double)
        for number in range(6):
            self.slow_down(f"shared{number}")
            self.wait_idle(f"shared{number}")
            self.assertWorks(self.first_version(f"shared{number}"))


class MockTest(RotationTest):
    """A rotator that dies, hangs, lies and talks nonsense, once or always."""

    lease_ms = 4000

    def setUp(self):
        self.folder = harness.tempfile.mkdtemp(prefix="rotunda-mock.")
        os.chmod(self.folder, 0o777)

    def tearDown(self):
        harness.shutil.rmtree(self.folder, ignore_errors=True)

    def put_mock(self, name, rotator="mock", **settings):
        """A credential at a mock target without faults, rotated once; then with them."""
        target = {"rotator": rotator, "state_dir": self.folder, "username": "u", "password": "p"}
        target.update(timeout="2s")
        path = f"rotation/targets/{name}"
        self.assertStatus(204, self.vault.post(path, target))
        body = {"target": name, "account": "app", "interval": "1h", "owner": "o", "purpose": "p"}
        self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", body))
        first = self.first_version(name)
        self.wait_idle(name)
        self.assertStatus(204, self.vault.post(path, {**settings, "password": "p"}))
        return first

    def values(self):
        """What the mock accepts."""
        with open(os.path.join(self.folder, "state"), encoding="ascii") as f:
            return f.read()

    def assertAccepted(self, creds):
        self.assertIn(creds["password"].encode().hex(), self.values())

    def test_a_fault_that_happens_once_is_overcome(self):
        faults = "die_before_commit die_after_commit lose_reply hang crash garbage flood other_attempt"
        for fault in faults.split() + ["policy_reject", "unreachable"]:
            with self.subTest(fault):
                first = self.put_mock(f"once_{fault}", fault=fault, fault_once="true")
                self.vault.post(f"rotation/credentials/once_{fault}/rotate")
                self.wait_idle(f"once_{fault}", 30)
                creds = self.read(f"once_{fault}").data
                self.assertGreater(creds["version"], first["version"])
                self.assertAccepted(creds)
                self.assertNotIn(first["password"].encode().hex(), self.values())
                self.tearDown()
                self.setUp()

    def test_what_is_not_permitted_waits_for_a_person_and_current_is_served(self):
        first = self.put_mock("forbidden", fault="not_permitted")
        reply = self.vault.post("rotation/credentials/forbidden/rotate")
        self.assertEqual("blocked", self.assertStatus(200, reply).data["state"])
        self.assertEqual("not_permitted", reply.data["error_class"])
        self.assertEqual(first["password"], self.read("forbidden").data["password"])
        attention = self.vault.get("rotation/status").data["attention"]
        self.assertIn(("forbidden", "blocked"), [(c["name"], c["state"]) for c in attention])
        self.assertStatus(204, self.vault.post("rotation/targets/forbidden", {"fault": None, "password": "p"}))
        path = "rotation/credentials/forbidden/acknowledge"
        self.assertStatus(204, self.vault.post(path, {"action": "retry"}))
        self.wait_idle("forbidden")
        self.assertAccepted(self.read("forbidden").data)
        self.assertEqual(first["version"] + 1, self.read("forbidden").data["version"])

    def test_an_abandoned_rotation_leaves_what_is_current(self):
        first = self.put_mock("given_up", fault="not_permitted")
        self.vault.post("rotation/credentials/given_up/rotate")
        path = "rotation/credentials/given_up/acknowledge"
        self.assertStatus(204, self.vault.post(path, {"action": "abandon"}))
        self.assertEqual("idle", self.credential("given_up")["state"])
        self.assertEqual("rolled_back", self.states("given_up")[-1])
        self.assertEqual(first["password"], self.read("given_up").data["password"])
        self.assertStatus(409, self.vault.post(path, {"action": "retry"}))

    def test_values_that_the_target_refuses_are_replaced_only_so_often(self):
        first = self.put_mock("picky", fault="policy_reject")
        reply = self.vault.post("rotation/credentials/picky/rotate")
        self.assertEqual("blocked", self.assertStatus(200, reply).data["state"])
        self.assertEqual(5, self.states("picky")[-15:].count("staged"))
        self.assertEqual(first["password"], self.read("picky").data["password"])

    def test_two_slots_keep_the_previous_value_through_its_grace(self):
        first = self.put_mock("slots", rotator="mock-slots")
        self.assertStatus(204, self.vault.post("rotation/credentials/slots", {"grace": "10s"}))
        self.assertStatus(200, self.vault.post("rotation/credentials/slots/rotate"))
        second = self.read("slots").data
        self.assertAccepted(second)
        self.assertAccepted(first)
        self.assertEqual(first["password"], self.read("slots", "?version=previous").data["password"])
        self.wait_idle("slots", 60)
        self.assertAccepted(second)
        self.assertNotIn(first["password"].encode().hex(), self.values())

    def test_a_hung_target_delays_no_other(self):
        self.put_mock("hung", fault="hang")
        self.put_single("prompt")
        self.first_version("prompt")
        self.wait_idle("prompt")
        usual_s = self.time_rotation("prompt")
        self.vault.post("rotation/credentials/hung/rotate", {"timeout": "0s"})
        # The hung one holds its worker for longer.
        self.assertLess(self.time_rotation("prompt"), 10 + 2 * usual_s)

    def time_rotation(self, name):
        began = time.monotonic()
        self.rotate(name)
        seconds = time.monotonic() - began
        self.wait_idle(name)
        return seconds


if __name__ == "__main__":
    unittest.main()
