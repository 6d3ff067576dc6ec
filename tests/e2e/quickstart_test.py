# SPDX-License-Identifier: ISC
"""docker/quickstart.sh with a program that is built already: it passes, and leaves nothing behind."""

import glob
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import harness

SCRIPT = os.path.join(os.path.dirname(__file__), "../../docker/quickstart.sh")


class Quickstart:
    """A run in a TMPDIR of its own, as the leader of a group that Ctrl-C reaches."""

    def __init__(self, temporary, *arguments):
        self.temporary = temporary
        self.output = os.path.join(temporary, "output")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                ["sh", SCRIPT, "--port", str(harness.free_port()), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={
                    **os.environ,
                    "TMPDIR": temporary,
                    "ROTUNDA_PROGRAM": os.path.abspath(harness.PROGRAM),
                },
            )

    def read_output(self):
        with open(self.output, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait_for(self, text, seconds=60):
        deadline = time.monotonic() + seconds
        while text not in self.read_output():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(self.read_output())
            time.sleep(0.05)

    def press_ctrl_c(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self):
        return self.process.wait(timeout=180)


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.mkdtemp(prefix="quickstart-test.", dir="/tmp")
        os.chmod(self.temporary, 0o711)
        self.addCleanup(shutil.rmtree, self.temporary, ignore_errors=True)

    def start(self, *arguments):
        run = Quickstart(self.temporary, *arguments)
        self.addCleanup(self.end, run)
        return run

    @staticmethod
    def end(run):
        if run.process.poll() is None:
            run.press_ctrl_c()
            run.wait()

    def left(self):
        """Processes with our folder in their arguments, and what lies in it."""
        found = glob.glob(os.path.join(self.temporary, "*-*"))
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as f:
                    arguments = f.read().decode("utf-8", "replace")
            except OSError:
                continue
            if self.temporary in arguments:
                found.append(arguments)
        return found

    def test_the_tour_passes_and_leaves_nothing_behind(self):
        for _ in range(2 if harness.FULL else 1):
            run = self.start()
            self.assertEqual(0, run.wait(), run.read_output())
            self.assertEqual([], self.left())
            text = run.read_output()
            self.assertIn(", 0 refused", text)
            self.assertNotIn("Traceback", text)

    def test_ctrl_c_in_the_middle_leaves_nothing_behind(self):
        for moment in ("== 2.", "== 5.", "logged in as"):
            run = self.start()
            run.wait_for(moment)
            run.press_ctrl_c()
            self.assertNotEqual(0, run.wait())
            self.assertEqual([], self.left(), moment)

    def test_what_is_kept_is_stopped_on_demand(self):
        folder = os.path.join(self.temporary, "kept-folder")
        run = self.start("--keep", "--dir", folder)
        self.assertEqual(0, run.wait(), run.read_output())
        self.assertNotEqual([], self.left())
        again = Quickstart(self.temporary, "--dir", folder)
        self.assertEqual(1, again.wait())
        self.assertIn("--stop", again.read_output())
        subprocess.run(["sh", SCRIPT, "--stop", folder], check=True)
        self.assertEqual([], self.left())

    def test_a_taken_port_is_refused(self):
        with harness.socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            run = self.start("--port", str(taken.getsockname()[1]))
            self.assertEqual(1, run.wait())
            self.assertIn("in use", run.read_output())
        self.assertEqual([], self.left())


if __name__ == "__main__":
    unittest.main()
