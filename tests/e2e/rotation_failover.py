# SPDX-License-Identifier: ISC
"""The vault's own database with a standby, and what becomes of rotations when that takes over."""

import os
import shutil
import tempfile
import threading

import harness
import postgres
from rotation_bench import CONFIG, KINDS, Bench, Roles, mock


class Couple:
    """A primary, and a standby when it is asked for; who reads may name both."""

    def __init__(self):
        self.servers = [postgres.Server(tempfile.mkdtemp(prefix="rotunda-couple.")) for _ in range(2)]
        self.primary, self.standby = self.servers
        self.primary.start()

    def database(self):
        found = harness.Database(server=self.primary.conninfo)
        hosts = ",".join(server.folder for server in self.servers)
        found.host = hosts
        found.server = f"host={hosts} user=rotunda dbname=rotunda target_session_attrs=read-write"
        found.conninfo = found.server.replace("dbname=rotunda", f"dbname={found.name}")
        return found

    def follow(self, synchronous):
        """The standby begins afresh."""
        folder = self.standby.folder
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder, 0o700)
        self.standby.follow(self.primary)
        names = "*" if synchronous else ""
        harness.psql(self.primary.conninfo, f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        harness.psql(self.primary.conninfo, "SELECT pg_reload_conf()")

    def fail_over(self):
        self.primary.kill9()
        self.promote()

    def promote(self):
        self.primary, self.standby = self.standby, self.primary
        self.primary.promote()
        # Else its commits wait for a standby that is gone.
        harness.psql(self.primary.conninfo, "ALTER SYSTEM SET synchronous_standby_names = ''")
        harness.psql(self.primary.conninfo, "SELECT pg_reload_conf()")

    def destroy(self):
        for server in self.servers:
            server.destroy()


def bench_on(couple, config=""):
    return Bench(2, True, couple.database(), CONFIG.replace("}\n", config + "}\n"))


class Watch:
    """Reads all the time: a version that was served stays what it was, and none is served that is older."""

    def __init__(self, bench, cases):
        self.bench, self.cases = bench, cases
        self.seen = {case.name: {} for case in cases}
        self.newest = {case.name: 0 for case in cases}
        self.wrong = []
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()

    def run(self):
        while not self.stopping.wait(0.01):
            for case in self.cases:
                try:
                    reply = case.creds()
                except OSError:
                    continue
                if reply.status == 200:
                    self.look(case, reply.data)

    def look(self, case, creds):
        case.keep(creds)
        known = self.seen[case.name].setdefault(creds["version"], creds["password"])
        if known != creds["password"] or creds["version"] < self.newest[case.name]:
            self.wrong.append((case.name, creds["version"], self.newest[case.name]))
        self.newest[case.name] = max(self.newest[case.name], creds["version"])

    def turned(self, least):
        before = dict(self.newest)
        return lambda: all(self.newest[name] >= before[name] + least for name in before)


def turning(bench):
    """Some of each kind that turn all the time."""
    cases = [Roles(bench, interval="1s"), Roles(bench, pair=True, interval="3s")]
    # Neither what may need a person, nor what turns by itself.
    rotators = [rotator for rotator in KINDS if rotator not in ("mock-rolled-shown", "mock-mint")]
    cases += [mock(bench, rotator, interval="2s") for rotator in rotators]
    for case in cases:
        case.first = case.served()
        case.applies = 0
    return cases


def slow_down(case):
    path = f"rotation/credentials/{case.name}"
    case.test.wait_for(lambda: case.test.vault.post(path, {"interval": "1h"}).status == 204, 20, case.tell)
