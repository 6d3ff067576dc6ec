# SPDX-License-Identifier: ISC
"""auth/token/roles and auth/token/create/:role: what a role says holds, whatever the caller has."""

import concurrent.futures
import unittest

import harness

FRESH = {
    "allowed_entity_aliases": None,
    "allowed_policies": [],
    "allowed_policies_glob": [],
    "disallowed_policies": [],
    "disallowed_policies_glob": [],
    "explicit_max_ttl": 0,
    "name": "fresh",
    "orphan": False,
    "path_suffix": "",
    "period": 0,
    "renewable": True,
    "token_explicit_max_ttl": 0,
    "token_no_default_policy": False,
    "token_period": 0,
    "token_type": "default-service",
}
CALLER = """
path "auth/token/create/*" { capabilities = ["update"] }
path "secret/data/own" { capabilities = ["read"] }
"""


class RoleTest(harness.VaultTest):
    def setUp(self):
        self.caller = self.vault.token_with(CALLER, "caller")

    def role(self, name, **terms):
        return self.assertStatus(204, self.vault.post(f"auth/token/roles/{name}", terms))

    def read(self, name):
        return self.assertStatus(200, self.vault.get(f"auth/token/roles/{name}")).data

    def ask(self, role, body=None, token=None):
        return self.vault.post(f"auth/token/create/{role}", body or {}, token=token or self.caller)

    def create(self, role, body=None, token=None):
        return self.assertStatus(200, self.ask(role, body, token)).json["auth"]

    def look_up(self, auth):
        return self.assertStatus(200, self.vault.post("auth/token/lookup", {"token": auth["client_token"]})).data

    def assertRefused(self, message, reply):
        self.assertStatus(400, reply)
        self.assertEqual([message], reply.errors)


class RowTest(RoleTest):
    def test_nothing_is_there_at_first(self):
        vault = harness.Vault()
        self.addCleanup(vault.stop)
        vault.start()
        self.assertStatus(404, vault.list("auth/token/roles"))
        self.assertEqual([], vault.get("auth/token/roles?list=true").errors)
        self.assertEqual([], self.assertStatus(404, vault.get("auth/token/roles/none")).errors)
        self.assertStatus(204, vault.delete("auth/token/roles/none"))
        self.assertRefused("unknown role none", vault.post("auth/token/create/none", {}))

    def test_what_is_not_said_is_as_usual(self):
        self.role("fresh")
        self.assertEqual(FRESH, self.read("fresh"))

    def test_what_was_said_is_read_back(self):
        self.assertStatus(204, self.vault.put("auth/token/roles/full", {
            "allowed_policies": "B, a,a", "disallowed_policies": ["c"], "allowed_policies_glob": ["App-*"],
            "disallowed_policies_glob": "d*,*e", "orphan": "true", "renewable": False, "path_suffix": "v1",
            "token_period": "1h", "token_explicit_max_ttl": 7200, "token_bound_cidrs": ["127.0.0.0/8"],
            "token_no_default_policy": True, "token_num_uses": 5, "token_type": "service"}))
        self.assertEqual({
            **FRESH, "name": "full", "allowed_policies": ["a", "b"], "disallowed_policies": ["c"],
            "allowed_policies_glob": ["app-*"], "disallowed_policies_glob": ["d*", "*e"], "orphan": True,
            "renewable": False, "path_suffix": "v1", "token_period": 3600, "token_explicit_max_ttl": 7200,
            "token_bound_cidrs": ["127.0.0.0/8"], "token_no_default_policy": True, "token_num_uses": 5,
            "token_type": "service"}, self.read("full"))

    def test_a_change_keeps_what_it_does_not_name(self):
        self.role("kept", allowed_policies=["a"], token_period="1h")
        self.role("kept", orphan=True)
        self.assertEqual({**FRESH, "name": "kept", "allowed_policies": ["a"], "token_period": 3600, "orphan": True}, self.read("kept"))
        self.role("kept", allowed_policies=[], token_period=0)
        self.assertEqual({**FRESH, "name": "kept", "orphan": True}, self.read("kept"))

    def test_lists_in_order_and_in_pages_and_deletes(self):
        for name in ("list-b", "list-a", "list-c"):
            self.role(name)
        names = self.vault.list("auth/token/roles").data["keys"]
        self.assertEqual(sorted(names), names)
        self.assertEqual(["list-b"], self.vault.list("auth/token/roles?after=list-a&limit=1").data["keys"])
        self.assertStatus(204, self.vault.delete("auth/token/roles/list-b"))
        self.assertNotIn("list-b", self.vault.get("auth/token/roles?list=true").data["keys"])
        self.assertStatus(404, self.vault.get("auth/token/roles/list-b"))

    def test_wrong_parameters_are_named_and_change_nothing(self):
        for body, message in (
            ({"token_type": "batch"}, 'token_type: batch tokens are not supported, ask for "service"'),
            ({"token_type": "default-batch"}, 'token_type: batch tokens are not supported, ask for "service"'),
            ({"token_type": "x"}, 'token_type: must be "service" or "default-service"'),
            ({"allowed_entity_aliases": ["a"]}, "allowed_entity_aliases: entity aliases are not supported"),
            ({"path_suffix": "../x"}, "path_suffix: must consist of letters, digits, _, and - and . inside"),
            ({"path_suffix": "a..b"}, "path_suffix: must consist of letters, digits, _, and - and . inside"),
            ({"token_num_uses": -1}, "token_num_uses: must not be negative"),
        ):
            self.assertRefused(message, self.vault.post("auth/token/roles/wrong", body))
        for body in ({"allowed_policies": ["a b"]}, {"allowed_policies_glob": ["{{x}}"]}, {"orphan": "maybe"},
                     {"token_period": "long"}, {"token_bound_cidrs": ["here"]}):
            reply = self.assertStatus(400, self.vault.post("auth/token/roles/wrong", body))
            self.assertTrue(reply.errors[0].startswith(next(iter(body))), reply)
        self.assertStatus(404, self.vault.get("auth/token/roles/wrong"))
        self.assertStatus(400, self.vault.post("auth/token/roles/-wrong", {}))

    def test_old_names_are_taken_with_a_warning(self):
        reply = self.assertStatus(200, self.vault.post("auth/token/roles/old", {"period": 60, "token_period": 90, "explicit_max_ttl": "1h"}))
        self.assertEqual([
            "Both 'token_period' and deprecated 'period' value supplied, ignoring the deprecated value",
            "stored as 'token_explicit_max_ttl': 'explicit_max_ttl' is deprecated"], reply.json["warnings"])
        self.assertEqual((90, 3600), (self.read("old")["token_period"], self.read("old")["token_explicit_max_ttl"]))

    def test_writing_needs_create_then_update(self):
        creator = self.vault.token_with('path "auth/token/roles/*" { capabilities = ["create"] }', "role-creator")
        self.assertStatus(204, self.vault.post("auth/token/roles/made", {}, token=creator))
        self.assertStatus(403, self.vault.post("auth/token/roles/made", {}, token=creator))
        self.assertStatus(403, self.vault.get("auth/token/roles/made", token=creator))
        self.assertStatus(403, self.vault.delete("auth/token/roles/made", token=creator))
        self.assertStatus(403, self.vault.list("auth/token/roles", token=creator))

    def test_concurrent_changes_are_all_kept(self):
        self.role("raced")
        fields = {"orphan": True, "renewable": False, "path_suffix": "v9", "token_period": 60, "token_num_uses": 3,
                  "token_explicit_max_ttl": 99, "token_no_default_policy": True, "allowed_policies": ["z"]}
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda f: self.vault.post("auth/token/roles/raced", dict([f])), fields.items()))
        self.assertEqual({204}, {r.status for r in replies}, replies)
        self.assertEqual(fields, {k: self.read("raced")[k] for k in fields})

    def test_a_change_is_audited(self):
        self.role("audited", allowed_policies=["somebody"])
        where = "path = 'auth/token/roles/audited'"
        rows = self.vault.database.query(f"SELECT result, effect FROM audit_record WHERE {where}")
        self.assertEqual([["204", "t"]], rows)


