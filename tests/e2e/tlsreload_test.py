# SPDX-License-Identifier: ISC
"""Certificates are replaced under load: no request fails and no connection is lost, new connections get the
new certificate, and a certificate that can't be used leaves the old one in place."""

import http.client
import json
import os
import signal
import socket
import ssl
import threading
import time
import unittest

import harness
import prometheus
from postgres import wait_until

CLIENTS = 40
RELOADS = 20


class TlsReloadTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        vault = cls.vault
        vault.node.stop()
        cls.cert, cls.key = (os.path.join(vault.folder, name) for name in ("cert.pem", "key.pem"))
        cls.install(*cls.make("first"))
        cls.port = harness.free_port()
        with open(vault.node.config, "a", encoding="utf-8") as f:
            f.write(
                f'listener "tcp" {{\n  address = "127.0.0.1:{cls.port}"\n'
                f'  tls_cert_file = "{cls.cert}"\n  tls_key_file = "{cls.key}"\n}}\n'
            )
        vault.restart(vault.node)
        assert vault.post("sys/mounts/secret", {"type": "kv"}).status == 204
        assert vault.post("secret/data/a", {"data": {"k": "v"}}).status == 200
        cls.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        cls.context.check_hostname = False
        cls.context.verify_mode = ssl.CERT_NONE

    @classmethod
    def make(cls, name, days=2):
        cert, key = (os.path.join(cls.vault.folder, f"{name}.{kind}") for kind in ("cert", "key"))
        harness.make_certificate(name, cert, key, days)
        return cert, key

    @classmethod
    def install(cls, cert, key):
        for source, place in ((key, cls.key), (cert, cls.cert)):
            with open(source, "rb") as f:
                data = f.read()
            fresh = place + ".fresh"
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
                f.write(data)
            os.rename(fresh, place)

    def lines(self, event):
        found = [json.loads(line) for line in self.vault.node.read_log().splitlines()]
        return [line for line in found if line["event"] == event]

    def reload(self):
        before = len(self.lines("server.reloaded"))
        self.vault.node.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self.lines("server.reloaded")) > before, 15, "it was reloaded")
        return self.lines("server.reloaded")[-1]["certificates"]

    def served(self):
        """What a new connection gets."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as raw:
            with self.context.wrap_socket(raw) as tls:
                return ssl.DER_cert_to_PEM_cert(tls.getpeercert(binary_form=True))

    def assertServed(self, cert):
        with open(cert, encoding="ascii") as f:
            self.assertEqual(f.read().split(), self.served().split())

    def ask(self, ending, counts, wrong):
        """Requests one after the other on one connection, which must last."""
        link = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self.context)
        try:
            link.connect()
            own = link.sock
            while not ending.is_set():
                link.request("GET", "/v1/secret/data/a", headers={"X-Vault-Token": self.vault.token})
                reply = link.getresponse()
                body = reply.read()
                if reply.status != 200 or json.loads(body)["data"]["data"] != {"k": "v"} or link.sock is not own:
                    wrong.append((reply.status, body))
                    return
                counts.append(1)
        except (OSError, http.client.HTTPException) as problem:
            wrong.append(problem)
        finally:
            link.close()

    def test_under_load_nobody_notices(self):
        pairs = [self.make(f"load{i}") for i in range(2)]
        ending = threading.Event()
        counts, wrong = [], []
        clients = [threading.Thread(target=self.ask, args=(ending, counts, wrong)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            wait_until(lambda: len(counts) > CLIENTS or wrong, 30, "the load is on")
            for i in range(RELOADS):
                before = len(counts)
                self.install(*pairs[i % 2])
                self.assertEqual(1, self.reload())
                self.assertServed(pairs[i % 2][0])
                wait_until(lambda: len(counts) > before or wrong, 30, "requests are served")  # noqa: B023
        finally:
            ending.set()
            for client in clients:
                client.join()
        self.assertEqual([], wrong)
        print(f"{RELOADS} reloads, {CLIENTS} connections, {len(counts)} requests", flush=True)
        self.assertEqual([], self.lines("server.tls_reload_failed"))

    def test_what_cannot_be_used_leaves_the_old_one_and_says_why(self):
        good = self.make("good")
        self.install(*good)
        self.reload()
        broken = os.path.join(self.vault.folder, "broken")
        with open(broken, "w", encoding="ascii") as f:
            f.write("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
        other = self.make("other")
        for cert, key, why in (
            (broken, good[1], "tls_cert_file doesn't hold certificates in PEM"),
            (good[0], broken, "tls_key_file doesn't hold a private key in PEM without a password"),
            (good[0], other[1], "tls_key_file doesn't belong to the first certificate of tls_cert_file"),
        ):
            self.install(cert, key)
            self.assertRefused(why, good)
        os.unlink(self.cert)
        self.assertRefused("tls_cert_file can't be read", good)
        self.install(*other)
        self.assertEqual(1, self.reload())
        self.assertServed(other[0])

    def test_the_end_of_the_certificate_is_told(self):
        for days in (2, 30):
            self.install(*self.make(f"days{days}", days))
            self.reload()
            families = prometheus.parse(self.vault.get("sys/metrics").text)
            samples = families["rotunda_tls_certificate_expiry_seconds"].samples
            left_s = list(samples.values())[0] - time.time()
            self.assertLess(abs(left_s - days * 86400), 600)
            self.assertEqual([(("address", f"127.0.0.1:{self.port}"),)], [labels for _, labels in samples])

    def assertRefused(self, why, still):
        before = len(self.lines("server.tls_reload_failed"))
        self.assertEqual(0, self.reload())
        failed = self.lines("server.tls_reload_failed")[before:]
        self.assertEqual([(why, f"127.0.0.1:{self.port}")], [(line["error"], line["address"]) for line in failed])
        self.assertServed(still[0])

    def test_a_burst_of_signals_is_one_like_any_other(self):
        for _ in range(50):
            self.vault.node.process.send_signal(signal.SIGHUP)
        self.reload()
        self.assertStatus(200, self.vault.get("secret/data/a"))
        self.assertIsNone(self.vault.node.process.poll())


if __name__ == "__main__":
    unittest.main()
