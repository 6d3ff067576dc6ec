# SPDX-License-Identifier: ISC
"""What went through the vault is nowhere afterwards: not in the memory of its processes, not in log,
command line or environment, not in the log of the database, not in the client's command line. Markers are sought as the bytes that were sent, and as base64 and hex.
Reading another process's memory needs root."""

import base64
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import harness
import wire
from notify_receiver import Mail, Webhook

ROUNDS = 200 if harness.FULL else 20
CHUNK = 16 * 1024 * 1024


def processes_of(root):
    """The server, its launcher and whatever they started."""
    found = [root]
    for pid in found:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                found += [int(child) for child in f.read().split()]
    return found


def mappings(pid):
    with open(f"/proc/{pid}/maps", encoding="utf-8") as f:
        for line in f:
            fields = line.split(maxsplit=5)
            first, last = (int(x, 16) for x in fields[0].split("-"))
            name = fields[5].strip() if len(fields) > 5 else "anonymous"
            if "r" in fields[1] and name not in ("[vvar]", "[vsyscall]"):
                yield first, last, f"{fields[1]} {name}"


def find_in_memory(pid, needles):
    """(what, address, mapping, neighbourhood) for each place where a needle stands."""
    pattern = re.compile(b"|".join(re.escape(n) for n in needles))
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, last, name in mappings(pid):
            for start in range(first, last, CHUNK):
                try:
                    memory.seek(start)
                    data = memory.read(min(CHUNK + 4096, last - start))
                except (OSError, ValueError, OverflowError):
                    break  # a guard page
                for match in pattern.finditer(data):
                    around = data[max(0, match.start() - 48) : match.end() + 16]
                    found.append((needles[match.group()], f"{start + match.start():#x}", f"pid {pid} {name}", around))
    return found


