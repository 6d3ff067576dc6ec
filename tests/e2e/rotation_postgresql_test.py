# SPDX-License-Identifier: ISC
"""PostgreSQL as a target: certificates, VALID UNTIL, standbys, odd names, the rotator's own password."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.parse

import harness
import rotation_test
from rotation_target import ROTATOR_PASSWORD, Target

NAMES = ['a"b; drop', "two words", "UPPER", "schlüssel", "x" * 63, "back\\slash'quote"]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class PostgresqlTest(rotation_test.RotationTest):
    def check(self, account, target="db"):
        reply = self.vault.post(f"rotation/targets/{target}/check", {"account": account})
        return self.assertStatus(200, reply).data

    def missing(self, account, target="db"):
        return {c["check"]: c["how_to_grant"] for c in self.check(account, target)["checks"] if c["state"] != "ok"}

    def put_account(self, name, account, **more):
        body = {"target": "db", "account": account, "interval": "1h", "owner": "o", "purpose": "p", **more}
        self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", body))
        return self.first_version(name)


class RolesTest(PostgresqlTest):
    def test_roles_with_odd_names_are_rotated(self):
        self.target.sql("CREATE ROLE bystander LOGIN PASSWORD 'stays-as-it-is'")
        for number, name in enumerate(NAMES):
            with self.subTest(name):
                self.target.sql(f"CREATE ROLE {quoted(name)} LOGIN")
                creds = self.put_account(f"odd{number}", name)
                self.assertEqual(name, creds["username"])
                self.assertIsNone(self.login(name, creds["password"]))
                self.assertEqual({}, self.missing(name))
        self.assertIsNone(self.target.login("bystander", "stays-as-it-is"))

    def login(self, name, password):
        user = urllib.parse.quote(name, safe="")
        done = subprocess.run(
            ["psql", "-X", "-A", "-t", "-d", f"postgresql://{user}@127.0.0.1:{self.target.port}/rotunda", "-c", "SELECT 1"],
            env=dict(os.environ, PGPASSWORD=password, PGSSLMODE="disable"),
            capture_output=True,
            text=True,
            check=False,
        )
        return None if done.returncode == 0 else done.stderr

    def test_roles_out_of_reach_are_refused_with_the_reason(self):
        self.target.sql("CREATE ROLE boss LOGIN SUPERUSER")
        self.assertIn("role_within_reach", self.missing("boss"))
        self.assertIn("role_not_reserved", self.missing("pg_monitor"))
        body = {"target": "db", "interval": "1h", "owner": "o", "purpose": "p"}
        for name, account, said in (("boss", "boss", "SQLSTATE 42501"), ("own", "pg_monitor", "begin with pg_")):
            path = f"rotation/credentials/{name}"
            self.assertStatus(204, self.vault.post(path, {**body, "account": account}))
            self.wait_for(lambda name=name: self.credential(name)["state"] == "blocked")
            self.assertIn(said, self.credential(name)["error"])

    def until(self, role):
        return self.target.sql(f"SELECT rolvaliduntil AT TIME ZONE 'UTC' FROM pg_roles WHERE rolname = '{role}'")[0][0]

    def test_valid_until_follows_the_end_of_the_credential(self):
        self.target.sql("CREATE ROLE ends LOGIN VALID UNTIL '2090-01-01'")
        path = "rotation/credentials/ends"
        self.put_account("ends", "ends", expires_at="2098-01-01T00:00:00Z")
        self.assertTrue(self.until("ends").startswith("2090"))  # left alone unless asked
        self.wait_idle("ends")
        for body, expected in (
            ({"valid_until": "expiry"}, "2098-01-01"),
            ({"expires_at": "2099-06-01T00:00:00Z"}, "2099-06-01"),
            ({"expires_at": None}, "infinity"),
        ):
            self.assertStatus(204, self.vault.post(path, body))
            self.wait_for(lambda expected=expected: self.until("ends").startswith(expected))
            self.wait_idle("ends")
            self.assertWorks(self.read("ends").data)


class CertificateTest(PostgresqlTest):
    """The server takes the rotator's certificate instead of a password."""

    def setUp(self):
        self.key = os.path.join(self.target.trust, "client.key")
        self.cert = os.path.join(self.target.trust, "client.pem")
        harness.make_certificate("rotator", self.cert, self.key)
        if os.geteuid() == 0:
            shutil.chown(self.key, "nobody")
        os.chmod(self.key, 0o600)
        data = os.path.join(self.target.folder, "data")
        shutil.copy(self.cert, os.path.join(data, "root.crt"))
        os.chmod(os.path.join(data, "root.crt"), 0o644)
        with open(os.path.join(data, "pg_hba.conf"), "r+", encoding="ascii") as f:
            rest = f.read()
            f.seek(0)
            f.write("hostssl all rotator 127.0.0.1/32 cert\n" + rest)
        self.target.sql("ALTER SYSTEM SET ssl_ca_file = 'root.crt'")
        self.target.sql("SELECT pg_reload_conf()")

    def test_a_certificate_logs_in_without_a_password(self):
        settings = {k: v for k, v in self.target.settings.items() if k != "password"}
        path = "rotation/targets/bycert"
        self.assertStatus(400, self.vault.post(path, settings))
        settings.update(client_cert_file=self.cert, client_key_file=self.key)
        self.assertStatus(204, self.vault.post(path, settings))
        self.target.sql("CREATE ROLE certified LOGIN")
        self.wait_for(lambda: self.missing("certified", "bycert") == {})
        creds = self.put_account("certified", "certified", target="bycert")
        self.assertWorks(creds)
        reply = self.assertStatus(400, self.vault.post(path + "/rotate"))
        self.assertIn("certificate", reply.errors[0])
        os.chmod(self.key, 0o644)
        said = self.check("certified", "bycert")
        self.assertFalse(said["ok"])
        self.assertIn("chmod 600", said["error"])


