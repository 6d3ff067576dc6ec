# SPDX-License-Identifier: ISC
"""The PostgreSQL servers of tests/support/postgres.sh, to be hurt."""

import os
import subprocess
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Server:
    """One in a folder: the one that with-postgres.sh started, unless another is named."""

    def __init__(self, folder=None):
        self.folder = folder or os.environ["ROTUNDA_TEST_PG_DIR"]

    def run(self, function, *arguments):
        script = '. "$PG_TREE/tests/support/postgres.sh"; function=$1; shift; "$function" "$PG_DIR" "$@"'
        subprocess.run(
            ["sh", "-c", script, "postgres.sh", function, *arguments],
            env={**os.environ, "PG_TREE": TREE, "PG_DIR": self.folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    @property
    def conninfo(self):
        return f"host={self.folder} user=rotunda dbname=rotunda"

    def start(self, *options):
        """Options such as max_connections=20 hold until the next start."""
        self.run("pg_start", *(f"-c {o}" for o in options))

    def stop(self, mode="fast"):
        self.run("pg_stop", mode)

    def restart(self, *options):
        self.stop()
        self.start(*options)

    def kill9(self):
        self.run("pg_kill9")

    def pause(self):
        self.run("pg_pause")

    def resume(self):
        self.run("pg_resume")

    def follow(self, primary):
        """Starts as a streaming standby."""
        self.run("pg_follow", primary.folder)

    def promote(self):
        self.run("pg_promote")

    def destroy(self):
        self.run("pg_destroy")


class Holder:
    """A session of somebody else, which runs a statement and stays in its transaction until the end."""

    def __init__(self, conninfo, sql):
        self.process = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", conninfo],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.process.stdin.write(f"BEGIN; {sql};\n\\echo held\n")
        self.process.stdin.flush()
        while (line := self.process.stdout.readline()) != "held\n":
            if not line:
                raise AssertionError("the statement failed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


def wait_until(holds, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"after {seconds} s still not: {what}")
