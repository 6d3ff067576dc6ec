# SPDX-License-Identifier: ISC
"""Audit files on a full disk, removed, or behind a pipe that blocks: requests go on being answered, it
shows in health, log and metrics, and the file catches up or it is said how much it lacks."""

import json
import os
import shutil
import subprocess
import threading
import time
import unittest

import harness
from postgres import wait_until

QUICKLY_S = 5


class SinkTest(harness.VaultTest):
    def setUp(self):
        self.folder = os.path.join(self.vault.folder, "audit")
        self.name = self.id().split(".")[-1]
        self.file = os.path.join(self.folder, self.name)
        self.addCleanup(self.vault.delete, f"sys/audit/{self.name}")

    def add_sink(self):
        body = {"type": "file", "options": {"file_path": self.name}}
        self.assertStatus(204, self.vault.post(f"sys/audit/{self.name}", body))

    def ask(self, marker):
        """A request that leaves a record of that path, answered at once."""
        began = time.monotonic()
        self.assertStatus(404, self.vault.get(f"sys/{marker}"))
        self.assertLess(time.monotonic() - began, QUICKLY_S)

    def paths_in(self, text):
        return [json.loads(line)["path"] for line in text.splitlines() if line.endswith("}")]

    def wrote(self, marker):
        if not os.path.exists(self.file):
            return False
        with open(self.file, encoding="utf-8") as f:
            return f"sys/{marker}" in self.paths_in(f.read())

    def metric(self, name):
        text = self.assertStatus(200, self.vault.get("sys/metrics")).text
        line = f'rotunda_audit_sink_{name}{{sink="{self.name}/"}} '
        return next(float(each[len(line) :]) for each in text.splitlines() if each.startswith(line))

    def alarms(self):
        return self.assertStatus(200, self.vault.get("sys/health", token="")).json["alarms"]

    def lines(self, event):
        found = [json.loads(line) for line in self.vault.node.read_log().splitlines()]
        return [line for line in found if line["event"] == event and line["sink"] == f"{self.name}/"]

    def assertFailing(self, why):
        self.ask("while-failing")
        wait_until(lambda: "audit_sink_failing" in self.alarms(), 10, "health says so")
        self.assertEqual(1, self.metric("failing"))
        self.assertGreater(self.metric("waiting_lines"), 0)
        self.assertIn(why, [line["error"] for line in self.lines("audit.sink_failing")])
        text = self.vault.get("sys/metrics").text
        self.assertIn('rotunda_alarm{alarm="audit_sink_failing"} 1', text.splitlines())

    def assertRecovered(self):
        self.ask("afterwards")
        wait_until(lambda: self.alarms() == [], 10, "health is clean")
        self.assertEqual(0, self.metric("failing"))
        self.assertEqual(1, len(self.lines("audit.sink_recovered")))


class RemovedTest(SinkTest):
    def test_a_removed_file_is_made_again(self):
        self.add_sink()
        self.ask("before")
        wait_until(lambda: self.wrote("before"), 10, "it is written")
        self.assertEqual(0, self.metric("reopened_total"))
        os.unlink(self.file)
        self.ask("after-removal")
        wait_until(lambda: self.wrote("after-removal"), 10, "it is written to a new file")
        self.assertFalse(self.wrote("before"))
        self.assertEqual(1, self.metric("reopened_total"))
        self.assertGreater(self.lines("audit.sink_reopened")[0]["written_before"], 0)
        self.assertEqual([], self.alarms())

    def test_a_removed_folder_is_an_alarm_and_nothing_is_lost(self):
        self.add_sink()
        self.ask("before")
        wait_until(lambda: self.wrote("before"), 10, "it is written")
        moved = self.folder + ".moved"
        os.rename(self.folder, moved)
        self.assertFailing("the folder for audit files can't be opened")
        for i in range(50):
            self.ask(f"folder-{i}")
        os.rename(moved, self.folder)
        wait_until(lambda: self.wrote("folder-49"), 10, "it has caught up")
        self.assertTrue(all(self.wrote(f"folder-{i}") for i in range(50)))
        self.assertEqual(0, self.metric("dropped_lines_total"))
        self.assertRecovered()

    def test_what_a_stop_leaves_unwritten_is_said(self):
        self.add_sink()
        self.ask("before")
        wait_until(lambda: self.wrote("before"), 10, "it is written")
        moved = self.folder + ".moved"
        os.rename(self.folder, moved)
        for i in range(20):
            self.ask(f"lost-{i}")
        self.assertEqual(0, self.vault.node.stop())
        self.assertGreaterEqual(self.lines("audit.sink_stopped")[0]["dropped"], 20)
        os.rename(moved, self.folder)
        self.vault.restart(self.vault.node)


