# SPDX-License-Identifier: ISC
"""auth/token: what clients rely on, and one test for each known hole that touches tokens."""

import concurrent.futures
import time
import unittest

import harness

ISSUER = """
path "auth/token/create" { capabilities = ["update"] }
path "auth/token/create-orphan" { capabilities = ["update"] }
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
"""
FOREVER_S = 768 * 3600


class TokenTest(harness.VaultTest):
    def create(self, body=None, token=None, path="create"):
        reply = self.vault.post(f"auth/token/{path}", body or {}, token=token)
        return self.assertStatus(200, reply).json["auth"]

    def token(self, body=None, token=None, path="create"):
        return self.create(body, token, path)["client_token"]

    def limited(self, **more):
        """A token of the policy `default` only."""
        return self.create({"policies": ["default"], **more})

    def look_up(self, token):
        return self.assertStatus(200, self.vault.get("auth/token/lookup-self", token=token)).data

    def assertDead(self, token):
        self.assertStatus(403, self.vault.get("auth/token/lookup-self", token=token))

    def assertRefused(self, message, reply):
        self.assertStatus(400, reply)
        self.assertEqual([message], reply.errors)

    def at_once(self, count, ask):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return [reply.status for reply in pool.map(lambda _: ask(), range(count))]

    def accessors(self):
        return self.assertStatus(200, self.vault.list("auth/token/accessors")).data["keys"]


class CreateTest(TokenTest):
    def test_answers_the_auth_envelope(self):
        reply = self.vault.post(
            "auth/token/create",
            {"policies": ["default"], "ttl": "1h", "meta": {"app": "shop"}, "num_uses": 3},
        )
        self.assertStatus(200, reply)
        auth = reply.json["auth"]
        self.assertRegex(auth["client_token"], r"^hvs\.[0-9A-Za-z]{24}$")
        self.assertRegex(auth["accessor"], r"^[0-9A-Za-z]{24}$")
        self.assertIsNone(reply.json["data"])
        del auth["client_token"], auth["accessor"]
        self.assertEqual(
            {
                "policies": ["default"],
                "token_policies": ["default"],
                "identity_policies": [],
                "metadata": {"app": "shop"},
                "lease_duration": 3600,
                "renewable": True,
                "entity_id": "",
                "token_type": "service",
                "orphan": False,
                "mfa_requirement": None,
                "num_uses": 3,
            },
            auth,
        )

    def test_warns_of_a_policy_that_does_not_exist(self):
        reply = self.vault.post("auth/token/create", {"policies": ["nothing"]})
        self.assertEqual(['Policy "nothing" does not exist'], reply.json["warnings"])

    def test_a_ttl_beyond_the_maximum_is_capped_with_a_warning(self):
        reply = self.vault.post("auth/token/create", {"policies": ["default"], "ttl": "10000h"})
        self.assertEqual(FOREVER_S, reply.json["auth"]["lease_duration"])
        self.assertEqual(1, len(reply.json["warnings"]))

    def test_names_the_parameter_that_is_wrong(self):
        reply = self.vault.post("auth/token/create", {"ttl": {"a": 1}})
        self.assertStatus(400, reply)
        self.assertTrue(reply.errors[0].startswith("ttl: "), reply)

    def test_batch_tokens_are_refused_clearly(self):
        reply = self.vault.post("auth/token/create", {"type": "batch"})
        self.assertRefused('type: batch tokens are not supported, ask for "service"', reply)

    def test_a_custom_id_works_once(self):
        body = {"id": "a-token-of-my-own", "policies": ["default"]}
        self.assertEqual("a-token-of-my-own", self.token(body))
        self.assertEqual("a-token-of-my-own", self.look_up("a-token-of-my-own")["id"])
        reply = self.vault.post("auth/token/create", body)
        self.assertRefused("cannot create a token with a duplicate ID", reply)

    def test_policies_stay_within_the_callers(self):
        self.vault.token_with(ISSUER, "issuer")
        caller = self.token({"policies": ["issuer"]})
        auth = self.create({}, caller)
        self.assertEqual(["default", "issuer"], auth["policies"])
        self.assertEqual(["default"], self.create({"policies": ["default"]}, caller)["policies"])
        reply = self.vault.post("auth/token/create", {"policies": ["other"]}, token=caller)
        self.assertRefused("child policies must be subset of parent", reply)

    def test_sudo_is_needed_for_orphans_periods_and_ids(self):
        caller = self.vault.token_with(ISSUER, "issuer")
        for body in ({"no_parent": True}, {"period": "1h"}, {"id": "mine"}):
            self.assertStatus(400, self.vault.post("auth/token/create", body, token=caller))
        self.assertTrue(self.create({}, caller, "create-orphan")["orphan"])

    def test_nobody_creates_without_the_capability(self):
        reply = self.vault.post("auth/token/create", {}, token=self.limited()["client_token"])
        self.assertStatus(403, reply)

    def test_counted_uses_run_out(self):
        auth = self.limited(num_uses=3)
        token = auth["client_token"]
        self.assertEqual([2, 1, -1], [self.look_up(token)["num_uses"] for _ in range(3)])
        self.assertDead(token)
        reply = self.vault.post("auth/token/lookup-accessor", {"accessor": auth["accessor"]})
        self.assertRefused("invalid accessor", reply)

    def test_the_last_use_is_granted_once(self):
        token = self.limited(num_uses=1)["client_token"]
        codes = self.at_once(8, lambda: self.vault.get("auth/token/lookup-self", token=token))
        self.assertEqual(1, codes.count(200), codes)

    def test_a_bound_token_works_from_its_addresses_only(self):
        here = self.limited(bound_cidrs=["127.0.0.0/8"])["client_token"]
        self.assertEqual(["127.0.0.0/8"], self.look_up(here)["bound_cidrs"])
        self.assertDead(self.limited(bound_cidrs=["192.0.2.0/24"])["client_token"])