@unittest.skipIf(harness.SANITIZED, "its allocator keeps what was freed, its own memory is terabytes")
class ResidueTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            print("SKIPPED: the residue scan needs root to read the server's memory", flush=True)
            raise unittest.SkipTest("needs root")
        super().setUpClass()
        reply = cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        assert reply.status == 204, reply

    def setUp(self):
        self.needles = {}

    def marker(self, what):
        """A new secret text that exists nowhere else."""
        text = "MARK" + secrets.token_hex(20)
        self.seek(what, text)
        return text

    def seek(self, what, text):
        raw = text.encode()
        # From a few bytes in, so that an allocator's own words over the start don't hide the rest.
        self.needles[raw[8:36]] = what
        self.needles[base64.b64encode(raw[9:36])[:32]] = what + " (base64)"
        self.needles[raw[8:28].hex().encode()] = what + " (hex)"

    def flush(self):
        """Other traffic, so that what is held for the last request of a connection is not what is found."""
        time.sleep(0.3)

    def assertGone(self, vault=None):
        vault = vault or self.vault
        self.flush()
        found = []
        for pid in processes_of(vault.node.process.pid):
            found += find_in_memory(pid, self.needles)
        report = "\n".join(f"{what} at {at} in {where}: {around!r}" for what, at, where, around in found[:20])
        self.assertEqual(0, len(found), f"{len(found)} places:\n{report}")
        self.assertNotOutside(vault)

    def assertNotOutside(self, vault):
        log = vault.node.read_log().encode()
        for needle, what in self.needles.items():
            self.assertNotIn(needle, log, f"{what} in the log")
        for pid in processes_of(vault.node.process.pid):
            for file in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{file}", "rb") as f:
                    content = f.read()
                for needle, what in self.needles.items():
                    self.assertNotIn(needle, content, f"{what} in {file} of {pid}")

    def test_the_scan_finds_what_is_there(self):
        """Else all the others would prove nothing: the node's name stays in memory."""
        found = find_in_memory(self.vault.node.process.pid, {self.vault.node.name.encode(): "name"})
        self.assertGreater(len(found), 0)

    def test_values_that_were_written_and_read(self):
        for i in range(ROUNDS):
            value = self.marker(f"value {i}")
            self.assertStatus(200, self.vault.post(f"secret/data/v{i}", {"data": {"k": value}}))
            self.assertEqual(value, self.vault.get(f"secret/data/v{i}").data["data"]["k"])
        self.assertGone()

    def test_large_values(self):
        for size in (3000, 40000, 900000):
            value = self.marker(f"value of {size}") + "x" * size + self.marker(f"end of {size}")
            self.assertStatus(200, self.vault.post("secret/data/large", {"data": {"k": value}}))
            self.assertStatus(200, self.vault.get("secret/data/large"))
        self.assertGone()

    def test_values_that_were_patched_and_listed(self):
        value, other = self.marker("patched"), self.marker("before")
        self.assertStatus(200, self.vault.post("secret/data/p", {"data": {"k": other, "kept": other}}))
        headers = {"Content-Type": "application/merge-patch+json"}
        self.assertStatus(200, self.vault.request("PATCH", "secret/data/p", {"data": {"k": value}}, headers=headers))
        self.assertStatus(200, self.vault.get("secret/subkeys/p"))
        self.assertStatus(200, self.vault.get("secret/data/p"))
        self.assertStatus(204, self.vault.delete("secret/data/p"))
        self.assertGone()

    def test_cubbyhole_values(self):
        value = self.marker("cubbyhole")
        self.assertStatus(204, self.vault.post("cubbyhole/a", {"k": value}))
        self.assertStatus(200, self.vault.get("cubbyhole/a"))
        self.assertStatus(204, self.vault.delete("cubbyhole/a"))
        self.assertGone()

    def test_values_in_requests_that_fail(self):
        text = self.marker("refused")
        for body in (
            b'{"data":{"k":"%s"',
            b'{"data":{"k":"%s"}}x',
            b'{"data":"%s"}',
            b'["%s"]',
            b'{"data":{"%s":1,"%s":2}}',
            b'{"options":{"cas":99},"data":{"k":"%s"}}',
        ):
            sent = body.replace(b"%s", text.encode())
            self.assertGreaterEqual(self.vault.post("secret/data/refused", sent).status, 400)
            self.assertGreaterEqual(self.vault.post("secret/data/refused", sent, token="hvs.wrong").status, 400)
            self.assertGreaterEqual(self.vault.post("nowhere/data/refused", sent).status, 400)
        self.assertGone()

    def test_values_in_requests_that_are_refused_by_their_header(self):
        text = self.marker("refused")
        body = f'{{"data":{{"k":"{text}"}}}}'.encode()
        for target, padding in (("/v1/secret/data/a", 1 << 20), ("/v1/secret/data/../a", 0), ("/v1//a", 0)):
            for method in ("POST", "FOO"):
                sent = wire.request_bytes(method, target, body + b" " * padding, self.vault.token)
                reply = wire.exchange(self.vault.node, sent)
                self.assertIn(reply.status, (400, 405, 413), reply)
        self.assertGone()

    def test_values_of_clients_that_leave(self):
        text = self.marker("abandoned")
        body = f'{{"data":{{"k":"{text}"}}}}'.encode()
        whole = wire.request_bytes("POST", "/v1/secret/data/abandoned", body, self.vault.token)
        for cut in (0, 3, len(body) // 2, len(body) - 45):
            for _ in range(5):
                with wire.connect(self.vault.node) as sock:
                    sock.sendall(whole[: len(whole) - cut])
        self.assertStatus(200, self.vault.get("sys/mounts"))
        time.sleep(0.5)
        self.assertGone()

    def test_tokens(self):
        tokens = []
        for i in range(5):
            reply = self.vault.post("auth/token/create", {"policies": ["root"], "ttl": "1h"})
            tokens.append(self.assertStatus(200, reply).json["auth"]["client_token"])
            self.seek(f"token {i}", tokens[-1])
        for token in tokens:
            self.assertStatus(200, self.vault.get("sys/mounts", token=token))
            self.assertStatus(200, self.vault.get("auth/token/lookup-self", token=token))
            self.assertStatus(200, self.vault.post("auth/token/lookup", {"token": token}))
            self.assertStatus(200, self.vault.post("auth/token/renew", {"token": token}))
            self.assertStatus(403, self.vault.get("sys/mounts", headers={"Authorization": f"Bearer {token}x"}, token=""))
        self.assertStatus(204, self.vault.post("auth/token/revoke", {"token": tokens[0]}))
        self.assertStatus(204, self.vault.post("auth/token/revoke-self", token=tokens[1]))
        unknown = "hvs." + secrets.token_hex(24)
        self.seek("unknown token", unknown)
        self.assertStatus(403, self.vault.get("sys/mounts", token=unknown))
        own = "own-" + secrets.token_hex(16)
        self.seek("chosen token", own)
        self.assertStatus(200, self.vault.post("auth/token/create", {"id": own, "policies": ["default"]}))
        self.assertGone()

    def test_the_root_token_and_the_unseal_shares(self):
        vault = self.vault
        self.assertStatus(204, vault.put("sys/seal"))
        for key in vault.keys:
            vault.put("sys/unseal", {"key": key[:-2] + "00"}, token="")
        vault.unseal(vault.node)
        self.seek("root token", vault.token)
        for i, key in enumerate(vault.keys):
            raw = bytes.fromhex(key)
            self.needles[key[4:40].encode()] = f"share {i} (hex)"
            self.needles[raw[4:24]] = f"share {i}"
            self.needles[base64.b64encode(raw[3:27])] = f"share {i} (base64)"
        self.assertStatus(200, vault.get("sys/mounts"))
        self.assertGone()

    def seek_bytes(self, what, raw):
        self.needles[raw[4:24]] = what
        self.needles[base64.b64encode(raw[3:27])[:32]] = what + " (base64)"
        self.needles[raw[4:24].hex().encode()] = what + " (hex)"

    def start_rotation(self):
        """A mount with a target, an account there that has a password, and a notifier of each type."""
        folder = tempfile.mkdtemp(prefix="rotunda-residue.")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o777)
        first = self.marker("password that was given")
        imported = self.marker("password that was imported")
        with open(os.path.join(folder, "state"), "w", encoding="ascii") as f:
            f.write(f"app - - 0 {first.encode().hex()} on 0 0 0\n")
        os.chmod(f.name, 0o666)
        self.assertStatus(204, self.vault.post("sys/mounts/rotation", {"type": "rotation"}))
        self.addCleanup(self.vault.delete, "sys/mounts/rotation")
        body = {"rotator": "mock", "state_dir": folder, "username": "u", "password": self.marker("target's password")}
        self.assertStatus(204, self.vault.post("rotation/targets/t", body))
        body = {"target": "t", "account": "app", "interval": "1h", "grace": "1m", "owner": "o", "purpose": "p"}
        self.assertStatus(204, self.vault.post("rotation/credentials/app", {**body, "password": first}))
        with open(f.name, "w", encoding="ascii") as f:
            f.write(f"app - - 0 {imported.encode().hex()} on 0 0 0\n")
        self.assertStatus(400, self.vault.post("rotation/credentials/app/import", {"password": self.marker("refused")}))
        self.assertStatus(200, self.vault.post("rotation/credentials/app/import", {"password": imported}))

    def start_receivers(self):
        hook, mail = Webhook().start(), Mail(None, ("vault", self.marker("password for mail"))).start()
        for each in (hook, mail):
            self.addCleanup(each.stop)
        key = secrets.token_bytes(32)
        self.seek_bytes("signing key", key)
        hook.secret = "whsec_" + base64.b64encode(key).decode()
        body = {"type": "webhook", "url": f"http://127.0.0.1:{hook.port}/", "secret": hook.secret}
        self.assertStatus(204, self.vault.post("rotation/notifiers/hook", body))
        body = {"type": "webhook", "url": f"http://127.0.0.1:{hook.port}/", "events": ["expired"]}
        made = self.assertStatus(200, self.vault.post("rotation/notifiers/made", body)).data["secret"]
        self.seek_bytes("signing key that was made", base64.b64decode(made[6:]))
        body = {"type": "smtp", "host": "127.0.0.1", "port": mail.port, "tls": "none", "from": "a@example.com",
                "to": "b@example.com", "username": "vault", "password": mail.login[1]}  # fmt: skip
        self.assertStatus(204, self.vault.post("rotation/notifiers/mail", body))
        return hook, mail

    def test_what_rotation_handles(self):
        self.start_rotation()
        hook, mail = self.start_receivers()
        for verb in ("rotate", "rollback", "rotate"):
            reply = self.vault.post(f"rotation/credentials/app/{verb}")
            self.assertIn(self.assertStatus(200, reply).data["state"], ("promoted", "draining", "retired"), reply)
            self.seek(f"value of {verb}", self.vault.get("rotation/creds/app").data["password"])
        reply = self.assertStatus(200, self.vault.post("rotation/recovery-key", {"shares": 3, "threshold": 2}))
        for i, share in enumerate(reply.data["recovery_shares"]):
            self.seek_bytes(f"recovery share {i}", bytes.fromhex(share)[20:])
        self.assertStatus(200, self.vault.post("rotation/targets/t/rotate", {"timeout": "2s"}))
        deadline = time.monotonic() + 20 * harness.SLOWNESS
        while min(len(hook.got), len(mail.got)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual([], hook.bad)
        self.assertGreaterEqual(min(len(hook.got), len(mail.got)), 2)
        time.sleep(1)  # processes that sent or changed something have ended
        self.assertGone()

    def test_many_connections_at_once(self):
        def ask(number):
            for i in range(ROUNDS // 4):
                text = texts[number * 100 + i]
                path = f"secret/data/many/{number}/{i}"
                self.assertStatus(200, self.vault.post(path, {"data": {"k": text}}))
                self.assertStatus(200, self.vault.get(path))

        texts = {n * 100 + i: self.marker(f"value {n}/{i}") for n in range(8) for i in range(ROUNDS // 4)}
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGone()

    def test_a_lost_database(self):
        text = self.marker("written while it was away")
        for i in range(6):
            self.vault.database.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            self.vault.post(f"secret/data/away{i}", {"data": {"k": text}})
        time.sleep(1)
        self.assertGone()


class DatabaseLogTest(harness.VaultTest):
    """Nor in the database's own log, when that is told to keep every statement with its parameters."""

    SETTINGS = {
        "log_statement": "all",
        "log_min_duration_statement": "0",
        "log_parameter_max_length": "-1",
        "log_parameter_max_length_on_error": "-1",
        "log_min_error_statement": "debug5",
    }
    marker, seek = ResidueTest.marker, ResidueTest.seek

    @classmethod
    def setUpClass(cls):
        cls.log = os.path.join(os.environ["ROTUNDA_TEST_PG_DIR"], "log")
        cls.log_began = os.path.getsize(cls.log)
        server = os.environ["ROTUNDA_TEST_DATABASE"]
        for name, value in cls.SETTINGS.items():
            harness.psql(server, f"ALTER SYSTEM SET {name} = '{value}'")
        harness.psql(server, "SELECT pg_reload_conf()")
        super().setUpClass()  # the shares and the root token are made under the eyes of that log, too

    def setUp(self):
        self.needles = {}

    def read_database_log(self):
        with open(self.log, "rb") as f:
            f.seek(self.log_began)
            return f.read()

    def test_nothing_secret_is_sent_to_the_database(self):
        vault = self.vault
        self.seek("root token", vault.token)
        for i, key in enumerate(vault.keys):
            self.needles[key[20:80].encode()] = f"share {i} (hex)"
            self.needles[base64.b64encode(bytes.fromhex(key))[12:48]] = f"share {i} (base64)"
        self.assertStatus(204, vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}))
        value, other, hidden = self.marker("value"), self.marker("patched value"), self.marker("cubbyhole")
        self.assertStatus(200, vault.post("secret/data/seen-in-the-log", {"data": {"k": value}}))
        patch = {"Content-Type": "application/merge-patch+json"}
        changed = vault.request("PATCH", "secret/data/seen-in-the-log", {"data": {"k": other}}, headers=patch)
        self.assertStatus(200, changed)
        self.assertStatus(200, vault.get("secret/data/seen-in-the-log"))
        self.assertStatus(400, vault.post("secret/data/a", {"options": {"cas": 9}, "data": {"k": self.marker("cas")}}))
        self.assertStatus(204, vault.post("cubbyhole/a", {"k": hidden}))
        token = vault.post("auth/token/create", {"policies": ["default"]}).json["auth"]["client_token"]
        self.seek("token", token)
        self.assertStatus(200, vault.get("auth/token/lookup-self", token=token))
        self.assertStatus(403, vault.get("sys/mounts", token=self.marker("wrong token")))
        self.assertStatus(204, vault.post("auth/token/revoke", {"token": token}))
        log = self.read_database_log()
        self.assertIn(b"seen-in-the-log", log)  # else nothing was logged
        self.assertIn(b"parameters: $1 = ", log)
        for needle, what in self.needles.items():
            self.assertNotIn(needle, log, f"{what} in the database's log")


class ClientTest(unittest.TestCase):
    """Nor in the command line or the environment of a client, while it waits for its answer."""

    marker, seek = ResidueTest.marker, ResidueTest.seek

    def setUp(self):
        self.needles = {}
        self.listening = socket.create_server(("127.0.0.1", 0))  # takes connections, never answers
        self.addCleanup(self.listening.close)
        self.home = tempfile.mkdtemp(prefix="rotunda-client.")
        self.addCleanup(shutil.rmtree, self.home)
        token = os.path.join(self.home, ".rotunda-token")
        with open(token, "w", encoding="ascii") as f:
            f.write("hvs." + self.marker("token of the file") + "\n")
        os.chmod(token, 0o600)

    def watch(self, arguments, typed=""):
        """What /proc says of a client that has sent its request."""
        port = self.listening.getsockname()[1]
        process = subprocess.Popen(
            [harness.PROGRAM, *arguments],
            env={"HOME": self.home, "ROTUNDA_ADDR": f"http://127.0.0.1:{port}", "PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            process.stdin.write(typed.encode())
            process.stdin.close()
            process.stdin = None
            self.listening.settimeout(20)
            connection, _ = self.listening.accept()
            with connection:
                connection.settimeout(20)
                self.assertTrue(connection.recv(1))
                seen = b"".join(self.read(process.pid, name) for name in self.visible())
            printed = b"".join(process.communicate(timeout=30))
        finally:
            process.kill()
        return seen, printed

    @staticmethod
    def visible():
        """The client's environment is closed to its own user: it can't be dumped."""
        return ("cmdline", "environ") if os.geteuid() == 0 else ("cmdline",)

    @staticmethod
    def read(pid, name):
        with open(f"/proc/{pid}/{name}", "rb") as f:
            return f.read()

    def test_secrets_that_were_typed_or_given(self):
        value, piped = self.marker("value"), self.marker("value from standard input")
        share, login = self.marker("share"), "hvs." + self.marker("token to log in with")
        cases = (
            (["kv", "put", "secret/a", f"k={value}", "other=" + value], ""),
            (["write", "secret/a", f"k={value}"], ""),
            (["kv", "put", "secret/a", "k=-"], piped),
            (["write", "secret/a", "-"], f'{{"k":"{piped}"}}'),
            (["operator", "unseal"], share + "\n"),
            (["login"], login + "\n"),
        )
        for arguments, typed in cases:
            with self.subTest(arguments[:2]):
                seen, printed = self.watch(arguments, typed)
                self.assertIn(arguments[0].encode(), seen)
                for needle, what in self.needles.items():
                    self.assertNotIn(needle, seen, f"{what} in the command line or environment")
                    self.assertNotIn(needle, printed, f"{what} in what it prints")


class TlsTest(ResidueTest):
    """Nor what went through TLS: GnuTLS and libmicrohttpd have buffers of their own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tls_port = cls.vault.add_tls_listener()

    def exchange(self, payload):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with context.wrap_socket(wire.connect_port(self.tls_port)) as sock:
            sock.sendall(payload)
            return wire.read_reply(sock)

    def test_values_over_tls(self):
        for i in range(ROUNDS):
            text = self.marker(f"value {i}") + "y" * (i * 1500 % 50000)
            body = f'{{"data":{{"k":"{text}"}}}}'.encode()
            path = f"/v1/secret/data/tls{i}"
            self.assertStatus(200, self.exchange(wire.request_bytes("POST", path, body, self.vault.token)))
            reply = self.exchange(wire.request_bytes("GET", path, b"", self.vault.token))
            self.assertEqual(text, self.assertStatus(200, reply).data["data"]["k"])
        self.assertGone()


for inherited in [name for name in dir(ResidueTest) if name.startswith("test_")]:
    setattr(TlsTest, inherited, None)  # they have run


if __name__ == "__main__":
    unittest.main()
