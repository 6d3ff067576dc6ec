# SPDX-License-Identifier: ISC
"""`rotunda dev`: one command, a PostgreSQL of its own, and nothing left behind."""

import glob
import http.client
import json
import os
import signal
import stat
import subprocess
import tempfile
import time
import unittest

import harness


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds * harness.SLOWNESS
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Dev:
    """A running `rotunda dev`, in a TMPDIR of its own."""

    def __init__(self, *arguments, **environment):
        self.temporary = tempfile.mkdtemp(prefix="dev-test.", dir="/tmp")
        os.chmod(self.temporary, 0o711)
        self.port = harness.free_port()
        self.output = os.path.join(self.temporary, "output")
        self.started = time.monotonic()
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [harness.PROGRAM, "dev", "-listen", f"127.0.0.1:{self.port}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": self.temporary, **environment},
            )

    def read_output(self):
        with open(self.output, encoding="utf-8") as f:
            return f.read()

    def wait_ready(self):
        """The root token."""
        wait_until(lambda: "Ctrl-C" in self.read_output() or self.process.poll() is not None)
        self.ready_s = time.monotonic() - self.started
        text = self.read_output()
        assert "root token" in text, text
        return text.split("root token")[1].split()[0]

    def request(self, method, path, token, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, "/v1/" + path, payload, {"X-Vault-Token": token})
            reply = connection.getresponse()
            return harness.Answer(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def stop(self, how=signal.SIGINT):
        self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        return code

    def folders(self):
        return glob.glob(os.path.join(self.temporary, "rotunda-dev.*"))

    def processes(self):
        """Those that have a folder of ours in their arguments."""
        found = []
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as f:
                    arguments = f.read()
            except OSError:
                continue
            if self.temporary.encode() in arguments:
                found.append(arguments)
        return found


class DevTest(unittest.TestCase):
    def start(self, *arguments, **environment):
        dev = Dev(*arguments, **environment)
        self.addCleanup(lambda: dev.process.poll() is None and dev.process.kill())
        return dev

    def test_serves_secrets_at_once_and_leaves_nothing_behind(self):
        dev = self.start()
        token = dev.wait_ready()
        written = dev.request("POST", "secret/data/a", token, {"data": {"k": "v"}})
        self.assertEqual(200, written.status, written)
        self.assertEqual({"k": "v"}, dev.request("GET", "secret/data/a", token).data["data"])
        self.assertEqual(1, len(dev.folders()))
        self.assertEqual(0, dev.stop())
        self.assertEqual([], dev.folders())
        self.assertEqual([], dev.processes())

    def test_keeps_its_state_and_root_token_in_a_folder_of_your_own(self):
        with tempfile.TemporaryDirectory(prefix="dev-kept.", dir="/tmp") as parent:
            os.chmod(parent, 0o711)
            folder = os.path.join(parent, "vault")
            first = self.start("-dir", folder)
            token = first.wait_ready()
            first.request("POST", "secret/data/a", token, {"data": {"k": "kept"}})
            self.assertEqual(0, first.stop(signal.SIGTERM))
            second = self.start("-dir", folder)
            self.assertEqual(token, second.wait_ready())
            self.assertLess(second.ready_s, 5)
            self.assertEqual("kept", second.request("GET", "secret/data/a", token).data["data"]["k"])
            for name in ("seal-key", "root-token"):
                mode = stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode)
                self.assertEqual(0o600, mode, name)
            self.assertEqual(0, second.stop())

    def test_postgresql_takes_no_tcp_and_is_closed_to_others(self):
        dev = self.start()
        dev.wait_ready()
        (folder,) = dev.folders()
        place = os.path.join(folder, "postgres")
        self.assertEqual(0o700, stat.S_IMODE(os.stat(place).st_mode))
        asked = harness.psql(f"host={place} user=rotunda dbname=postgres", "SHOW listen_addresses")
        self.assertEqual([[""]], asked)
        dev.stop()

    def test_a_killed_vault_takes_postgresql_and_the_folder_with_it(self):
        dev = self.start()
        dev.wait_ready()
        dev.stop(signal.SIGKILL)
        self.assertTrue(wait_until(lambda: dev.folders() == [] and dev.processes() == []))

    def test_an_interrupted_first_start_leaves_nothing_behind(self):
        dev = self.start()
        wait_until(dev.folders)
        self.assertNotEqual(0, dev.stop())
        self.assertTrue(wait_until(lambda: dev.folders() == [] and dev.processes() == []))

    def test_refuses_a_folder_that_holds_something_else(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "thesis.txt"), "w", encoding="utf-8") as f:
                f.write("precious")
            dev = self.start("-dir", folder)
            self.assertEqual(1, dev.process.wait(timeout=30))
            self.assertIn("wasn't made by `rotunda dev`", dev.read_output())
            self.assertEqual(["thesis.txt"], os.listdir(folder))

    def test_login_keeps_the_token_for_the_client(self):
        with tempfile.TemporaryDirectory() as home:
            file = os.path.join(home, "token")
            dev = self.start("-login", ROTUNDA_TOKEN_FILE=file)
            token = dev.wait_ready()
            with open(file, encoding="utf-8") as f:
                self.assertEqual(token, f.read().strip())
            dev.stop()

    @unittest.skipIf(harness.SANITIZED, "instrumented programs make calls that the filter refuses")
    def test_runs_confined(self):
        dev = self.start()
        dev.wait_ready()
        with open(f"/proc/{dev.process.pid}/status", encoding="utf-8") as f:
            status = dict(line.split(":\t", 1) for line in f.read().splitlines() if ":\t" in line)
        confined = "server.not_confined" in dev.read_output() or status["Seccomp"] == "2"
        self.assertTrue(confined, status["Seccomp"])
        self.assertEqual("1", status["NoNewPrivs"])
        dev.stop()


if __name__ == "__main__":
    unittest.main()
