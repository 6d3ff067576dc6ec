# SPDX-License-Identifier: ISC
"""A real PostgreSQL as the target of rotations: a second server, with passwords and a full log."""

import os
import shutil
import subprocess
import tempfile

import harness

SUPPORT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support")
ROTATOR_PASSWORD = "rotator-own-password-1f3c"

# Everybody needs a password but the server's own superuser on the socket.
HBA = """\
local all rotunda trust
host all all 127.0.0.1/32 scram-sha-256
"""


class Target:
    def __init__(self, options="", programs=None):
        """`options` for the server; `programs`: the folder of another version's."""
        self.options = options
        self.programs = programs
        self.folder = tempfile.mkdtemp(prefix="rotunda-target.")
        self.port = harness.free_port()
        # Goes away with this process even when that is killed: the guardian waits for the pipe's end.
        self.guardian = subprocess.Popen(
            ["setsid", "sh", "-c", self.script("cat; pg_destroy $dir")],
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.shell("pg_own $dir; pg_fill $dir")
        with open(os.path.join(self.folder, "data", "pg_hba.conf"), "w", encoding="ascii") as f:
            f.write(HBA)
        self.certify()
        self.start()
        self.sql(f"CREATE ROLE rotator LOGIN CREATEROLE PASSWORD '{ROTATOR_PASSWORD}'")
        # What was logged while it was set up holds the rotator's password.
        self.log_begins = os.path.getsize(os.path.join(self.folder, "log"))

    def certify(self):
        """The certificate lies where rotator hosts may read it: the server's folder is closed to them."""
        self.trust = tempfile.mkdtemp(prefix="rotunda-target-ca.")
        os.chmod(self.trust, 0o755)
        self.ca_file = os.path.join(self.trust, "ca.pem")
        key = os.path.join(self.folder, "data", "server.key")
        harness.make_certificate("127.0.0.1", self.ca_file, key)
        shutil.copy(self.ca_file, os.path.join(self.folder, "data", "server.crt"))
        self.shell('[ "$(id -u)" -ne 0 ] || chown "$(pg_user)" $dir/data/server.*; chmod 600 $dir/data/server.key')

    def script(self, commands):
        return f". {SUPPORT}/postgres.sh; dir={self.folder}; {commands}"

    def environment(self):
        more = {"PG_BIN": self.programs} if self.programs else {}
        return dict(os.environ, PG_TREE=os.path.join(SUPPORT, "..", ".."), **more)

    def shell(self, commands):
        done = subprocess.run(
            ["sh", "-euc", self.script(commands)],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    def start(self):
        self.shell(
            f"pg_start $dir -c listen_addresses=127.0.0.1 -c port={self.port} -c ssl=on -c log_statement=all"
            f" -c log_min_error_statement=error -c log_min_duration_statement=0 {self.options} >/dev/null 2>&1 </dev/null"
        )

    def kill(self):
        self.shell("pg_kill9 $dir")

    def stop(self):
        self.shell("pg_stop $dir")

    def destroy(self):
        self.guardian.stdin.close()
        self.guardian.wait()
        shutil.rmtree(self.trust)

    def sql(self, text):
        return harness.psql(f"host={self.folder} port={self.port} user=rotunda dbname=rotunda", text)

    def login(self, username, password):
        """None when it works, else what the server said."""
        environment = dict(os.environ, PGPASSWORD=password)
        conninfo = f"host=127.0.0.1 port={self.port} user={username} dbname=rotunda sslmode=disable"
        done = subprocess.run(
            ["psql", "-X", "-A", "-t", "-d", conninfo, "-c", "SELECT 1"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return None if done.returncode == 0 else done.stderr

    def read_log(self):
        with open(os.path.join(self.folder, "log"), "rb") as f:
            f.seek(self.log_begins)
            return f.read()

    @property
    def settings(self):
        return {
            "rotator": "postgresql",
            "host": "127.0.0.1",
            "port": self.port,
            "database": "rotunda",
            "ca_file": self.ca_file,
            "username": "rotator",
            "password": ROTATOR_PASSWORD,
        }