class LookupTest(TokenTest):
    def test_answers_what_clients_read(self):
        auth = self.limited(ttl="1h", explicit_max_ttl="2h", meta={"a": "b"}, display_name="app 1")
        data = self.look_up(auth["client_token"])
        self.assertAlmostEqual(3600, data.pop("ttl"), delta=5)
        self.assertAlmostEqual(time.time(), data.pop("creation_time"), delta=60)
        self.assertRegex(data.pop("issue_time"), r"^\d{4}-\d\d-\d\dT.*Z$")
        self.assertRegex(data.pop("expire_time"), r"^\d{4}-\d\d-\d\dT.*Z$")
        self.assertEqual(
            {
                "accessor": auth["accessor"],
                "creation_ttl": 3600,
                "display_name": "token-app-1",
                "entity_id": "",
                "explicit_max_ttl": 7200,
                "id": auth["client_token"],
                "meta": {"a": "b"},
                "num_uses": 0,
                "orphan": False,
                "path": "auth/token/create",
                "policies": ["default"],
                "renewable": True,
                "type": "service",
            },
            data,
        )

    def test_the_root_token_never_expires(self):
        data = self.look_up(self.vault.token)
        self.assertEqual((None, 0, False), (data["expire_time"], data["ttl"], data["renewable"]))

    def test_get_looks_the_caller_up(self):
        auth = self.limited()
        reply = self.vault.get("auth/token/lookup", token=self.vault.token)
        self.assertEqual(["root"], self.assertStatus(200, reply).data["policies"])
        self.assertStatus(403, self.vault.get("auth/token/lookup", token=auth["client_token"]))

    def test_by_accessor_does_not_reveal_the_id(self):
        auth = self.limited()
        reply = self.vault.post("auth/token/lookup-accessor", {"accessor": auth["accessor"]})
        self.assertEqual("", self.assertStatus(200, reply).data["id"])
        self.assertNotIn(auth["client_token"], reply.text)

    def test_of_another_token_needs_the_policy(self):
        mine, other = self.limited(), self.limited()
        for path, body in (
            ("lookup", {"token": other["client_token"]}),
            ("lookup-accessor", {"accessor": other["accessor"]}),
        ):
            reply = self.vault.post(f"auth/token/{path}", body, token=mine["client_token"])
            self.assertStatus(403, reply)
            self.assertNotIn(other["accessor"], reply.text)

    def test_unknown_ones_are_told_apart(self):
        self.assertStatus(403, self.vault.post("auth/token/lookup", {"token": "hvs.unknown"}))
        for accessor in ("unknown", "x" * 1000, "\ud83d\ude00"):
            reply = self.vault.post("auth/token/lookup-accessor", {"accessor": accessor})
            self.assertRefused("invalid accessor", reply)
        self.assertRefused("missing accessor", self.vault.post("auth/token/lookup-accessor", {}))

    def test_accessors_are_listed_in_pages(self):
        made = {self.limited()["accessor"] for _ in range(3)}
        everything = self.accessors()
        self.assertTrue(made <= set(everything))
        self.assertEqual(sorted(everything), everything)
        page = self.vault.list("auth/token/accessors?limit=2").data["keys"]
        self.assertEqual(everything[:2], page)
        rest = self.vault.list(f"auth/token/accessors?limit=2&after={page[1]}").data["keys"]
        self.assertEqual(everything[2:4], rest)

    def test_accessors_need_sudo(self):
        caller = self.vault.token_with('path "auth/token/accessors" { capabilities = ["list"] }', "lister")
        self.assertStatus(403, self.vault.list("auth/token/accessors", token=caller))


