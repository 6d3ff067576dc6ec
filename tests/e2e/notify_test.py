# SPDX-License-Identifier: ISC
"""Notices of rotation: at least once, in order, signed, and without a secret in them."""

import glob
import json
import os
import shutil
import tempfile
import time
import unittest
from datetime import datetime, timedelta, timezone

import harness
from notify_receiver import Mail, Webhook, sign
from rotation_target import Target

CONFIG = "rotation {\n  min_interval_s = 1\n}\n"
PASSWORD = "smtp-password-91c7e2"


def in_time(**delta):
    return (datetime.now(timezone.utc) + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


class NotifyTest(harness.VaultTest):
    config = CONFIG
    node_count = 2
    environment = {"ROTUNDA_TEST_NOTIFY_REMIND_MS": "500", "ROTUNDA_TEST_NOTIFY_OVERDUE_MS": "1000"}

    @classmethod
    def setUpClass(cls):
        cls.target = Target()
        super().setUpClass()
        assert cls.vault.post("sys/mounts/rotation", {"type": "rotation"}).status == 204
        assert cls.vault.post("rotation/targets/db", cls.target.settings).status == 204
        cls.trust = tempfile.mkdtemp(prefix="rotunda-notify.")
        os.chmod(cls.trust, 0o755)
        cls.certificate = (os.path.join(cls.trust, "cert.pem"), os.path.join(cls.trust, "key.pem"))
        harness.make_certificate("localhost", *cls.certificate)

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.target.destroy()
        shutil.rmtree(cls.trust)

    # ---- helpers

    def wait_for(self, what, seconds=20):
        deadline = time.monotonic() + seconds * harness.SLOWNESS
        while time.monotonic() < deadline:
            if found := what():
                return found
            time.sleep(0.05)
        return self.fail("waited in vain")

    def webhook(self, name, certificate=None, **more):
        """A receiver, and the notifier for it."""
        receiver = Webhook(certificate)
        receiver.start()
        self.addCleanup(lambda: receiver.server and receiver.stop())
        url = f"https://localhost:{receiver.port}/" if certificate else f"http://127.0.0.1:{receiver.port}/"
        reply = self.vault.post(f"rotation/notifiers/{name}", {"type": "webhook", "url": url, **more})
        receiver.secret = self.assertStatus(200, reply).data["secret"]
        self.addCleanup(lambda: self.vault.delete(f"rotation/notifiers/{name}"))
        return receiver

    def mail_server(self, name, **more):
        server = Mail(self.certificate, ("vault", PASSWORD)).start()
        self.addCleanup(server.stop)
        body = {"type": "smtp", "host": "localhost", "port": server.port, "username": "vault", "password": PASSWORD}
        body.update({"from": "vault@example.com", "ca_file": self.certificate[0], **more})
        self.assertStatus(204, self.vault.post(f"rotation/notifiers/{name}", body))
        self.addCleanup(lambda: self.vault.delete(f"rotation/notifiers/{name}"))
        return server

    def put_credential(self, name, **more):
        self.target.sql(f'CREATE ROLE "{name}" LOGIN')
        body = {"target": "db", "account": name, "interval": "1h", "owner": "team", "purpose": "tests", **more}
        self.assertStatus(204, self.vault.post(f"rotation/credentials/{name}", body))
        self.wait_for(lambda: self.vault.get(f"rotation/creds/{name}").status == 200)
        return name

    def rotate(self, name, times=1):
        for _ in range(times):
            path = f"rotation/credentials/{name}"
            self.wait_for(lambda: self.vault.get(path).data["state"] == "idle")
            reply = self.assertStatus(200, self.vault.post(path + "/rotate"))
            self.assertIsNone(reply.data["error_class"], reply)

    def deliveries(self, name, query=""):
        reply = self.vault.get(f"rotation/notifiers/{name}/deliveries{query}")
        return self.assertStatus(200, reply).data["deliveries"]

    def versions(self, receiver, credential):
        with receiver.lock:
            return [p["data"]["version"] for _, p in receiver.got if p["data"].get("credential") == credential]

    # ---- webhooks

    def test_the_receiver_here_verifies_as_others_do(self):
        # The example that libraries for Standard Webhooks are tested with.
        known = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            b'{"test": 2432232314}',
        )
        self.assertEqual("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", known)

    def test_every_rotation_is_told_in_order_and_signed(self):
        receiver = self.webhook("order", credentials="ord*", events="rotated")
        receiver.faults = [500, "drop", (503, {"Retry-After": "1"}), 429, "slow"]
        for name in ("ord-a", "ord-b"):
            self.put_credential(name)
        self.rotate("ord-a", 3)
        self.rotate("ord-b", 2)
        self.wait_for(lambda: receiver.events().count("rotated") >= 7, 30)
        for name, last in (("ord-a", 4), ("ord-b", 3)):
            told = list(dict.fromkeys(self.versions(receiver, name)))
            self.assertEqual(list(range(1, last + 1)), told)
        self.assertEqual([], receiver.bad)
        payload = receiver.got[-1][1]
        self.assertEqual("rotation.rotated", payload["type"])
        self.assertEqual(("rotation/", "db", "team"), tuple(payload["data"][k] for k in ("mount", "target", "owner")))
        # What was sent again kept its id.
        self.assertLessEqual(len({i for i, _ in receiver.seen}), 7)

    def test_a_receiver_changes_its_key_without_missing_anything(self):
        receiver = self.webhook("keys", credentials="keys*", events="rotated")
        name = self.put_credential("keys-a")
        path = "rotation/notifiers/keys"
        self.wait_for(lambda: len(receiver.got) == 1)
        self.assertIsNone(self.vault.get(path).data["previous_secret_until"])
        old = receiver.secret
        reply = self.assertStatus(200, self.vault.post(path, {"secret": "generate", "secret_overlap": "1h"}))
        self.assertEqual(reply.data["previous_secret_until"], self.vault.get(path).data["previous_secret_until"])
        self.rotate(name)
        self.wait_for(lambda: len(receiver.got) == 2)
        # A request that is repeated takes nothing back.
        self.assertStatus(204, self.vault.post(path, {"secret": reply.data["secret"]}))
        self.assertEqual(reply.data["previous_secret_until"], self.vault.get(path).data["previous_secret_until"])
        receiver.secret = reply.data["secret"]
        self.rotate(name)
        self.wait_for(lambda: len(receiver.got) == 3)
        self.assertEqual(2, len(receiver.signatures))
        # One that leaked signs no more.
        self.assertStatus(204, self.vault.post(path, {"secret": old, "secret_overlap": "0s"}))
        self.assertIsNone(self.vault.get(path).data["previous_secret_until"])
        receiver.secret = old
        self.rotate(name)
        self.wait_for(lambda: len(receiver.got) == 4)
        self.assertEqual(1, len(receiver.signatures))
        self.assertEqual([], receiver.bad)
        for body in ({"secret_overlap": "1h"}, {"secret": "generate", "secret_overlap": "31d"}):
            reply = self.assertStatus(400, self.vault.post(path, body))
            self.assertIn("secret_overlap", reply.json["errors"][0])

    def test_what_was_committed_is_told_after_a_crash(self):
        receiver = self.webhook("crash", credentials="crash*", events="rotated")
        self.put_credential("crash-a")
        self.wait_for(lambda: receiver.got)
        receiver.stop()
        self.rotate("crash-a", 2)
        for node in self.vault.nodes:
            node.kill()
        receiver.start()
        for node in self.vault.nodes:
            self.vault.restart(node)
        self.wait_for(lambda: self.versions(receiver, "crash-a")[-1] == 3)
        self.assertEqual([1, 2, 3], list(dict.fromkeys(self.versions(receiver, "crash-a"))))

    def test_two_nodes_share_the_work(self):
        receivers = [self.webhook(f"shared-{i}", credentials="shared*", events="rotated") for i in range(4)]
        name = self.put_credential("shared-a")
        ids = "SELECT id FROM rotation_notifier WHERE name LIKE 'shared-%'"
        count = f"SELECT count(DISTINCT node) FROM rotation_delivery WHERE node <> '' AND notifier_id IN ({ids})"

        def both_worked():
            self.rotate(name)
            return self.vault.database.query(count) == [["2"]]

        self.wait_for(both_worked, 30)
        last = self.vault.get(f"rotation/creds/{name}").data["version"]
        for receiver in receivers:
            self.wait_for(lambda r=receiver: len(r.got) >= last)
            self.assertEqual(list(range(1, last + 1)), self.versions(receiver, name))  # each once, in order

    def test_another_node_goes_on_when_one_dies_while_it_sends(self):
        receiver = self.webhook("relay", credentials="relay*", events="rotated")
        receiver.faults = ["slow"]
        self.put_credential("relay-a")
        self.wait_for(lambda: receiver.seen)
        holder = self.vault.database.query("SELECT node FROM rotation_delivery WHERE lease_until > now()")[0][0]
        node = next(n for n in self.vault.nodes if n.name == holder)
        node.kill()
        try:
            # As if the lease had passed.
            self.vault.database.query("UPDATE rotation_delivery SET lease_until = now() WHERE lease_until > now()")
            self.wait_for(lambda: len(receiver.got) == 2)
        finally:
            self.vault.restart(node)
        self.assertEqual(1, len({i for i, _ in receiver.got}))  # sent twice, told apart by nothing but its id

    def test_a_receiver_that_hangs_holds_up_neither_sealing_nor_the_end(self):
        receiver = self.webhook("hung", credentials="hung*", events="rotated")
        holder = "SELECT node FROM rotation_delivery WHERE lease_until > now()"
        name = self.put_credential("hung-a")
        self.wait_for(lambda: receiver.got)
        for count, end in enumerate((lambda n: n.stop(), lambda n: n.request("PUT", "sys/seal", token=self.vault.token)), 2):
            receiver.faults = ["hang"]
            self.rotate(name)
            self.wait_for(lambda: receiver.faults == [])
            node = next(n for n in self.vault.nodes if n.name == self.vault.database.query(holder)[0][0])
            began = time.monotonic()
            end(node)
            if node.process is not None:
                self.wait_for(lambda n=node: n.request("GET", "sys/seal-status").json["sealed"], 5)
                self.wait_for(lambda: self.vault.database.query(holder) == [] or len(receiver.got) == count, 5)
            self.assertLess(time.monotonic() - began, 3 * harness.SLOWNESS)
            # Given back, not failed: another node sends it at once.
            self.wait_for(lambda c=count: len(receiver.got) == c, 4)
            if node.process is None:
                node.start()
            self.vault.unseal(node)
        self.assertEqual([1, 2, 3], self.versions(receiver, name))

    def test_a_receiver_that_is_gone_is_left_alone(self):
        receiver = self.webhook("gone", credentials="gone*")
        receiver.always = 410
        self.put_credential("gone-a")
        path = "rotation/notifiers/gone"
        self.wait_for(lambda: not self.vault.get(path).data["enabled"])
        self.assertIn("410", self.vault.get(path).data["disabled_reason"])
        self.assertEqual(1, len(receiver.seen))
        receiver.always = None
        self.assertStatus(204, self.vault.post(path, {"enabled": True}))
        self.wait_for(lambda: "rotated" in receiver.events())

    def test_replay_sends_again_and_to_newcomers(self):
        name = self.put_credential("again-a")
        self.rotate(name)
        fresh = "SELECT count(*) FROM rotation_notice WHERE NOT spread"
        self.wait_for(lambda: self.vault.database.query(fresh) == [["0"]])
        since = in_time(minutes=-5)
        receiver = self.webhook("again", credentials="again*", events="rotated")
        path = "rotation/notifiers/again/replay"
        self.assertEqual(2, self.assertStatus(200, self.vault.post(path, {"from": since})).data["replayed"])
        # What was received and isn't noted yet would be sent a third time: at least once is all that is promised.
        self.wait_for(lambda: [d["state"] for d in self.deliveries("again")] == ["delivered"] * 2)
        self.assertEqual(2, len(receiver.got))
        self.assertEqual(2, self.vault.post(path, {"credential": name}).data["replayed"])
        self.wait_for(lambda: len(receiver.got) == 4)
        self.wait_for(lambda: [d["state"] for d in self.deliveries("again")] == ["delivered"] * 2)
        self.assertEqual([1, 2, 1, 2], self.versions(receiver, name))
        self.assertEqual(2, len({i for i, _ in receiver.got}))
        self.assertEqual(0, self.vault.post(path, {"state": "parked"}).data["replayed"])
        page = self.vault.get("rotation/notifiers/again/deliveries?limit=1&state=delivered").data
        rest = self.deliveries("again", f"?after={page['next']}")
        self.assertEqual([1, 1], [len(page["deliveries"]), len(rest)])
        self.assertEqual(("rotated", "delivered", 204), tuple(rest[0][k] for k in ("event", "state", "status")))
        for body in ({}, {"from": "yesterday"}, {"from": since, "to": in_time(days=-9)}, {"credential": name, "x": 1}):
            self.assertStatus(400, self.vault.post(path, body))

    def test_the_receiver_must_prove_who_it_is(self):
        receiver = self.webhook("tls", self.certificate, credentials="tls*")
        path = "rotation/notifiers/tls"
        answer = self.assertStatus(200, self.vault.post(path + "/test")).data
        self.assertFalse(answer["delivered"])
        self.assertIn("certificate", answer["error"])
        self.assertEqual([], receiver.seen)
        self.assertStatus(204, self.vault.post(path, {"ca_file": self.certificate[0]}))
        self.assertTrue(self.vault.post(path + "/test").data["delivered"])
        self.assertEqual(["test"], receiver.events())
        other = f"https://127.0.0.1:{receiver.port}/"  # not the certificate's name
        self.assertStatus(204, self.vault.post(path, {"url": other}))
        self.assertFalse(self.vault.post(path + "/test").data["delivered"])

    def test_no_redirect_and_no_metadata_service(self):
        receiver = self.webhook("tricks")
        path = "rotation/notifiers/tricks"
        receiver.always = (302, {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"})
        answer = self.vault.post(path + "/test").data
        self.assertEqual((False, 302), (answer["delivered"], answer["status"]))
        self.assertEqual(1, len(receiver.seen))
        for host in ("169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "0.0.0.0", "[64:ff9b::a9fe:a9fe]"):
            self.assertStatus(204, self.vault.post(path, {"url": f"https://{host}/latest/meta-data"}))
            answer = self.vault.post(path + "/test").data
            self.assertIn("refused", answer["error"], host)

    # ---- mail

    def test_owners_get_mail(self):
        server = self.mail_server("mail", credentials="mail*", events="rotated,blocked")
        server.faults = ["450 later", "drop"]
        self.put_credential("mail-a", owner="ann@example.com", purpose="x")
        self.put_credential("mail-b", owner="nobody at all")
        self.wait_for(lambda: server.got)
        sender, recipient, message = server.got[0]
        self.assertIn("<vault@example.com>", sender)
        self.assertIn("<ann@example.com>", recipient)
        self.assertEqual("[Rotunda] mail-a: rotated", message["Subject"])
        self.assertEqual("auto-generated", message["Auto-Submitted"])
        self.assertTrue(message["Message-ID"].endswith("@example.com>"))
        self.assertIn("Owner: ann@example.com\r\n", message.get_payload())
        self.assertEqual((1, 0), (server.dropped, server.plain_logins))
        status = self.assertStatus(200, self.vault.get("rotation/status")).data
        unowned = [c["name"] for c in status["without_notice"]]
        self.assertIn("mail-b", unowned)
        self.assertNotIn("mail-a", unowned)
        server.faults = ["550 no such user"]
        self.rotate("mail-a")
        parked = self.wait_for(lambda: self.deliveries("mail", "?state=parked"))
        self.assertEqual((550, 1), (parked[0]["status"], len(parked)))
        self.assertEqual(1, self.vault.get("rotation/status").data["deliveries_parked"])
        self.assertEqual(1, self.vault.post("rotation/notifiers/mail/replay", {"state": "parked"}).data["replayed"])
        self.wait_for(lambda: len(server.got) == 2)

    def test_mail_needs_tls_and_the_right_login(self):
        server = self.mail_server("login", to="ops@example.com", credentials="nobody")
        path = "rotation/notifiers/login"
        self.assertTrue(self.vault.post(path + "/test").data["delivered"])
        server.certificate = None  # somebody strips STARTTLS
        answer = self.vault.post(path + "/test").data
        self.assertFalse(answer["delivered"])
        server.certificate = self.certificate
        self.assertStatus(400, self.vault.post(path, {"username": "other"}))
        self.assertStatus(204, self.vault.post(path, {"username": "other", "password": "wrong"}))
        answer = self.vault.post(path + "/test").data
        self.assertFalse(answer["delivered"])
        self.assertEqual(0, server.plain_logins)
        self.assertEqual(1, len(server.got))

    # ---- reminders

    def test_owners_are_reminded_once(self):
        receiver = self.webhook("dates", credentials="date*", events="expiring,expired,due,overdue")
        self.put_credential("date-30", expires_at=in_time(days=20))
        self.put_credential("date-1", expires_at=in_time(hours=20))
        self.put_credential("date-0", expires_at=in_time(seconds=2))
        self.put_credential("date-due", interval="10d")
        told = lambda: {(p["data"]["credential"], p["data"]["event"]) for _, p in receiver.got}
        expected = {("date-30", "expiring"), ("date-1", "expiring"), ("date-0", "expired")}
        self.wait_for(lambda: expected <= told())
        time.sleep(1.5)
        counts = [(p["data"]["credential"], p["data"]["event"]) for _, p in receiver.got]
        self.assertEqual(len(counts), len(set(counts)), counts)
        self.assertNotIn(("date-due", "due"), told())  # ten days ahead of ten days
        self.assertEqual(2, self.vault.get("rotation/status").data["expiring"])
        self.assertStatus(204, self.vault.post("rotation/credentials/date-30", {"expires_at": in_time(days=5)}))
        self.wait_for(lambda: receiver.events("date-30").count("expiring") == 2)

    def test_rotations_are_announced_where_somebody_wants_that(self):
        self.webhook("coming", credentials="coming", events="due")
        name = self.put_credential("coming", interval="60d")
        for days, interval_d, expected in (
            ("31", 60, []), ("29", 60, ["30d"]), ("29", 59, []), ("6", 14, ["7d"]), ("6", 13, []), ("0.9", 2, ["1d"]),
            ("-1", 60, []),
        ):  # undone before the vault sees it
            rows = self.vault.database.query(
                f"BEGIN; UPDATE rotation_credential SET next_rotation_at = now() + {days} * interval '1 day',"
                f" interval_s = {interval_d} * 86400 WHERE name = '{name}';"
                " SELECT split_part(r.once, ':', 1) FROM rotation_reminders(3600000000, 100) r JOIN rotation_credential c"
                f" ON c.id = r.credential_id WHERE r.event = 'due' AND c.name = '{name}'; ROLLBACK"
            )
            self.assertEqual([[e] for e in expected], rows, (days, interval_d))

    def test_failures_are_told_once(self):
        receiver = self.webhook("fails", credentials="fail*", events="failing,overdue,blocked")
        name = self.put_credential("fail-a")
        self.target.stop()
        self.vault.post(f"rotation/credentials/{name}/rotate", {"timeout": "0s"})
        try:
            self.wait_for(lambda: "failing" in receiver.events(name))
            with receiver.lock:
                failing = [p["data"] for _, p in receiver.got if p["data"]["event"] == "failing"]
            self.assertEqual("unreachable", failing[0]["error_class"])
            time.sleep(2)
            self.assertEqual(1, receiver.events(name).count("failing"))
        finally:
            self.target.start()
        self.wait_for(lambda: self.vault.get(f"rotation/credentials/{name}").data["state"] == "idle", 40)

    # ---- input

    def test_bad_fields_are_explained(self):
        hook = {"type": "webhook", "url": "https://example.com/x"}
        smtp = {"type": "smtp", "host": "mail.example.com", "from": "v@example.com"}
        bad = [
            (hook, "type", ["", "sms", 5, None, ["webhook"]]),
            (hook, "url", ["", "ftp://x/", "http://example.com/", "https://u:p@x/", "https://x/#f", "https://",
                           "https://x y/", "https://x/\r\nHost: y", "https://x:99999/", "https://[::1/", 5, {},
                           "https://x/" + "a" * 3000, "https://b\u00fccher.example/"]),
            (hook, "secret", ["short", "whsec_", "whsec_AAAA", "whsec_!!!!", "whsec_" + "A" * 400, 7]),
            (hook, "events", ["nothing", ["rotated", 5], {"a": 1}, ["rotated"] * 99]),
            (hook, "credentials", ["a b", "../x", ["%"], "x" * 200, ["a"] * 100]),
            (hook, "owner", ["x" * 300, 5]),
            (hook, "ca_file", ["relative.pem", "/" + "x" * 300, 5]),
            (hook, "enabled", ["perhaps", 7]),
            (hook, "username", ["unknown field here"]),
            (smtp, "host", ["", "a b", "a/b", "mail:25", "-x", "x" * 300, 5]),
            (smtp, "port", [0, -1, 65536, "x"]),
            (smtp, "tls", ["none", "ssl", 5]),
            (smtp, "from", ["", "nobody", "a@b\r\nBcc: c@d", "a b@c", "<a@b>", "a@b,c@d", "a@" + "x" * 300]),
            (smtp, "to", ["x", "a@b\nX: y", "a@b, c@d"]),
            (smtp, "username", ["x"]),
            (smtp, "password", ["only a password", "x" * 2000]),
            (smtp, "url", ["https://example.com/"]),
        ]
        for base, field, values in bad:
            for value in values:
                reply = self.vault.post("rotation/notifiers/bad", {**base, field: value})
                self.assertEqual(400, reply.status, (field, value, reply))
                self.assertTrue(reply.errors[0], (field, value))
        self.assertStatus(400, self.vault.post("rotation/notifiers/..%2fx", hook))
        self.assertStatus(400, self.vault.post("rotation/notifiers/bad", b'{"type":"webhook","type":"smtp"}'))
        self.assertStatus(404, self.vault.get("rotation/notifiers/bad"))
        self.assertStatus(404, self.vault.post("rotation/notifiers/bad/test"))
        self.webhook("taken")
        self.assertStatus(400, self.vault.post("rotation/notifiers/taken", smtp))
        for query in ("limit=0", "limit=x", "after=-1", "state=lost"):
            self.assertStatus(400, self.vault.get(f"rotation/notifiers/taken/deliveries?{query}"))
        self.assertIn("taken", self.vault.list("rotation/notifiers").data["keys"])

    def test_altered_rows_send_nothing(self):
        receiver = self.webhook("altered", credentials="alter*", events="rotated")
        other = Webhook().start()
        self.addCleanup(other.stop)
        name = self.put_credential("alter-a")
        self.wait_for(lambda: receiver.got)
        receiver.always = 500
        self.rotate(name)
        self.wait_for(lambda: self.deliveries("altered", "?state=waiting"))
        query = self.vault.database.query
        query(f"UPDATE rotation_notice SET payload = replace(payload, '\"team\"', '\"mallory\"') WHERE credential = '{name}'"
              " AND version = 2 AND event = 'rotated'")
        parked = self.wait_for(lambda: self.deliveries("altered", "?state=parked"))
        self.assertIn("altered", parked[0]["error"])
        query(f"UPDATE rotation_notifier SET url = 'http://127.0.0.1:{other.port}/' WHERE name = 'altered'")
        self.rotate(name)
        time.sleep(1.5)
        self.assertEqual([], other.seen)
        query("DELETE FROM rotation_notifier WHERE name = 'altered'")

    def test_keys_outlive_a_rotation_of_the_data_key(self):
        receiver = self.webhook("resealed", credentials="none-of-them")
        epoch = "SELECT key_epoch FROM rotation_notifier WHERE name = 'resealed'"
        before = int(self.vault.database.query(epoch)[0][0])
        self.assertStatus(204, self.vault.post("sys/rotate"))
        self.wait_for(lambda: int(self.vault.database.query(epoch)[0][0]) > before)
        self.assertTrue(self.vault.post("rotation/notifiers/resealed/test").data["delivered"])
        self.assertEqual(([], ["test"]), (receiver.bad, receiver.events()))

    # ---- nothing secret

    def test_secrets_stay_where_they_belong(self):
        receiver = self.webhook("quiet", credentials="quiet*")
        server = self.mail_server("quiet-mail", to="ops@example.com", credentials="quiet*")
        name = self.put_credential("quiet-a")
        self.rotate(name)
        self.wait_for(lambda: len(receiver.got) >= 2 and len(server.got) >= 2)
        served = self.vault.get(f"rotation/creds/{name}").data["password"]
        secrets = [PASSWORD, receiver.secret, receiver.secret.removeprefix("whsec_"), served]
        told = json.dumps([p for _, p in receiver.seen]) + "".join(m.as_string() for _, _, m in server.got)
        logs = "".join(node.read_log() for node in self.vault.nodes)
        tables = "".join(
            str(self.vault.database.query(f"SELECT t::text FROM {t} t"))
            for t in ("rotation_notice", "rotation_delivery", "rotation_notifier", "audit_record")
        )
        read = json.dumps(self.vault.get("rotation/notifiers/quiet").json)
        read += json.dumps(self.vault.get("rotation/notifiers/quiet-mail").json)
        arguments = ""
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, encoding="utf-8", errors="replace") as f:
                    arguments += f.read()
            except OSError:
                continue
        for secret in secrets:
            for place in (told, logs, tables, read, arguments):
                self.assertNotIn(secret, place)


if __name__ == "__main__":
    unittest.main()