class CreateTest(RoleTest):
    def test_without_lists_the_caller_gives_what_he_has(self):
        self.role("plain")
        self.assertEqual(["caller"], self.create("plain")["policies"])
        self.assertRefused("child policies must be subset of parent", self.ask("plain", {"policies": ["ops"]}))

    def test_allowed_policies_need_not_be_the_callers(self):
        self.role("allow", allowed_policies=["ops", "dev"])
        self.assertEqual(["default", "dev", "ops"], self.create("allow")["policies"])
        self.assertEqual(["default", "ops"], self.create("allow", {"policies": ["ops"]})["policies"])
        self.assertEqual(["default", "ops"], self.create("allow", {"policies": ["default", "ops"]})["policies"])
        self.assertEqual(["ops"], self.create("allow", {"policies": ["ops"], "no_default_policy": True})["policies"])
        for asked in (["caller"], ["ops", "caller"], ["op"]):
            self.assertRefused("token policies must be subset of the role's allowed policies or glob policies",
                               self.ask("allow", {"policies": asked}))

    def test_globs_allow_and_disallow(self):
        self.role("glob", allowed_policies_glob=["app-*"], disallowed_policies_glob=["*-admin"], disallowed_policies=["app-x"])
        self.assertEqual(["app-a", "default"], self.create("glob", {"policies": ["app-a"]})["policies"])
        self.assertEqual(["default"], self.create("glob")["policies"])
        for asked in (["app-admin"], ["app-x"]):
            self.assertRefused("a token policy is disallowed by this role", self.ask("glob", {"policies": asked}))
        self.assertStatus(400, self.ask("glob", {"policies": ["ap"]}))

    def test_disallowed_default_is_not_added(self):
        self.role("bare", allowed_policies=["ops"], disallowed_policies=["default"])
        self.assertEqual(["ops"], self.create("bare")["policies"])
        self.role("bare2", allowed_policies=["ops"], token_no_default_policy=True)
        self.assertEqual(["ops"], self.create("bare2")["policies"])

    def test_root_is_never_given_by_a_role(self):
        self.role("all", allowed_policies_glob=["*"])
        self.role("named", allowed_policies=["root"])
        self.role("others", disallowed_policies=["nothing"])
        for role in ("all", "named", "others"):
            self.assertRefused("root tokens may not be created without parent token being root",
                               self.ask(role, {"policies": ["root"]}))
        self.assertRefused("root tokens may not be created without parent token being root", self.ask("named"))
        self.assertStatus(400, self.ask("all", {"policies": ["Root"]}))
        self.assertEqual(["root"], self.create("named", token=self.vault.token)["policies"])

    def test_path_parent_renewal_and_addresses_are_the_roles(self):
        self.role("terms", allowed_policies=["ops"], orphan=True, renewable=False, path_suffix="v1", token_bound_cidrs=["10.0.0.0/8"])
        auth = self.create("terms")
        seen = self.look_up(auth)
        self.assertEqual(("auth/token/create/terms/v1", "terms", True, False, ["10.0.0.0/8"]),
                         (seen["path"], seen["role"], seen["orphan"], seen["renewable"], seen["bound_cidrs"]))
        self.assertStatus(403, self.vault.get("auth/token/lookup-self", token=auth["client_token"]))
        self.assertEqual((True, False), (auth["orphan"], auth["renewable"]))
        self.role("child", allowed_policies=["ops"])
        child = self.create("child", {"no_parent": True})
        self.assertFalse(child["orphan"])
        self.vault.post("auth/token/revoke", {"token": self.caller})
        self.assertStatus(403, self.vault.get("auth/token/lookup-self", token=child["client_token"]))
        self.assertTrue(self.look_up(auth)["orphan"])

    def test_the_lesser_term_holds(self):
        self.role("less", token_period="1h", token_explicit_max_ttl="2h", token_num_uses=5)
        seen = self.look_up(self.create("less"))
        self.assertEqual((3600, 7200, 5), (seen["period"], seen["explicit_max_ttl"], seen["num_uses"]))
        reply = self.ask("less", {"period": "30m", "explicit_max_ttl": "10h", "num_uses": 9}, token=self.vault.token)
        self.assertEqual([
            "Explicit max TTL specified both during creation call and in role; using the lesser value of 7200 seconds",
            "Period specified both during creation call and in role; using the lesser value of 1800 seconds",
        ], [w for w in self.assertStatus(200, reply).json["warnings"] if "role" in w])
        seen = self.look_up(reply.json["auth"])
        self.assertEqual((1800, 7200, 5), (seen["period"], seen["explicit_max_ttl"], seen["num_uses"]))
        self.assertEqual(2, self.create("less", {"num_uses": 2})["num_uses"])

    def test_sudo_is_still_needed_for_ids_and_periods(self):
        self.role("open", allowed_policies_glob=["*"])
        for body in ({"id": "my-own"}, {"period": "1h"}):
            self.assertStatus(400, self.ask("open", body))
        self.assertStatus(400, self.ask("open", {"type": "batch"}))
        self.assertStatus(400, self.ask("open", {"entity_alias": "me"}))

    def test_renewals_follow_the_role(self):
        self.role("renewed", token_period="1h")
        token = self.create("renewed")["client_token"]
        renew = lambda: self.vault.post("auth/token/renew", {"token": token})
        self.assertEqual(3600, self.assertStatus(200, renew()).json["auth"]["lease_duration"])
        self.role("renewed", token_period="30m")
        self.assertEqual(1800, self.assertStatus(200, renew()).json["auth"]["lease_duration"])
        self.assertStatus(204, self.vault.delete("auth/token/roles/renewed"))
        self.assertRefused("original token role could not be found, not renewing", renew())

    def test_needs_the_path_in_a_policy(self):
        self.role("walled", allowed_policies=["ops"])
        other = self.vault.token_with('path "auth/token/create" { capabilities = ["update"] }', "other")
        self.assertStatus(403, self.ask("walled", token=other))
        self.assertStatus(403, self.ask("nowhere", token=other))


class NodesTest(harness.VaultTest):
    node_count = 2

    def test_a_change_on_one_node_holds_on_the_other_at_once(self):
        first, second = self.vault.nodes
        for allowed in ("a", "b", "c", "d"):
            reply = first.request("POST", "auth/token/roles/r", {"allowed_policies": [allowed]}, self.vault.token)
            self.assertStatus(204, reply)
            made = second.request("POST", "auth/token/create/r", {}, self.vault.token)
            self.assertEqual([allowed, "default"], self.assertStatus(200, made).json["auth"]["policies"])
        self.assertStatus(204, second.request("DELETE", "auth/token/roles/r", None, self.vault.token))
        self.assertStatus(400, first.request("POST", "auth/token/create/r", {}, self.vault.token))


if __name__ == "__main__":
    unittest.main()