class RenewTest(TokenTest):
    def renew(self, body, path="renew", **more):
        return self.vault.post(f"auth/token/{path}", body, **more)

    def test_each_way_of_naming_a_token_renews_it(self):
        auth = self.limited(ttl="1h")
        token, accessor = auth["client_token"], auth["accessor"]
        for path, body, caller, told in (
            ("renew", {"token": token, "increment": "2h"}, None, token),
            ("renew-self", {"increment": 7200}, token, token),
            ("renew-accessor", {"accessor": accessor, "increment": "7200s"}, None, ""),
        ):
            renewed = self.assertStatus(200, self.renew(body, path, token=caller)).json["auth"]
            self.assertEqual((told, accessor), (renewed["client_token"], renewed["accessor"]))
            self.assertEqual(7200, renewed["lease_duration"])
            self.assertAlmostEqual(7200, self.look_up(token)["ttl"], delta=5)
            self.assertStatus(200, self.renew({"token": token}))
            self.assertAlmostEqual(3600, self.look_up(token)["ttl"], delta=5)

    def test_a_periodic_token_renews_to_its_period(self):
        token = self.limited(period="10m")["client_token"]
        renewed = self.renew({"increment": "5h"}, "renew-self", token=token).json["auth"]
        self.assertEqual(600, renewed["lease_duration"])
        self.assertEqual(600, self.look_up(token)["period"])

    def test_what_can_not_be_renewed_is_refused(self):
        fixed = self.limited(renewable=False)["client_token"]
        for token in (fixed, self.vault.token):
            self.assertRefused("lease is not renewable", self.renew({"token": token}))
        self.assertRefused("token not found", self.renew({"token": "hvs.unknown"}))
        self.assertRefused("missing token ID", self.renew({}))

    def test_concurrent_renewals_all_succeed(self):
        token = self.limited(ttl="1h")["client_token"]
        codes = self.at_once(40, lambda: self.renew({}, "renew-self", token=token))
        self.assertEqual({200}, set(codes))
        self.look_up(token)

    def test_hole_2_cve_2021_32923_renewal_at_the_max_ttl_never_becomes_immortal(self):
        auth = self.limited(ttl="2s", explicit_max_ttl="3s")
        token, accessor = auth["client_token"], auth["accessor"]
        renewed = 0
        while self.renew({"increment": "1h"}, "renew-self", token=token).status == 200:
            renewed += 1
            time.sleep(0.05)
        self.assertGreater(renewed, 10)
        self.assertDead(token)
        self.assertRefused("invalid accessor", self.renew({"accessor": accessor}, "renew-accessor"))

    def test_an_altered_row_is_refused_rather_than_renewed(self):
        auth = self.limited(ttl="1h")
        self.vault.database.query(
            f"UPDATE token SET policies = '{{root}}' WHERE accessor = '{auth['accessor']}'"
        )
        for path in ("lookup-accessor", "renew-accessor"):
            self.assertStatus(500, self.renew({"accessor": auth["accessor"]}, path))
        self.assertStatus(500, self.vault.get("auth/token/lookup-self", token=auth["client_token"]))


