# SPDX-License-Identifier: ISC
"""What the tests of bad input share: it is refused clearly, leaves nothing behind, and the next
request is served."""

import harness
import wire


class BadInputTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        reply = cls.vault.post("sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
        assert reply.status == 204, reply

    def raw(self, method, target, body=b"", token=None, headers=()):
        """With the root token, unless another or "" is given."""
        use = self.vault.token if token is None else token
        return wire.exchange(self.vault.node, wire.request_bytes(method, target, body, use or None, headers))

    def stored(self):
        tables = ("kv_head", "kv_version", "cubbyhole", "token", "policy", "mount", "effect")
        return self.vault.database.query(" UNION ALL ".join(f"SELECT '{t}', count(*) FROM {t}" for t in tables))

    def assertServes(self):
        self.assertStatus(200, self.vault.get("sys/mounts"))

    def assertError(self, status, message, reply):
        """The message is the answer's only error, or its beginning when it ends in "...":"""
        self.assertIsNotNone(reply, "closed without an answer")
        self.assertStatus(status, reply)
        self.assertEqual("application/json", reply.headers["content-type"])
        self.assertEqual(1, len(reply.errors), reply)
        if message.endswith("..."):
            self.assertTrue(reply.errors[0].startswith(message[:-3]), reply)
        else:
            self.assertEqual(message, reply.errors[0])

    def assertLeavesNothing(self, act):
        before = self.stored()
        act()
        self.assertEqual(before, self.stored())
        self.assertServes()
