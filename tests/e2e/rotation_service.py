# SPDX-License-Identifier: ISC
"""A service that reads its credential and logs in, so many times a second, while it is rotated."""

import http.client
import json
import threading
import time

from rotation_login import login

THREADS = 8
GRACE_S = 1


class Service:
    def __init__(self, bench, name, per_second):
        self.bench, self.name = bench, name
        self.pause_s = THREADS / per_second
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.logins = self.late = 0
        self.failed = []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(THREADS)]

    def start(self):
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        self.seconds = time.monotonic() - self.began

    def run(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.bench.vault.node.port, timeout=30)
        due = time.monotonic() + number * self.pause_s / THREADS
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due = max(due + self.pause_s, time.monotonic() - 1)  # what a busy machine missed isn't made up for
            began = time.monotonic()
            try:
                said = self.once(connection)
            except (OSError, http.client.HTTPException, KeyError, TypeError) as error:
                said = repr(error)
            self.count(said, time.monotonic() - began)
        connection.close()

    def once(self, connection):
        connection.request("GET", f"/v1/rotation/creds/{self.name}", headers={"X-Vault-Token": self.bench.vault.token})
        reply = connection.getresponse()
        body = json.loads(reply.read())
        if reply.status != 200:
            return f"{reply.status} {body}"
        return login(self.bench.target.port, body["data"]["username"], body["data"]["password"])

    def count(self, said, seconds):
        """Current when it was read, so valid for the grace from then on; a login later than that proves nothing."""
        with self.lock:
            if said is None:
                self.logins += 1
            elif seconds > GRACE_S * 0.9:
                self.late += 1
            else:
                self.failed.append(said)