class TidyTest(TokenTest):
    def test_there_is_nothing_to_tidy(self):
        reply = self.assertStatus(202, self.vault.post("auth/token/tidy"))
        self.assertEqual(1, len(reply.json["warnings"]))
        self.assertStatus(403, self.vault.post("auth/token/tidy", token=self.limited()["client_token"]))


class RevokeTest(TokenTest):
    def revoke(self, body, path="revoke", **more):
        return self.assertStatus(204, self.vault.post(f"auth/token/{path}", body, **more))

    def test_each_way_of_naming_a_token_revokes_it(self):
        for path in ("revoke", "revoke-accessor", "revoke-self", "revoke-orphan"):
            auth = self.limited()
            body = {"token": auth["client_token"], "accessor": auth["accessor"]}
            self.revoke(body, path, token=auth["client_token"] if path == "revoke-self" else None)
            self.assertDead(auth["client_token"])

    def test_takes_children_and_their_children(self):
        top = self.token()
        middle = self.token({}, top)
        leaf = self.token({"policies": ["default"]}, middle)
        orphan = self.token({"policies": ["default"]}, middle, "create-orphan")
        self.revoke({"token": top})
        for dead in (top, middle, leaf):
            self.assertDead(dead)
        self.look_up(orphan)

    def test_revoke_orphan_leaves_children_alive_and_whole(self):
        top = self.token()
        child = self.token({}, top)
        leaf = self.token({}, child)
        self.revoke({"token": top}, "revoke-orphan")
        self.assertDead(top)
        self.assertTrue(self.look_up(child)["orphan"])
        self.assertFalse(self.look_up(leaf)["orphan"])
        self.revoke({"token": child})
        self.assertDead(leaf)

    def test_revoke_orphan_needs_sudo(self):
        caller = self.vault.token_with('path "auth/token/*" { capabilities = ["update"] }', "reviser")
        victim = self.limited()["client_token"]
        self.assertStatus(403, self.vault.post("auth/token/revoke-orphan", {"token": victim}, token=caller))
        self.look_up(victim)

    def test_unknown_tokens_are_as_good_as_revoked(self):
        self.revoke({"token": "hvs.unknown"})
        reply = self.assertStatus(200, self.vault.post("auth/token/revoke-accessor", {"accessor": "unknown"}))
        self.assertEqual(["No token found with this accessor"], reply.json["warnings"])
        self.assertRefused("missing token ID", self.vault.post("auth/token/revoke", {}))

    def test_needs_the_policy(self):
        victim = self.limited()["client_token"]
        caller = self.limited()["client_token"]
        self.assertStatus(403, self.vault.post("auth/token/revoke", {"token": victim}, token=caller))
        self.look_up(victim)

    def test_concurrent_revocations_of_oneself_all_end(self):
        token = self.limited()["client_token"]
        codes = self.at_once(8, lambda: self.vault.post("auth/token/revoke-self", {}, token=token))
        self.assertEqual({204, 403}, set(codes) | {403})
        self.assertDead(token)

    def grow(self, accessor, sql):
        """Rows below the token with this accessor, made by the database: only they need no MAC."""
        self.vault.database.query(
            f"""CREATE TEMP TABLE top AS SELECT * FROM token WHERE accessor = '{accessor}'; {sql};
            INSERT INTO token SELECT made.id, top.namespace_id, uuid_send(made.id), made.id::text,
              made.parent, type, policies, path, display_name, meta, role, bound_cidrs, orphan,
              renewable, created_at, ttl_s, period_s, explicit_max_ttl_s, expires_at, num_uses,
              row_version, mac, uses_left FROM made, top ORDER BY n"""
        )

    def count(self):
        return int(self.vault.database.query("SELECT count(*) FROM token")[0][0])

    def test_a_long_line_of_descendants_goes_at_once(self):
        before = self.count()
        auth = self.limited()
        self.grow(
            auth["accessor"],
            """CREATE TEMP TABLE made AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, 20000) n;
            ALTER TABLE made ADD parent uuid; CREATE INDEX ON made (n);
            UPDATE made SET parent = coalesce((SELECT p.id FROM made p WHERE p.n = made.n - 1),
                                              (SELECT id FROM top))""",
        )
        self.assertEqual(before + 20001, self.count())
        self.revoke({"token": auth["client_token"]})
        self.assertEqual(before, self.count())

    def test_many_children_go_at_once(self):
        before = self.count()
        auth = self.limited()
        self.grow(
            auth["accessor"],
            "CREATE TEMP TABLE made AS SELECT n, gen_random_uuid() AS id, top.id AS parent "
            "FROM top, generate_series(1, 20000) n",
        )
        self.revoke({"accessor": auth["accessor"]}, "revoke-accessor")
        self.assertEqual(before, self.count())

    def test_leaves_an_audit_record_of_who_did_it(self):
        auth = self.limited()
        self.revoke({"accessor": auth["accessor"]}, "revoke-accessor")
        root = self.look_up(self.vault.token)["accessor"]
        rows = self.vault.database.query(
            "SELECT accessor, result, effect FROM audit_record "
            "WHERE path = 'auth/token/revoke-accessor' ORDER BY time DESC LIMIT 1"
        )
        self.assertEqual([[root, "204", "t"]], rows)
        self.assertEqual([["0"]], self.vault.database.query("SELECT count(*) FROM effect"))