class SettingsTest(PostgresqlTest):
    def test_settings_are_judged_when_they_are_written(self):
        away = {**self.target.settings, "host": "192.0.2.1"}  # nobody answers there: it isn't asked
        cases = [
            ("port", "x", "1 to 65535"),
            ("port", "99999999", "1 to 65535"),
            ("port", 0, "1 to 65535"),
            ("port", -5432, "1 to 65535"),
            ("port", "5432\0", "port"),
            ("port", {"a": 1}, "port"),
            ("port", "9" * 5000, "port"),
            ("ca_file", "../x", "absolute path"),
            ("ca_file", "ca.pem", "absolute path"),
            ("ca_file", "/proc/self/mem", "/proc"),
            ("ca_file", "/etc/../proc/self/mem", ".."),
            ("client_key_file", "/dev/zero", "/dev"),
            ("host", "/run/../etc", ".."),
            ("timeout", "x", "timeout"),
            ("timeout", "1h", "1s to 20s"),
            ("colour", "red", "neither a field nor a setting"),
        ]
        for field, value, said in cases:
            with self.subTest(f"{field}={str(value)[:20]}"):
                reply = self.assertStatus(400, self.vault.post("rotation/targets/judged", {**away, field: value}))
                self.assertIn(said, reply.errors[0])
                self.assertStatus(404, self.vault.get("rotation/targets/judged"))
        body = {"target": "db", "account": "x", "interval": "1h", "owner": "o", "purpose": "p", "valid_until": "x"}
        reply = self.assertStatus(400, self.vault.post("rotation/credentials/judged", body))
        self.assertIn("leave|expiry", reply.errors[0])
        self.assertStatus(204, self.vault.post("rotation/targets/judged", {**away, "port": "5432,5433"}))
        self.assertStatus(204, self.vault.delete("rotation/targets/judged"))

    def test_what_is_no_file_of_certificates_is_refused_before_the_target_is_asked(self):
        link = os.path.join(self.target.trust, "link.pem")
        os.symlink("/proc/self/mem", link)
        # What /proc has isn't even there for a rotator's process, where it has a mount namespace.
        plain = "not a regular file"
        for path, why in ((self.target.trust, plain), (link, f"({plain}|there is no such file)")):
            self.assertStatus(204, self.vault.post("rotation/targets/nofile", {**self.target.settings, "ca_file": path}))
            said = self.check("any", "nofile")
            self.assertEqual((False, "invalid"), (said["ok"], said["error_class"]))
            self.assertRegex(said["error"], "ca_file: " + why)
        self.assertStatus(204, self.vault.delete("rotation/targets/nofile"))


