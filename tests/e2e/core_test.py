# SPDX-License-Identifier: ISC
"""No core, whatever happens: the server, its launcher and the host of a rotator leave none when they
crash, not even where the limit on cores is none, and nobody but root may look into them."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from residue_test import processes_of

CRASHES = (signal.SIGSEGV, signal.SIGABRT)
PATTERN = "/proc/sys/kernel/core_pattern"
NO_LIMIT = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
# Preloaded, it keeps the program from lowering the limit: what prevents a core then is something else.
LIBRARY = os.environ.get("ROTUNDA_TEST_CORES_LIBRARY", "")


def command_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as f:
        return f.read().decode(errors="replace").split("\0")


def is_host(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii", errors="replace") as f:
        return f.read().strip() == "rotator-host"


def core_limit(pid):
    """The hard limit, as /proc writes it."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        return next(line.split()[-2] for line in f if line.startswith("Max core file size"))


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")


class Folders:
    """Where the cores of processes would appear; held open, for those in a mount namespace of their own."""

    def __init__(self, pids):
        with open(PATTERN, encoding="utf-8") as f:
            pattern = f.read().strip()
        named = [os.path.dirname(pattern)] if pattern.startswith("/") else []
        self.names = named + [f"/proc/{pid}/cwd" for pid in pids]
        self.open = [os.open(name, os.O_RDONLY | os.O_DIRECTORY) for name in self.names]
        self.before = self.list()

    def list(self):
        return [set(os.listdir(folder)) for folder in self.open]

    def new_cores(self):
        found = [after - before for before, after in zip(self.before, self.list())]
        return [name for names in found for name in names if "core" in name]

    def close(self):
        for folder in self.open:
            os.close(folder)


class SilentTarget:
    """Takes connections and never says a word, so that a rotator waits."""

    def __init__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.taken = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.taken.append(self.listening.accept()[0])

    def hang_up(self):
        for connection in self.taken:
            connection.close()
        self.taken.clear()

    def close(self):
        self.listening.close()
        self.hang_up()


class CoreTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            print("SKIPPED: looking into other processes needs root", flush=True)
            raise unittest.SkipTest("needs root")
        with open(PATTERN, encoding="utf-8") as f:
            cls.piped = f.read().startswith("|")

    def start(self, preload=LIBRARY, **popen):
        """A vault whose working folder is empty and whose limit on cores is none."""
        vault = harness.Vault()
        self.addCleanup(vault.stop)
        cwd = os.path.join(vault.folder, "cwd")
        os.mkdir(cwd)
        vault.node.environment = {"LD_PRELOAD": preload} if preload else {}
        vault.node.popen = {"cwd": cwd, "preexec_fn": self.lift_limit, **popen}
        return vault

    @staticmethod
    def lift_limit():
        resource.setrlimit(resource.RLIMIT_CORE, NO_LIMIT)

    def crash(self, pid, number, limit="unlimited"):
        """New cores that it leaves."""
        folders = Folders([pid])
        try:
            if LIBRARY:
                self.assertEqual(limit, core_limit(pid))
            os.kill(pid, number)
            wait_for(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in self.state(pid))
            time.sleep(0.1)
            return folders.new_cores()
        finally:
            folders.close()

    @staticmethod
    def state(pid):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                return f.read().rpartition(")")[2].split()[0]
        return "Z"

    def test_a_core_would_be_found(self):
        """Else the others would prove nothing."""
        if self.piped:
            print("SKIPPED: cores go to a program on this machine; only its being called can't be seen", flush=True)
            self.skipTest("cores are piped")
        folder = harness.tempfile.mkdtemp(prefix="rotunda-core.")
        self.addCleanup(shutil.rmtree, folder)
        process = subprocess.Popen(["sleep", "600"], cwd=folder, preexec_fn=self.lift_limit)
        self.addCleanup(process.wait)
        wait_for(lambda: command_of(process.pid)[0] == "sleep")
        self.assertEqual(1, len(self.crash(process.pid, signal.SIGSEGV)))

    @unittest.skipIf(harness.SANITIZED, "the sanitizer handles the signals itself")
    def test_the_server_leaves_none(self):
        for number in CRASHES:
            vault = self.start()
            vault.start()
            process = vault.node.process
            self.assertEqual([], self.crash(process.pid, number))
            # The kernel says itself whether it wrote one, wherever it would have gone.
            status = os.waitpid(process.pid, 0)[1]
            process.returncode = -number
            self.assertEqual(number, os.WTERMSIG(status))
            self.assertFalse(os.WCOREDUMP(status))

    def test_the_launcher_leaves_none(self):
        for number in CRASHES:
            vault = self.start()
            vault.start()
            launchers = processes_of(vault.node.process.pid)[1:]
            self.assertEqual(1, len(launchers))
            self.assertEqual([], self.crash(launchers[0], number))

    def waiting_host(self, vault, name):
        """The process of an attempt whose target doesn't answer."""

        def find():
            for pid in processes_of(vault.node.process.pid)[1:]:
                with contextlib.suppress(OSError):
                    if is_host(pid) and self.target.taken:
                        return pid
            return None

        body = {"target": "db", "account": name, "interval": "1h", "owner": "team", "purpose": "tests"}
        reply = vault.post(f"rotation/credentials/{name}", body)
        self.assertEqual(204, reply.status, reply)
        return wait_for(find)

    def test_the_host_of_a_rotator_leaves_none(self):
        self.target = SilentTarget()
        self.addCleanup(self.target.close)
        for number in CRASHES:
            vault = self.start()
            vault.start()
            self.target.hang_up()
            settings = {"rotator": "postgresql", "host": "127.0.0.1", "port": self.target.port, "database": "d"}
            settings.update(username="u", password="p")
            self.assertEqual(204, vault.post("sys/mounts/rotation", {"type": "rotation"}).status)
            self.assertEqual(204, vault.post("rotation/targets/db", settings).status)
            host = self.waiting_host(vault, "a")
            # What may not be dumped belongs to root in /proc. The library that keeps limits away doesn't
            # reach hosts: their environment is empty.
            self.assertEqual(0, os.stat(f"/proc/{host}/mem").st_uid)
            self.assertEqual([], self.crash(host, number, limit="1"))
            self.assertEqual(200, vault.get("sys/mounts").status)

    def test_the_limit_is_lowered_too(self):
        """1 rather than 0, which programs that collect cores pass over: core(5)."""
        vault = self.start(preload="")
        vault.start()
        for pid in processes_of(vault.node.process.pid):
            self.assertEqual("1", core_limit(pid))

    def test_only_root_may_look_into_the_server_and_the_launcher(self):
        """What may be dumped or traced belongs to its user in /proc, what may not belongs to root."""
        owner = os.stat(os.environ["ROTUNDA_TEST_PG_DIR"])  # may connect to the database
        user = {"user": owner.st_uid, "group": owner.st_gid}
        if owner.st_uid == 0:
            self.skipTest("the database's server runs as root here")
        vault = self.start(preload="", extra_groups=[], **user)
        # The tree may lie where only root may go.
        vault.node.program = shutil.copy(harness.PROGRAM, vault.folder)
        for where, folders, files in os.walk(vault.folder):
            for name in [".", *folders, *files]:
                os.chown(os.path.join(where, name), owner.st_uid, owner.st_gid)
        vault.start()
        ordinary = subprocess.Popen(["sleep", "600"], **user)
        self.addCleanup(ordinary.wait)
        self.addCleanup(ordinary.kill)
        wait_for(lambda: command_of(ordinary.pid)[0] == "sleep")
        self.assertEqual(owner.st_uid, os.stat(f"/proc/{ordinary.pid}/mem").st_uid)
        pids = processes_of(vault.node.process.pid)
        self.assertEqual(2, len(pids))
        for pid in pids:
            with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                self.assertIn(f"\nUid:\t{owner.st_uid}\t", f.read())
            for file in ("mem", "maps", "environ", "coredump_filter"):
                self.assertEqual(0, os.stat(f"/proc/{pid}/{file}").st_uid, f"{file} of {command_of(pid)}")

    @unittest.skipIf(harness.SANITIZED, "the sanitizer makes mlock() do nothing")
    def test_secret_memory_is_locked_and_left_out_of_dumps(self):
        """Even where something else dumps it: the pages themselves say so."""
        vault = self.start()
        vault.start()
        with open(f"/proc/{vault.node.process.pid}/smaps", encoding="utf-8") as f:
            flags = [set(line.split()[1:]) for line in f if line.startswith("VmFlags:")]
        secret = [each for each in flags if {"dd", "lo", "wf"} <= each]
        guarded = [each for each in flags if {"dd", "lo"} <= each]
        self.assertGreaterEqual(len(secret), 1)  # the slab
        self.assertGreater(len(guarded), len(secret))  # the keys, in libsodium's


if __name__ == "__main__":
    unittest.main()