class ExpiryTest(TokenTest):
    def gone(self, accessor):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if not self.vault.database.query(f"SELECT 1 FROM token WHERE accessor = '{accessor}'"):
                return True
            time.sleep(0.1)
        return False

    def test_an_expired_token_is_refused_at_once(self):
        token = self.limited(ttl="1s")["client_token"]
        time.sleep(1.01)
        self.assertDead(token)

    def test_expired_tokens_go_with_their_children_and_are_recorded(self):
        parent = self.create({"ttl": "1s"})
        child = self.create({"policies": ["default"], "ttl": "1h"}, parent["client_token"])
        self.assertTrue(self.gone(parent["accessor"]))
        self.assertDead(child["client_token"])
        rows = self.vault.database.query(
            "SELECT actor, operation, effect, detail FROM audit_record "
            "WHERE path = 'auth/token/expire' ORDER BY time DESC LIMIT 1"
        )
        self.assertEqual(["system", "expire", "t"], rows[0][:3])
        self.assertRegex(rows[0][3], r'^\{"count":[1-9][0-9]*\}$')

    def test_used_up_tokens_go_after_a_grace(self):
        auth = self.limited(num_uses=1)
        self.look_up(auth["client_token"])
        query = f"FROM token WHERE accessor = '{auth['accessor']}'"
        deadline = time.monotonic() + 10
        while self.vault.database.query(f"SELECT 1 {query} AND used_up_at IS NULL"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertTrue(self.vault.database.query(f"SELECT 1 {query}"))
        self.vault.database.query(
            f"UPDATE token SET used_up_at = used_up_at - interval '1 hour' WHERE accessor = '{auth['accessor']}'"
        )
        self.assertTrue(self.gone(auth["accessor"]))

    def test_goes_on_after_sealing_and_unsealing(self):
        auth = self.limited(ttl="1s")
        self.assertStatus(204, self.vault.put("sys/seal"))
        self.vault.unseal(self.vault.node)
        self.assertTrue(self.gone(auth["accessor"]))


class KnownHolesTest(TokenTest):
    node_count = 2

    def test_hole_7_cve_2025_5999_names_like_root_grant_nothing(self):
        self.vault.token_with(
            'path "auth/token/create" { capabilities = ["update", "sudo"] }', "maker"
        )
        caller = self.token({"policies": ["maker"]})
        for name in ("root", "Root", "ROOT", " root", "root ", "root\t", "root/", "./root"):
            reply = self.vault.post("auth/token/create", {"policies": [name]}, token=caller)
            self.assertStatus(400, reply)
        made = self.create({"policies": ["MAKER"]}, caller)
        self.assertEqual(["default", "maker"], made["policies"])

    def test_hole_15_cve_2026_40264_a_token_of_another_namespace_does_not_exist(self):
        auth = self.limited()
        where = f"WHERE accessor = '{auth['accessor']}'"
        db = self.vault.database
        db.query(f"INSERT INTO namespace VALUES (2, 'other/'); UPDATE token SET namespace_id = 2 {where}")
        # The statement of the revocation by itself, as for a caller of the root namespace.
        caller = self.look_up(self.vault.token)["accessor"]
        code = db.query(
            f"""SELECT token_revoke((SELECT id FROM token WHERE accessor = '{caller}'),
                (SELECT epoch FROM vault_epoch), gen_random_uuid(), 0, 1, '', '', '', '',
                (SELECT id FROM token {where}), 10)"""
        )
        self.assertEqual([["0"]], code)
        self.assertEqual([["1"]], db.query(f"SELECT count(*) FROM token {where}"))
        self.vault.post("auth/token/revoke-accessor", {"accessor": auth["accessor"]})
        self.assertEqual([["1"]], db.query(f"SELECT count(*) FROM token {where}"))
        self.assertNotIn(auth["accessor"], self.accessors())
        db.query("DELETE FROM effect")

    def test_hole_19_cve_2026_46405_a_refused_create_issues_nothing(self):
        before = self.accessors()
        self.token({"id": "taken-already", "policies": ["default"]})
        between = self.accessors()
        self.assertEqual(len(before) + 1, len(between))
        for body in (
            {"id": "taken-already"},
            {"policies": ["a\nb"]},
            {"ttl": "never"},
            {"type": "batch"},
            {"meta": {"a": 1}},
        ):
            reply = self.assertStatus(400, self.vault.post("auth/token/create", body))
            self.assertEqual({"errors"}, set(reply.json))
        self.assertEqual(between, self.accessors())

    def test_hole_20_ghsa_34fc_tokens_are_found_by_a_keyed_hash_and_stored_nowhere(self):
        token = self.limited()["client_token"]
        for wrong in (token[:-1], token[:-1] + ("a" if token[-1] != "a" else "b"), token + "a", token.lower()):
            self.assertDead(wrong)
        dump = self.vault.database.query("SELECT t::text FROM token t") + self.vault.database.query(
            "SELECT r::text FROM audit_record r"
        )
        self.assertNotIn(token, str(dump))
        self.assertNotIn(token.encode().hex(), str(dump))

    def test_hole_26_2018_a_child_made_while_its_parent_is_revoked_is_not_immortal(self):
        for _ in range(10):
            parent = self.token()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                made = [
                    pool.submit(self.vault.nodes[i % 2].request, "POST", "auth/token/create", {}, parent)
                    for i in range(16)
                ]
                revoked = pool.submit(self.vault.post, "auth/token/revoke", {"token": parent})
            self.assertStatus(204, revoked.result())
            for reply in (m.result() for m in made):
                self.assertIn(reply.status, (200, 403), reply)
                if reply.status == 200:
                    self.assertDead(reply.json["auth"]["client_token"])

    def test_hole_26_2018_a_renewal_does_not_bring_a_revoked_token_back(self):
        for _ in range(10):
            token = self.limited(ttl="1h")["client_token"]
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                renewals = [
                    pool.submit(self.vault.nodes[i % 2].request, "POST", "auth/token/renew-self", {}, token)
                    for i in range(12)
                ]
                pool.submit(self.vault.post, "auth/token/revoke", {"token": token})
            for reply in (r.result() for r in renewals):
                self.assertIn(reply.status, (200, 400, 403), reply)
            self.assertDead(token)

    def test_hole_26_2018_a_revoked_token_stays_dead_after_a_restart(self):
        parent = self.token()
        child = self.token({"policies": ["default"]}, parent)
        self.assertStatus(204, self.vault.post("auth/token/revoke", {"token": parent}))
        self.vault.nodes[1].kill()
        self.vault.restart(self.vault.nodes[1])
        for node in self.vault.nodes:
            for dead in (parent, child):
                self.assertStatus(403, node.request("GET", "auth/token/lookup-self", None, dead))

    def test_a_revocation_holds_on_the_other_node_at_once(self):
        for _ in range(20):
            token = self.limited()["client_token"]
            other = self.vault.nodes[1]
            self.assertStatus(200, other.request("GET", "auth/token/lookup-self", None, token))
            self.assertStatus(204, self.vault.post("auth/token/revoke", {"token": token}))
            self.assertStatus(403, other.request("GET", "auth/token/lookup-self", None, token))


del TokenTest  # only a base

if __name__ == "__main__":
    unittest.main()
