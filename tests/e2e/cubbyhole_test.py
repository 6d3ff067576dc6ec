# SPDX-License-Identifier: ISC
"""Each token's own secrets."""

import unittest

import harness


class CubbyholeTest(harness.VaultTest):
    def new_token(self):
        return self.vault.post("auth/token/create", {"policies": ["default"]}).json["auth"]["client_token"]

    def test_data_is_the_object_that_was_written(self):
        self.assertStatus(204, self.vault.post("cubbyhole/a/b", b'{"x": 1.10, "y": ["z"]}'))
        reply = self.assertStatus(200, self.vault.get("cubbyhole/a/b"))
        self.assertIn(b'{"x": 1.10, "y": ["z"]}', reply.raw)
        self.assertEqual((0, "", False), (reply.json["lease_duration"], reply.json["lease_id"], reply.json["renewable"]))

    def test_a_write_takes_the_place_of_the_last(self):
        self.vault.post("cubbyhole/again", {"a": 1})
        self.vault.put("cubbyhole/again", {"b": 2})
        self.assertEqual({"b": 2}, self.vault.get("cubbyhole/again").data)

    def test_nobody_else_can_see_it(self):
        one, other = self.new_token(), self.new_token()
        self.assertStatus(204, self.vault.post("cubbyhole/mine", {"k": "one"}, token=one))
        self.assertStatus(404, self.vault.get("cubbyhole/mine", token=other))
        self.assertStatus(404, self.vault.get("cubbyhole/mine"))
        self.assertStatus(404, self.vault.list("cubbyhole/", token=other))
        self.assertEqual({"k": "one"}, self.vault.get("cubbyhole/mine", token=one).data)

    def test_a_row_handed_to_another_token_is_refused(self):
        one, other = self.new_token(), self.new_token()
        self.vault.post("cubbyhole/moved", {"k": "one"}, token=one)
        self.vault.post("cubbyhole/moved", {"k": "other"}, token=other)
        self.vault.database.query(
            "UPDATE cubbyhole c SET ciphertext = o.ciphertext, id = gen_random_uuid() FROM cubbyhole o "
            "WHERE c.path = 'moved' AND o.path = 'moved' AND o.token_id <> c.token_id"
        )
        self.assertStatus(500, self.vault.get("cubbyhole/moved", token=other))

    def test_it_goes_with_the_token(self):
        token = self.new_token()
        self.vault.post("cubbyhole/gone", {"k": "v"}, token=token)
        self.vault.post("auth/token/revoke", {"token": token})
        self.assertEqual([["0"]], self.vault.database.query("SELECT count(*) FROM cubbyhole WHERE path = 'gone'"))

    def test_folders_are_listed(self):
        token = self.new_token()
        for name in ("f/a", "f/b/c", "f/b/d", "top"):
            self.vault.post("cubbyhole/" + name, {"k": "v"}, token=token)
        self.assertEqual(["f/", "top"], self.vault.list("cubbyhole/", token=token).data["keys"])
        self.assertEqual(["a", "b/"], self.vault.list("cubbyhole/f", token=token).data["keys"])
        self.assertEqual(["b/"], self.vault.list("cubbyhole/f?after=a&limit=1", token=token).data["keys"])
        self.assertStatus(404, self.vault.list("cubbyhole/empty", token=token))

    def test_deleting_twice_is_fine(self):
        self.vault.post("cubbyhole/d", {"k": "v"})
        self.assertStatus(204, self.vault.delete("cubbyhole/d"))
        self.assertStatus(204, self.vault.delete("cubbyhole/d"))
        self.assertStatus(404, self.vault.get("cubbyhole/d"))

    def test_an_empty_write_is_refused(self):
        self.assertStatus(400, self.vault.post("cubbyhole/e", {}))
        self.assertStatus(400, self.vault.post("cubbyhole/e/", {"a": 1}))


if __name__ == "__main__":
    unittest.main()
