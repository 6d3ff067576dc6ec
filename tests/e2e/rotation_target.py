# SPDX-License-Identifier: ISC
"""A real PostgreSQL as the target of rotations: a second server, with passwords and a full log."""

import atexit
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
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="rotunda-target.")
        self.port = harness.free_port()
        self.running = False
        atexit.register(self.destroy)
        self.shell("pg_own $dir; pg_fill $dir")
        with open(os.path.join(self.folder, "data", "pg_hba.conf"), "w", encoding="ascii") as f:
            f.write(HBA)
        self.start()
        self.sql(f"CREATE ROLE rotator LOGIN CREATEROLE PASSWORD '{ROTATOR_PASSWORD}'")
        # What was logged while it was set up holds the rotator's password.
        self.log_begins = os.path.getsize(os.path.join(self.folder, "log"))

    def shell(self, commands):
        script = f". {SUPPORT}/postgres.sh; dir={self.folder}; {commands}"
        environment = dict(os.environ, PG_TREE=os.path.join(SUPPORT, "..", ".."))
        done = subprocess.run(
            ["sh", "-euc", script], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)

    def start(self):
        self.shell(
            f"pg_start $dir -c listen_addresses=127.0.0.1 -c port={self.port} -c log_statement=all"
            " -c log_min_error_statement=error -c log_min_duration_statement=0 >/dev/null 2>&1 </dev/null"
        )
        self.running = True

    def kill(self):
        self.shell("pg_kill9 $dir")

    def stop(self):
        self.shell("pg_stop $dir")

    def destroy(self):
        if os.path.isdir(self.folder):
            self.shell("pg_destroy $dir")
            shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, text):
        return harness.psql(f"host={self.folder} port={self.port} user=rotunda dbname=rotunda", text)

    def login(self, username, password):
        """None when it works, else what the server said."""
        environment = dict(os.environ, PGPASSWORD=password)
        conninfo = f"host=127.0.0.1 port={self.port} user={username} dbname=rotunda"
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
            "tls": "off",
            "username": "rotator",
            "password": ROTATOR_PASSWORD,
        }