class GuideTest(rotation_test.RotationTest):
    """The commands of docs/connect-postgresql.md."""

    def run_cli(self, *arguments, said=""):
        address = f"http://127.0.0.1:{self.vault.node.port}"
        done = subprocess.run(
            [harness.PROGRAM, *arguments],
            env={**os.environ, "ROTUNDA_ADDR": address, "ROTUNDA_TOKEN": self.vault.token},
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        return done.stdout

    def test_a_server_is_connected_step_by_step(self):
        t = self.target
        t.sql("CREATE ROLE app LOGIN; CREATE ROLE orders_owner NOLOGIN; CREATE ROLE app_a LOGIN IN ROLE orders_owner")
        t.sql("CREATE ROLE app_b LOGIN IN ROLE orders_owner")
        t.sql("ALTER ROLE app_a SET role = orders_owner; ALTER ROLE app_b SET role = orders_owner")
        where = [f"port={t.port}", "database=rotunda", f"ca_file={t.ca_file}", "username=rotator", "password=-"]
        self.assertStatus(204, self.vault.delete("rotation/targets/db"))
        write = ("rotation", "target", "write", "orders-db", "rotator=postgresql", "host=127.0.0.1")
        self.run_cli(*write, *where, said=ROTATOR_PASSWORD)
        self.run_cli("write", "rotation/targets/orders-db/check", "account=app")
        about = ("target=orders-db", "interval=24h", "owner=team-orders", "purpose=orders service")
        self.run_cli("rotation", "credential", "write", "orders-app", "account=app", *about)
        pair = ("accounts=app_a,app_b", "owner_role=orders_owner", "grace=1h")
        self.run_cli("rotation", "credential", "write", "orders-pair", *pair, *about)
        for name in ("orders-app", "orders-pair"):
            self.assertWorks(self.first_version(name))
            self.run_cli("rotation", "creds", name)
            self.wait_idle(name)
        shown = self.run_cli("rotation", "recovery-key", "-format=json", "-shares=3", "-threshold=2")
        self.assertEqual(3, len(json.loads(shown[shown.index("{") :])["data"]["recovery_shares"]))
        said = self.run_cli("rotation", "target", "rotate", "orders-db")
        self.assertIn("logs in with its new password", said)
        copies = self.run_cli("rotation", "target", "recovery", "-format=json", "orders-db")
        with tempfile.NamedTemporaryFile("w", suffix=".recovery") as f:
            f.write(copies)
            f.flush()
            shares = json.loads(shown[shown.index("{") :])["data"]["recovery_shares"]
            opened = self.run_cli("rotation", "recover", f.name, said="\n".join(shares[:2]) + "\n")
        self.assertIsNone(t.login("rotator", opened.split()[-1]))
        self.run_cli("rotation", "rotate", "orders-app")


class StandbyTest(PostgresqlTest):
    def test_a_standby_is_refused_by_name(self):
        folder = tempfile.mkdtemp(prefix="rotunda-standby.")
        port = harness.free_port()
        target = self.target
        target.shell(
            f'pg_own {folder}; pg_as {folder} "$(pg_bin pg_basebackup)" -h $dir -p {target.port} -U rotunda'
            f" -D {folder}/data -R -X stream -c fast; "
            f"pg_start {folder} -c listen_addresses=127.0.0.1 -c port={port} -c ssl=on >/dev/null 2>&1 </dev/null"
        )
        try:
            settings = {**target.settings, "port": port}
            self.assertStatus(204, self.vault.post("rotation/targets/standby", settings))
            said = self.check("any", "standby")
            self.assertFalse(said["ok"])
            self.assertIn("read-only standby", said["error"])
        finally:
            target.shell(f"pg_destroy {folder}")

    def hba_for_replication(self):
        with open(os.path.join(self.target.folder, "data", "pg_hba.conf"), "a", encoding="ascii") as f:
            f.write("local replication rotunda trust\n")
        self.target.sql("SELECT pg_reload_conf()")

    def setUp(self):
        self.hba_for_replication()


class StatementsTest(rotation_test.RotationTest):
    """What the server's own statistics and log keep, with everything switched on."""

    target_options = "-c shared_preload_libraries=pg_stat_statements -c pg_stat_statements.track=all"

    def kept(self):
        return "\n".join(row[0] for row in self.target.sql("SELECT query FROM pg_stat_statements"))

    def test_no_password_is_kept_and_no_verifier_where_that_is_granted(self):
        self.target.sql("CREATE EXTENSION pg_stat_statements")
        self.target.sql("SELECT pg_stat_statements_reset()")  # what it was set up with
        self.target.sql("GRANT SET ON PARAMETER pg_stat_statements.track TO rotator")
        self.first_version(self.put_single("counted"))
        self.wait_idle("counted")
        self.rotate("counted")
        self.read("counted")
        self.assertTrue("ALTER ROLE %I PASSWORD %L" in self.kept())  # the block itself was counted
        self.assertFalse("SCRAM-SHA-256$" in self.kept())
        # Without the grant the verifier, which is no password, is there for those who may read it.
        self.target.sql("REVOKE SET ON PARAMETER pg_stat_statements.track FROM rotator")
        self.wait_idle("counted")
        self.rotate("counted")
        self.read("counted")
        self.assertTrue("SCRAM-SHA-256$" in self.kept())
        log = self.target.read_log()
        self.assertFalse(b"SCRAM-SHA-256$" in log)
        for password in (*self.served, ROTATOR_PASSWORD):
            self.assertFalse(password in self.kept())
            self.assertFalse(password.encode() in log)


OTHER_PROGRAMS = os.environ.get("ROTUNDA_TEST_POSTGRES_BIN")


@unittest.skipUnless(OTHER_PROGRAMS, "SKIPPED: set ROTUNDA_TEST_POSTGRES_BIN to the programs of another PostgreSQL")
class OtherVersionTest(PostgresqlTest):
    target_programs = OTHER_PROGRAMS

    def test_rotation_check_and_probe_work_there(self):
        creds = self.put_other("other")
        self.assertWorks(creds)
        self.wait_idle("other")
        self.rotate("other")
        self.assertWorks(self.read("other").data)
        self.assertRefused(creds)
        self.assertEqual({}, self.missing("other"))
        self.assertStatus(200, self.vault.post("rotation/recovery-key"))
        reply = self.assertStatus(200, self.vault.post("rotation/targets/db/rotate"))
        self.assertEqual("promoted", reply.data["state"], reply)
        self.rotate("other")
        self.assertWorks(self.read("other").data)

    def put_other(self, name):
        """With exactly what the check says that is missing."""
        self.target.sql(f"CREATE ROLE {name} LOGIN")
        for statement in self.missing(name).values():
            self.target.sql(statement)
        return self.put_account(name, name)


OWN_PLACES = ["own_staged:after"] + [
    f"{state}:{when}" for state in ("own_applying", "own_apply", "own_promoted") for when in ("before", "after")
]


class OwnTest(rotation_test.CrashTest):
    """The password that the rotator itself logs in with."""

    test_a_single_role_survives_a_kill_at_every_state = None
    test_a_pair_survives_a_kill_at_every_state = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reply = cls.vault.post("rotation/targets/db/rotate")
        assert reply.status == 409 and "recovery key" in reply.errors[0], reply
        reply = cls.vault.post("rotation/recovery-key", {"shares": 3, "threshold": 2})
        assert reply.status == 200, reply
        cls.shares = reply.data["recovery_shares"]

    def recover(self, shares):
        """The passwords in the copies, newest first, opened without the vault."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            json.dump(self.assertStatus(200, self.vault.get("rotation/targets/db/recovery")).data, f)
            f.flush()
            done = subprocess.run(
                [harness.PROGRAM, "rotation", "recover", f.name],
                input="\n".join(shares) + "\n",
                capture_output=True,
                text=True,
                check=False,
            )
        return done.returncode, [line.split()[-1] for line in done.stdout.splitlines()], done.stderr

    def state(self):
        return self.assertStatus(200, self.vault.get("rotation/targets/db")).data

    def wait_settled(self):
        def settled():
            reply = self.vault.get("rotation/targets/db")
            rotation = reply.data["rotation"] if reply.status == 200 else None
            return rotation is not None and rotation["state"] in ("promoted", "abandoned")

        self.wait_for(settled, 40)

    def assertOneWorks(self):
        """The target's row has what works, and it can change other roles with it."""
        said = self.vault.post("rotation/targets/db/check", {"account": "witness"})
        self.assertTrue(self.assertStatus(200, said).data["ok"], said.data)
        rows = self.vault.database.query("SELECT count(*) FROM rotation_target_change WHERE open OR ciphertext IS NOT NULL")
        self.assertEqual([["0"]], rows)

    def setUp(self):
        if self.target.sql("SELECT 1 FROM pg_roles WHERE rolname = 'witness'") == []:
            self.put_single("witness")
            self.first_version("witness")
        self.wait_idle("witness")

    def test_a_rotation_is_recoverable_and_the_old_password_ends(self):
        reply = self.assertStatus(200, self.vault.post("rotation/targets/db/rotate"))
        self.assertEqual(("promoted", None), (reply.data["state"], reply.data["error"]))
        self.assertOneWorks()
        self.assertIn("password authentication failed", self.target.login("rotator", ROTATOR_PASSWORD))
        code, passwords, _ = self.recover(self.shares[1:])
        self.assertEqual(0, code)
        self.assertIsNone(self.target.login("rotator", passwords[0]))
        code, passwords, said = self.recover(self.shares[:1])
        self.assertEqual((1, []), (code, passwords))
        self.assertIn("too few", said)
        self.assertNotIn(self.recover(self.shares)[1][0].encode(), self.target.read_log())
        self.rotate("witness")
        self.assertWorks(self.read("witness").data)

    def test_others_that_use_the_account_are_in_the_way(self):
        code, passwords, _ = self.recover(self.shares)
        password = passwords[0] if code == 0 else ROTATOR_PASSWORD
        twin = {**self.target.settings, "password": password, "database": "postgres"}
        self.assertStatus(204, self.vault.post("rotation/targets/twin", twin))
        reply = self.assertStatus(409, self.vault.post("rotation/targets/db/rotate"))
        self.assertIn("target twin logs in", reply.errors[0])
        self.assertStatus(204, self.vault.delete("rotation/targets/twin"))

    def test_a_kill_at_every_state_leaves_one_password_that_works(self):
        for place in OWN_PLACES:
            with self.subTest(place):
                before = self.state()["password_version"]
                self.crash_at(place)
                try:
                    self.vault.post("rotation/targets/db/rotate")
                except OSError:
                    pass
                self.wait_for_death()
                self.vault.restart(self.vault.node)
                self.wait_settled()
                self.assertOneWorks()
                self.assertEqual(before + 1, self.state()["password_version"])
                self.assertIsNone(self.target.login("rotator", self.recover(self.shares)[1][0]))

    def test_a_target_that_is_away_is_waited_for(self):
        before = self.state()["password_version"]
        self.target.stop()
        reply = self.assertStatus(200, self.vault.post("rotation/targets/db/rotate"))
        self.assertEqual(("applying", "unreachable"), (reply.data["state"], reply.data["error_class"]))
        self.assertStatus(409, self.vault.post("rotation/targets/db/rotate"))
        self.target.start()
        self.wait_settled()
        self.assertEqual(before + 1, self.state()["password_version"])
        self.assertOneWorks()


del rotation_test  # its cases are its own

if __name__ == "__main__":
    unittest.main()