class PipeTest(SinkTest):
    def setUp(self):
        super().setUp()
        os.mkfifo(self.file, 0o600)

    def test_a_pipe_that_nobody_reads(self):
        read_end = os.open(self.file, os.O_RDONLY | os.O_NONBLOCK)
        self.add_sink()
        os.close(read_end)
        self.assertFailing("nobody reads from the pipe")
        for i in range(50):
            self.ask(f"unread-{i}")
        text = self.read_until("unread-49")
        self.assertEqual([f"sys/unread-{i}" for i in range(50)], [p for p in self.paths_in(text) if "unread-" in p])
        self.assertEqual(0, self.metric("dropped_lines_total"))

    def read_until(self, marker):
        """Reads the pipe as its owner would, until the marker came."""
        text = b""
        with open(self.file, "rb", buffering=0) as pipe:
            deadline = time.monotonic() + 15
            while f"sys/{marker}".encode() not in text or not text.endswith(b"\n"):
                self.assertLess(time.monotonic(), deadline)
                text += pipe.read(65536)
            self.assertRecovered()
        return text.decode()

    def test_a_reader_that_is_stuck(self):
        read_end = os.open(self.file, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, read_end)
        self.add_sink()
        long = "x" * 1500
        for i in range(100):  # more than a pipe holds
            self.ask(f"{long}/{i}")
        self.assertFailing("the reader of the pipe doesn't read")
        self.ask("stuck")
        text = b""
        deadline = time.monotonic() + 15
        while b"sys/stuck" not in text or not text.endswith(b"\n"):
            self.assertLess(time.monotonic(), deadline)
            try:
                text += os.read(read_end, 65536)
            except BlockingIOError:
                time.sleep(0.02)
        read = [p for p in self.paths_in(text.decode()) if long in p]
        self.assertEqual([f"sys/{long}/{i}" for i in range(100)], read)
        self.assertRecovered()
        self.assertEqual(0, self.metric("dropped_lines_total"))


class FullDiskTest(SinkTest):
    def setUp(self):
        super().setUp()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=128k,mode=700", "tmpfs", self.folder],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            print("SKIPPED: a full disk needs root to mount a tmpfs: " + done.stderr.strip(), flush=True)
            self.skipTest("can't mount a tmpfs")
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder], check=False)
        self.filler = os.path.join(self.folder, "filler")

    def fill(self):
        with open(self.filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 4096)
            except OSError:
                pass

    def test_it_catches_up_when_there_is_room(self):
        self.add_sink()
        self.ask("before")
        wait_until(lambda: self.wrote("before"), 10, "it is written")
        self.fill()
        for i in range(50):
            self.ask(f"full-{i}")
        self.assertFailing("the disk is full")
        os.unlink(self.filler)
        wait_until(lambda: self.wrote("while-failing"), 10, "it has caught up")
        self.assertTrue(all(self.wrote(f"full-{i}") for i in range(50)))
        self.assertEqual(0, self.metric("dropped_lines_total"))
        self.assertRecovered()

    def test_what_exceeds_its_spool_is_dropped_and_said(self):
        """32 MiB wait for the disk at most: these records of 45 KB are more than that."""
        self.add_sink()
        self.ask("before")
        self.fill()
        body = {f"{i:02}" + "y" * 600: "z" for i in range(64)}
        left = threading.Semaphore(40 * 1024 * 1024 // 40000)
        slow = []

        def ask_on():
            while left.acquire(blocking=False):
                began = time.monotonic()
                self.vault.post("sys/long", body)
                slow.append(time.monotonic() - began)

        clients = [threading.Thread(target=ask_on) for _ in range(4)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertLess(max(slow), QUICKLY_S)
        dropped = self.metric("dropped_lines_total")
        self.assertGreater(dropped, 0)
        self.assertGreater(self.lines("audit.sink_dropping")[-1]["dropped"], 0)
        self.assertIn("audit_sink_failing", self.alarms())


if __name__ == "__main__":
    unittest.main()
