# SPDX-License-Identifier: ISC
"""sys: mounts, policies, capabilities, keys, metrics and what clients ask about them."""

import http.client
import base64
import concurrent.futures
import unittest

import harness

ENVELOPE = {"request_id", "lease_id", "renewable", "lease_duration", "data", "wrap_info", "warnings", "auth"}
READER = 'path "app/data/*" { capabilities = ["read"] }'


class SysTest(harness.VaultTest):
    def assertRefused(self, message, reply):
        self.assertStatus(400, reply)
        self.assertEqual([message], reply.errors)

    def assertBothWays(self, reply):
        """`data` inside the envelope, and its members once more beside it."""
        self.assertStatus(200, reply)
        self.assertEqual(ENVELOPE | set(reply.data), set(reply.json))
        for key, value in reply.data.items():
            self.assertEqual(value, reply.json[key])
        return reply.data

    def assertDataOnly(self, reply):
        self.assertStatus(200, reply)
        self.assertEqual(ENVELOPE, set(reply.json))
        return reply.data

    def mount(self, path, **more):
        self.assertStatus(204, self.vault.post(f"sys/mounts/{path}", {"type": "kv", **more}))

    def limited(self, policy, name):
        return self.vault.token_with(policy, name)


class MountsTest(SysTest):
    def test_lists_what_is_mounted_both_ways(self):
        self.mount("listed", description="for the list", options={"version": "2"})
        data = self.assertBothWays(self.vault.get("sys/mounts"))
        self.assertIn("sys/", data)
        self.assertNotIn("auth/token/", data)
        mount = data["listed/"]
        self.assertRegex(mount.pop("accessor"), r"^kv_[0-9A-Za-z]{8}$")
        self.assertEqual(36, len(mount.pop("uuid")))
        self.assertEqual(
            {
                "config": {"default_lease_ttl": 0, "force_no_cache": False, "max_lease_ttl": 0},
                "description": "for the list",
                "external_entropy_access": False,
                "local": False,
                "options": {"version": "2"},
                "plugin_version": "",
                "running_plugin_version": "",
                "running_sha256": "",
                "seal_wrap": False,
                "type": "kv",
            },
            mount,
        )

    def test_shows_one_mount_with_or_without_the_slash(self):
        self.mount("one/mount/")
        for path in ("sys/mounts/one/mount", "sys/mounts/one/mount/"):
            self.assertEqual("kv", self.assertBothWays(self.vault.get(path))["type"])
        self.assertRefused("No secret engine mount at none/", self.vault.get("sys/mounts/none"))
        self.assertRefused("No secret engine mount at auth/token/", self.vault.get("sys/mounts/auth/token"))

    def test_a_new_mount_serves_at_once_on_every_worker(self):
        for i in range(8):
            self.mount(f"fresh{i}")
            self.assertStatus(200, self.vault.post(f"fresh{i}/data/a", {"data": {"k": i}}))
            self.assertEqual(i, self.vault.get(f"fresh{i}/data/a").data["data"]["k"])

    def test_kv_v2_is_another_name_and_version_1_is_refused_clearly(self):
        self.assertStatus(204, self.vault.post("sys/mounts/alias", {"type": "kv-v2"}))
        self.assertEqual("kv", self.vault.get("sys/mounts/alias").data["type"])
        for version in ("1", 1, "x"):
            reply = self.vault.post("sys/mounts/old", {"type": "kv", "options": {"version": version}})
            self.assertStatus(400, reply)
            self.assertIn("version 1 of the key-value engine", reply.errors[0])

    def test_unknown_and_singleton_types_are_refused(self):
        for kind in ("transit", "cubbyhole", "system", "token", "kv-v1"):
            self.assertRefused(
                f'no secret engine of type "{kind}" can be mounted',
                self.vault.post("sys/mounts/odd", {"type": kind}),
            )
        self.assertStatus(400, self.vault.post("sys/mounts/odd", {}))
        self.assertStatus(400, self.vault.post("sys/mounts/odd", {"type": 7}))

    def test_paths_neither_repeat_nor_nest(self):
        self.mount("team/a")
        for path in ("team/a", "team/a/", "team/a/below", "team"):
            self.assertRefused(
                "path is already in use at team/a/", self.vault.post(f"sys/mounts/{path}", {"type": "kv"})
            )
        self.mount("team/ab")

    def test_reserved_and_misleading_paths_are_refused(self):
        for path in ("sys/x", "auth/x", "auth", "cubbyhole/x", "identity", "v1/x", "audit"):
            self.assertStatus(400, self.vault.post(f"sys/mounts/{path}", {"type": "kv"}))
        for path in ("a*", "+", "a/+/b", "x" * 256, "a%2fb", "../sys", "a//b"):
            self.assertStatus(400, self.vault.post(f"sys/mounts/{path}", {"type": "kv"}))
        self.mount("a+b")
        self.mount("x" * 255)

    def test_tuning_shows_and_changes_settings(self):
        self.mount("tuned", config={"max_lease_ttl": "24h"})
        tune = self.assertBothWays(self.vault.get("sys/mounts/tuned/tune"))
        self.assertEqual((86400, 86400), (tune["default_lease_ttl"], tune["max_lease_ttl"]))
        body = {"default_lease_ttl": "1h", "description": "new", "options": {"version": "2"}}
        self.assertStatus(204, self.vault.post("sys/mounts/tuned/tune", body))
        tune = self.vault.get("sys/mounts/tuned/tune").data
        self.assertEqual(3600, tune["default_lease_ttl"])
        self.assertEqual("new", tune["description"])
        self.assertEqual({"version": "2"}, tune["options"])
        self.assertStatus(204, self.vault.post("sys/mounts/tuned/tune", {"max_lease_ttl": "system"}))
        self.assertEqual(768 * 3600, self.vault.get("sys/mounts/tuned/tune").data["max_lease_ttl"])

    def test_tuning_keeps_what_the_engine_has_configured(self):
        self.mount("kept")
        self.assertStatus(204, self.vault.post("kept/config", {"max_versions": 3}))
        self.assertStatus(204, self.vault.post("sys/mounts/kept/tune", {"description": "d"}))
        self.assertEqual(3, self.vault.get("kept/config").data["max_versions"])

    def test_settings_without_effect_are_refused_rather_than_ignored(self):
        for setting in ({"audit_non_hmac_request_keys": ["k"]}, {"passthrough_request_headers": "X-A"}):
            name = next(iter(setting))
            reply = self.vault.post("sys/mounts/refused", {"type": "kv", "config": setting})
            self.assertRefused(f"{name} isn't supported: leave it out", reply)
        for setting in ({"local": True}, {"seal_wrap": True}):
            self.assertStatus(400, self.vault.post("sys/mounts/refused", {"type": "kv", **setting}))
        self.mount("accepted", local=False, seal_wrap=False, config={"audit_non_hmac_request_keys": []})

    def test_wrong_settings_are_named(self):
        self.mount("wrong")
        tune = "sys/mounts/wrong/tune"
        self.assertIn("default_lease_ttl", self.vault.post(tune, {"default_lease_ttl": "soon"}).errors[0])
        self.assertStatus(400, self.vault.post(tune, {"default_lease_ttl": "2h", "max_lease_ttl": "1h"}))
        self.assertStatus(400, self.vault.post(tune, {"listing_visibility": "unauth"}))
        self.assertStatus(400, self.vault.post(tune, {"description": {"a": 1}}))
        self.assertRefused("cannot tune sys/", self.vault.post("sys/mounts/sys/tune", {"description": "x"}))
        self.assertRefused("No secret engine mount at no/", self.vault.post("sys/mounts/no/tune", {}))

    def test_disabling_removes_everything(self):
        self.mount("gone")
        self.vault.post("gone/data/a", {"data": {"k": 1}})
        mount = self.vault.get("sys/mounts/gone").data["uuid"]
        self.assertStatus(204, self.vault.delete("sys/mounts/gone"))
        self.assertStatus(404, self.vault.get("gone/data/a"))
        count = f"SELECT count(*) FROM kv_head WHERE mount_id = '{mount}'"
        self.assertEqual([["0"]], self.vault.database.query(count))
        self.mount("gone")
        self.assertStatus(404, self.vault.get("gone/data/a"))

    def test_disabling_what_is_not_there_is_done_already(self):
        self.assertStatus(204, self.vault.delete("sys/mounts/never"))

    def test_the_vaults_own_mounts_stay(self):
        for path in ("sys", "cubbyhole", "auth/token", "sys/", "auth/token/"):
            self.assertStatus(400, self.vault.delete(f"sys/mounts/{path}"))
        self.assertIn("cubbyhole/", self.vault.get("sys/mounts").data)

    def test_of_two_who_mount_at_one_path_one_wins(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            made = [pool.submit(self.vault.post, "sys/mounts/raced", {"type": "kv"}) for _ in range(8)]
        codes = sorted(m.result().status for m in made)
        self.assertEqual(204, codes[0])
        self.assertTrue(set(codes[1:]) <= {400, 503}, codes)


class AuthTest(SysTest):
    def test_there_is_the_token_method(self):
        data = self.assertBothWays(self.vault.get("sys/auth"))
        self.assertEqual(["token/"], list(data))
        self.assertEqual("token", data["token/"]["type"])
        self.assertEqual("token", self.assertBothWays(self.vault.get("sys/auth/token"))["type"])
        tune = self.assertBothWays(self.vault.get("sys/auth/token/tune"))
        self.assertEqual("default-service", tune["token_type"])

    def test_others_are_refused_clearly(self):
        reply = self.vault.post("sys/auth/userpass", {"type": "userpass"})
        self.assertRefused(
            'auth method "userpass" can\'t be enabled: there is only token, which always is', reply
        )
        self.assertStatus(400, self.vault.post("sys/auth/token/tune", {"max_lease_ttl": "1h"}))
        self.assertRefused("No auth engine at ldap/", self.vault.get("sys/auth/ldap"))

    def test_the_token_method_stays(self):
        self.assertRefused("token credential backend cannot be disabled", self.vault.delete("sys/auth/token"))
        self.assertStatus(204, self.vault.delete("sys/auth/never"))


class InternalTest(SysTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for path in ("app", "other", "quiet"):
            cls.vault.post(f"sys/mounts/{path}", {"type": "kv"})
        cls.vault.post("sys/mounts/quiet/tune", {"listing_visibility": "hidden"})

    def test_tells_a_client_the_mount_of_a_path(self):
        token = self.limited(READER, "reader")
        for path in ("app", "app/", "app/data/x", "app/x/y"):
            data = self.assertDataOnly(self.vault.get(f"sys/internal/ui/mounts/{path}", token=token))
            self.assertEqual("app/", data["path"])
            self.assertEqual("kv", data["type"])
            self.assertEqual("2", data["options"]["version"])

    def test_does_not_tell_absent_from_unreachable(self):
        token = self.limited(READER, "reader")
        for path in ("other", "absent"):
            reply = self.assertStatus(403, self.vault.get(f"sys/internal/ui/mounts/{path}/x", token=token))
            self.assertEqual(
                [
                    "preflight capability check returned 403, please ensure client's policies "
                    f'grant access to path "{path}/x/"'
                ],
                reply.errors,
            )
        self.assertStatus(403, self.vault.get("sys/internal/ui/mounts/absent"))
        self.assertStatus(403, self.vault.get("sys/internal/ui/mounts/app", token=""))

    def test_lists_what_the_callers_policies_reach(self):
        token = self.limited(READER, "reader")
        data = self.assertDataOnly(self.vault.get("sys/internal/ui/mounts", token=token))
        self.assertEqual({"auth": [], "secret": ["app/"]}, {k: list(v) for k, v in data.items()})
        data = self.vault.get("sys/internal/ui/mounts").data
        self.assertEqual(["token/"], list(data["auth"]))
        self.assertEqual(["app/", "cubbyhole/", "other/", "sys/"], list(data["secret"]))

    def test_shows_nothing_to_nobody(self):
        data = self.assertDataOnly(self.vault.get("sys/internal/ui/mounts", token=""))
        self.assertEqual({"auth": {}, "secret": {}}, data)
        self.assertStatus(403, self.vault.get("sys/internal/ui/mounts", token="hvs.wrong"))


class PoliciesTest(SysTest):
    def write(self, name, text):
        self.assertStatus(204, self.vault.put(f"sys/policies/acl/{name}", {"policy": text}))

    def test_gives_back_what_was_written(self):
        self.write("whole", READER)
        data = self.assertDataOnly(self.vault.get("sys/policies/acl/whole"))
        self.assertEqual({"name": "whole", "policy": READER}, data)

    def test_the_old_form_answers_both_ways_under_its_own_names(self):
        self.assertStatus(204, self.vault.put("sys/policy/old", {"rules": READER}))
        data = self.assertBothWays(self.vault.get("sys/policy/old"))
        self.assertEqual({"name": "old", "rules": READER}, data)
        for reply in (self.vault.get("sys/policy"), self.vault.list("sys/policy")):
            data = self.assertBothWays(reply)
            self.assertEqual(data["keys"], data["policies"])
            self.assertIn("old", data["keys"])
        self.assertStatus(204, self.vault.delete("sys/policy/old"))
        self.assertStatus(404, self.vault.get("sys/policy/old"))

    def test_lists_in_order_with_root_in_pages(self):
        for name in ("aa", "zz", "mm"):
            self.write(name, READER)
        names = self.assertDataOnly(self.vault.list("sys/policies/acl"))["keys"]
        self.assertEqual(sorted(names), names)
        self.assertTrue({"aa", "default", "mm", "root", "zz"} <= set(names))
        self.assertEqual(names, self.vault.get("sys/policies/acl?list=true").data["keys"])
        paged = self.vault.get("sys/policies/acl?list=true&limit=2&after=aa").data["keys"]
        self.assertEqual(names[names.index("aa") + 1 :][:2], paged)
        self.assertStatus(404, self.vault.get("sys/policies/acl?list=true&after=zzzz"))

    def test_a_rule_may_bound_the_pages(self):
        token = self.limited('path "sys/policies/acl" { capabilities = ["list"] pagination_limit = 2 }', "pager")
        self.assertEqual(2, len(self.vault.list("sys/policies/acl", token=token).data["keys"]))
        for limit, code in (("2", 200), ("3", 403), ("0", 200), ("-1", 400), ("x", 400)):
            reply = self.vault.get(f"sys/policies/acl?list=true&limit={limit}", token=token)
            self.assertStatus(code, reply)
            self.assertTrue(code != 200 or len(reply.data["keys"]) == 2, reply)

    def test_base64_is_understood(self):
        encoded = base64.encodebytes(READER.encode()).decode()
        self.write("encoded", encoded)
        self.assertEqual(READER, self.vault.get("sys/policies/acl/encoded").data["policy"])

    def test_an_error_names_line_column_and_word(self):
        text = 'path "a" {\n  capabilities = ["read", "reed"]\n}'
        reply = self.assertStatus(400, self.vault.put("sys/policies/acl/bad", {"policy": text}))
        self.assertIn('policy "bad", line 2, column 27: ', reply.errors[0])
        self.assertIn('"reed"', reply.errors[0])
        self.assertStatus(404, self.vault.get("sys/policies/acl/bad"))

    def test_the_text_must_be_there(self):
        for body in (None, {}, {"policy": ""}, {"policy": None}, {"policy": {"path": {}}}):
            self.assertRefused(
                "'policy' parameter not supplied or empty", self.vault.put("sys/policies/acl/x", body)
            )
        self.assertStatus(413, self.vault.put("sys/policies/acl/x", {"policy": "#" * (256 * 1024 + 1)}))

    def test_a_change_holds_for_the_next_request(self):
        token = self.limited(READER, "moving")
        self.vault.post("sys/mounts/app", {"type": "kv"})
        self.vault.post("app/data/x", {"data": {"k": 1}})
        self.assertStatus(200, self.vault.get("app/data/x", token=token))
        for _ in range(4):
            self.write("moving", 'path "app/data/*" { capabilities = ["deny"] }')
            self.assertStatus(403, self.vault.get("app/data/x", token=token))
            self.write("moving", READER)
            self.assertStatus(200, self.vault.get("app/data/x", token=token))
        self.assertStatus(204, self.vault.delete("sys/policies/acl/moving"))
        self.assertStatus(403, self.vault.get("app/data/x", token=token))

    def test_root_and_default_are_protected(self):
        self.assertEqual({"name": "root", "policy": ""}, self.vault.get("sys/policies/acl/root").data)
        self.assertRefused('cannot update "root" policy', self.vault.put("sys/policies/acl/root", {"policy": READER}))
        self.assertRefused('cannot delete "root" policy', self.vault.delete("sys/policies/acl/root"))
        self.assertRefused('cannot delete "default" policy', self.vault.delete("sys/policies/acl/default"))
        before = self.vault.get("sys/policies/acl/default").data["policy"]
        self.write("default", before + READER)
        self.write("default", before)

    def test_deleting_what_is_not_there_is_done_already(self):
        self.assertStatus(204, self.vault.delete("sys/policies/acl/never"))
        self.assertStatus(404, self.vault.get("sys/policies/acl/never"))

    def test_names_with_slashes_are_one_name(self):
        self.write("team/app", READER)
        self.assertEqual("team/app", self.vault.get("sys/policies/acl/team/app").data["name"])

    def test_a_change_is_one_audit_record_with_its_effect(self):
        self.write("recorded", READER)
        rows = self.vault.database.query(
            "SELECT operation, result, effect, detail FROM audit_record WHERE path = 'sys/policies/acl/recorded'"
        )
        self.assertEqual(["update", "204", "t"], rows[0][:3])
        self.assertEqual(1, len(rows))
        self.assertNotIn("app/data", rows[0][3])


@unittest.skipUnless(harness.FULL, "every one of 130 changes is loaded by every worker: half a minute")
class CatalogSizeTest(SysTest):
    """In a vault of its own: every worker holds all policies."""

    def test_more_policies_than_the_workers_hold_are_refused_and_lock_nobody_out(self):
        text = "#" * 250_000 + '\npath "x" { capabilities = ["read"] }'
        for count in range(200):
            reply = self.vault.put(f"sys/policies/acl/large-{count}", {"policy": text})
            if reply.status != 204:
                break
        self.assertStatus(413, reply)
        self.assertEqual(["all policies and token roles together may have 32 MiB: delete some"], reply.errors)
        self.assertEqual(404, self.vault.get(f"sys/policies/acl/large-{count}").status)
        self.assertStatus(204, self.vault.delete("sys/policies/acl/large-0"))
        self.assertStatus(204, self.vault.put(f"sys/policies/acl/large-{count}", {"policy": text}))


class KnownHolesTest(SysTest):
    def test_hole_7_cve_2025_5999_names_are_normalised_before_anything_looks_at_them(self):
        self.assertStatus(204, self.vault.put("sys/policies/acl/MiXed", {"policy": READER}))
        self.assertEqual("mixed", self.vault.get("sys/policies/acl/mixed").data["name"])
        self.assertEqual("mixed", self.vault.get("sys/policies/acl/MIXED").data["name"])
        self.assertStatus(204, self.vault.delete("sys/policies/acl/mIXED"))
        self.assertStatus(404, self.vault.get("sys/policies/acl/mixed"))

    def test_hole_7_cve_2025_54996_nothing_like_root_can_be_written(self):
        before = self.vault.list("sys/policies/acl").data["keys"]
        names = ("root", "Root", "ROOT", "%20root", "root%20", "root%09", "root/", "root%00", "r%C3%B6ot", "%2Froot")
        for name in names:
            for form in ("sys/policies/acl", "sys/policy"):
                self.assertStatus(400, self.vault.put(f"{form}/{name}", {"policy": READER}))
                self.assertStatus(400, self.vault.delete(f"{form}/{name}"))
        self.assertEqual(before, self.vault.list("sys/policies/acl").data["keys"])

    def test_hole_7_cve_2025_64761_a_policy_called_like_root_grants_nothing(self):
        token = self.limited('path "nothing" { capabilities = ["read"] }', "roots")
        self.assertStatus(403, self.vault.get("sys/mounts", token=token))

    def test_hole_11_errors_do_not_repeat_values(self):
        token = self.limited('path "sys/capabilities" { capabilities = ["update"] }', "asker")
        body = {"token": "hvs.marker-of-a-secret", "paths": ["a"]}
        reply = self.vault.post("sys/capabilities", body, token=token)
        self.assertRefused("invalid token", reply)
        rows = self.vault.database.query("SELECT r::text FROM audit_record r")
        self.assertNotIn("marker-of-a-secret", str(rows))


class CapabilitiesTest(SysTest):
    POLICY = READER + '\npath "app/metadata/*" { capabilities = ["list", "delete"] }\npath "shut" { capabilities = ["deny"] }'

    def subject(self):
        self.assertStatus(204, self.vault.put("sys/policies/acl/subject", {"policy": self.POLICY}))
        return self.vault.post("auth/token/create", {"policies": ["subject"]}).json["auth"]

    def test_one_path_is_answered_by_name_and_as_capabilities(self):
        data = self.assertBothWays(self.vault.post("sys/capabilities-self", {"path": "app/data/x"}))
        self.assertEqual({"capabilities": ["root"], "app/data/x": ["root"]}, data)

    def test_each_way_of_naming_the_token_gives_the_same(self):
        auth = self.subject()
        body = {"paths": ["app/data/x", "app/metadata/x", "shut", "elsewhere"]}
        wanted = {
            "app/data/x": ["read"],
            "app/metadata/x": ["delete", "list"],
            "shut": ["deny"],
            "elsewhere": ["deny"],
        }
        by_self = self.vault.post("sys/capabilities-self", body, token=auth["client_token"])
        by_token = self.vault.post("sys/capabilities", {"token": auth["client_token"], **body})
        by_accessor = self.vault.post("sys/capabilities-accessor", {"accessor": auth["accessor"], **body})
        for reply in (by_self, by_token, by_accessor):
            self.assertEqual(wanted, self.assertBothWays(reply))

    def test_unknown_tokens_and_missing_paths_are_refused(self):
        paths = {"paths": ["a"]}
        self.assertRefused("invalid token", self.vault.post("sys/capabilities", {"token": "hvs.no", **paths}))
        self.assertRefused("invalid token", self.vault.post("sys/capabilities", paths))
        self.assertRefused("invalid token", self.vault.post("sys/capabilities-accessor", {"accessor": "no", **paths}))
        self.assertRefused("invalid token", self.vault.post("sys/capabilities-accessor", paths))
        for body in (None, {}, {"paths": []}, {"paths": 1}, {"paths": ["a"] * 257}):
            self.assertStatus(400, self.vault.post("sys/capabilities-self", body))

    def test_a_path_named_like_the_envelope_does_not_spoil_it(self):
        reply = self.vault.post("sys/capabilities-self", {"paths": ["data", "auth", "data"]})
        data = self.assertDataOnly(reply)
        self.assertEqual({"data": ["root"], "auth": ["root"]}, data)
        self.assertEqual(1, reply.text.count('"auth":null'))

    def test_a_revoked_token_has_none(self):
        auth = self.subject()
        self.vault.post("auth/token/revoke", {"token": auth["client_token"]})
        body = {"accessor": auth["accessor"], "path": "a"}
        self.assertRefused("invalid token", self.vault.post("sys/capabilities-accessor", body))


class ExplainTest(SysTest):
    POLICY = 'path "a/*" { capabilities = ["read"] }\n\npath "a/b" {\n capabilities = ["deny"]\n comment = "on leave"\n}'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.vault.put("sys/policies/acl/explained", {"policy": cls.POLICY})

    def explain(self, **body):
        return self.assertDataOnly(self.vault.post("sys/policies/explain", body))

    def test_names_policy_rule_and_line(self):
        data = self.explain(path="a/b", operation="read", policies=["explained"])
        self.assertFalse(data["allowed"])
        self.assertEqual("the rule denies the path", data["reason"])
        self.assertEqual("a/b", data["pattern"])
        self.assertEqual(
            [{"policy": "explained", "path": "a/b", "line": 3, "comment": "on leave", "capabilities": ["deny"]}],
            data["rules"],
        )

    def test_says_what_is_allowed_and_what_no_rule_covers(self):
        data = self.explain(path="a/c", policies=["explained"])
        self.assertTrue(data["allowed"])
        self.assertEqual("a/*", data["pattern"])
        data = self.explain(path="z", policies=["explained", "absent"])
        self.assertEqual((False, [], ["absent"]), (data["allowed"], data["rules"], data["policies_missing"]))

    def test_explains_the_caller_and_another_token(self):
        data = self.explain(path="anything")
        self.assertEqual((True, "the token has the root policy"), (data["allowed"], data["reason"]))
        token = self.vault.post("auth/token/create", {"policies": ["explained"]}).json["auth"]["client_token"]
        self.assertFalse(self.explain(path="a/b", token=token)["allowed"])
        self.assertTrue(self.explain(path="a/c", token=token)["allowed"])

    def test_asking_about_others_needs_sudo(self):
        path = 'path "sys/policies/explain" { capabilities = ["update"] }'
        token = self.limited(path, "asker")
        ask = {"path": "a/b"}
        self.assertStatus(200, self.vault.post("sys/policies/explain", ask, token=token))
        for more in ({"token": self.vault.token}, {"token": "hvs.no"}, {"policies": ["explained"]}):
            self.assertStatus(403, self.vault.post("sys/policies/explain", {**ask, **more}, token=token))

    def test_a_question_must_be_whole(self):
        for body in ({}, {"path": ""}, {"path": "a", "operation": "own"}, {"path": "a", "policies": ["root"]}):
            self.assertStatus(400, self.vault.post("sys/policies/explain", body))
        self.assertRefused("invalid token", self.vault.post("sys/policies/explain", {"path": "a", "token": "no"}))


class KeysTest(SysTest):
    node_count = 2

    def term(self, node):
        return self.assertBothWays(node.request("GET", "sys/key-status", None, self.vault.token))["term"]

    def test_the_status_tells_the_newest_key(self):
        data = self.assertBothWays(self.vault.get("sys/key-status"))
        self.assertEqual({"term", "install_time", "encryptions", "oldest_term", "remaining"}, set(data))
        self.assertRegex(data["install_time"], r"^20\d\d-\d\d-\d\dT.*Z$")

    def test_rotating_makes_a_new_key_and_old_values_stay_readable_on_every_node(self):
        one, two = self.vault.nodes
        self.assertStatus(204, self.vault.post("sys/mounts/keyed", {"type": "kv"}))
        for turn in range(4):
            before = self.term(one)
            node, other = (one, two) if turn % 2 == 0 else (two, one)
            path = "sys/rotate" if turn < 2 else "sys/rotate/keyring"
            self.assertStatus(204, node.request("PUT", path, None, self.vault.token))
            self.assertEqual([before + 1] * 2, [self.term(one), self.term(two)])
            body = {"data": {"turn": turn}}
            self.assertStatus(200, node.request("POST", f"keyed/data/t{turn}", body, self.vault.token))
            for earlier in range(turn + 1):
                reply = other.request("GET", f"keyed/data/t{earlier}", None, self.vault.token)
                self.assertEqual(earlier, self.assertStatus(200, reply).data["data"]["turn"])

    def test_nodes_that_rotate_at_once_get_keys_of_their_own(self):
        before = self.term(self.vault.node)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            turns = [
                pool.submit(self.vault.nodes[i % 2].request, "PUT", "sys/rotate", None, self.vault.token)
                for i in range(6)
            ]
        codes = [t.result().status for t in turns]
        self.assertTrue(set(codes) <= {204, 503}, codes)
        self.assertEqual([before + codes.count(204)] * 2, [self.term(n) for n in self.vault.nodes])

    def test_new_keys_are_there_after_a_restart(self):
        self.assertStatus(204, self.vault.post("sys/mounts/kept", {"type": "kv"}))
        self.assertStatus(204, self.vault.put("sys/rotate"))
        self.assertStatus(200, self.vault.post("kept/data/a", {"data": {"k": 1}}))
        self.vault.nodes[1].kill()
        self.vault.restart(self.vault.nodes[1])
        reply = self.vault.nodes[1].request("GET", "kept/data/a", None, self.vault.token)
        self.assertEqual(1, self.assertStatus(200, reply).data["data"]["k"])

    def test_what_is_not_offered_is_not_there(self):
        for path in ("sys/rotate/config", "sys/wrapping/lookup", "sys/policies/password/x"):
            self.assertStatus(404, self.vault.get(path))

    def test_needs_sudo(self):
        token = self.limited('path "sys/rotate" { capabilities = ["update"] }', "turner")
        self.assertStatus(403, self.vault.put("sys/rotate", token=token))


class MetricsTest(SysTest):
    def numbers(self, **more):
        reply = self.assertStatus(200, self.vault.get("sys/metrics?format=prometheus", **more))
        self.assertEqual("text/plain; version=0.0.4; charset=utf-8", reply.headers["Content-Type"])
        samples = {}
        for line in reply.text.splitlines():
            if not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def total(self, samples, name):
        return sum(v for k, v in samples.items() if k.split("{")[0] == name)

    def test_counts_requests_by_operation_and_outcome(self):
        self.vault.post("sys/mounts/counted", {"type": "kv"})
        before = self.numbers()
        for _ in range(10):
            self.vault.get("counted/data/none")
        after = self.numbers()
        missing = 'rotunda_requests_total{operation="read",code="404"}'
        self.assertEqual(10, after[missing] - before.get(missing, 0))
        for name in ("rotunda_audit_records_total", "rotunda_request_duration_seconds_count"):
            self.assertEqual(11, self.total(after, name) - self.total(before, name))
        self.assertEqual(11, self.total(after, "rotunda_http_requests_total") - self.total(before, "rotunda_http_requests_total"))

    def test_buckets_add_up(self):
        self.vault.get("sys/mounts")
        numbers = self.numbers()
        name = "rotunda_request_duration_seconds_{}{{operation=\"read\""
        buckets = [v for k, v in numbers.items() if k.startswith(name.format("bucket"))]
        self.assertEqual(11, len(buckets))
        self.assertEqual(sorted(buckets), buckets)
        self.assertEqual(numbers[name.format("count") + "}"], buckets[-1])

    def test_tells_of_every_worker_and_of_the_process(self):
        numbers = self.numbers()
        for worker in range(self.workers):
            self.assertEqual(1, numbers[f'rotunda_batch_connected{{worker="{worker}"}}'])
        self.assertEqual(1, numbers["rotunda_unsealed"])
        self.assertGreater(numbers["process_resident_memory_bytes"], 1 << 20)
        self.assertLess(numbers["rotunda_uptime_seconds"], 600)
        self.assertGreaterEqual(self.total(numbers, "rotunda_http_connections"), 1)

    def test_needs_the_policy(self):
        token = self.limited('path "sys/metrics" { capabilities = ["read"] }', "scraper")
        self.assertIn("rotunda_unsealed", self.numbers(token=token))
        self.assertStatus(403, self.vault.get("sys/metrics", token=""))
        self.assertStatus(400, self.vault.get("sys/metrics?format=json"))


class HostTest(SysTest):
    def test_describes_the_machine(self):
        data = self.assertDataOnly(self.vault.get("sys/host-info"))
        self.assertGreaterEqual(data["cpu_count"], 1)
        self.assertGreater(data["memory"]["total"], data["memory"]["free"])
        self.assertEqual("linux", data["host"]["os"])
        self.assertEqual(3, len(data["load"]))

    def test_needs_sudo(self):
        token = self.limited('path "sys/host-info" { capabilities = ["read"] }', "looker")
        self.assertStatus(403, self.vault.get("sys/host-info", token=token))
        token = self.limited('path "sys/host-info" { capabilities = ["read", "sudo"] }', "looker")
        self.assertStatus(200, self.vault.get("sys/host-info", token=token))


ROUTES = [
    ("GET", "sys/mounts"),
    ("GET", "sys/mounts/cubbyhole"),
    ("GET", "sys/mounts/cubbyhole/tune"),
    ("POST", "sys/mounts/new"),
    ("POST", "sys/mounts/new/tune"),
    ("DELETE", "sys/mounts/new"),
    ("GET", "sys/auth"),
    ("GET", "sys/auth/token"),
    ("POST", "sys/auth/new"),
    ("DELETE", "sys/auth/new"),
    ("GET", "sys/policy"),
    ("LIST", "sys/policy"),
    ("GET", "sys/policy/default"),
    ("PUT", "sys/policy/new"),
    ("DELETE", "sys/policy/new"),
    ("LIST", "sys/policies/acl"),
    ("GET", "sys/policies/acl/default"),
    ("PUT", "sys/policies/acl/new"),
    ("DELETE", "sys/policies/acl/new"),
    ("POST", "sys/policies/explain"),
    ("POST", "sys/capabilities"),
    ("POST", "sys/capabilities-self"),
    ("POST", "sys/capabilities-accessor"),
    ("GET", "sys/key-status"),
    ("PUT", "sys/rotate"),
    ("PUT", "sys/rotate/keyring"),
    ("GET", "sys/metrics"),
    ("GET", "sys/host-info"),
    ("GET", "sys/wrapping/lookup"),
]


class HeaderTest(SysTest):
    def test_what_a_request_asks_for_beside_its_path_is_refused_where_it_is_not_there(self):
        for name, value in (("X-Vault-Wrap-TTL", "60"), ("X-Vault-Wrap-TTL", "x")):
            reply = self.vault.get("sys/mounts", headers={name: value})
            self.assertRefused("response wrapping isn't supported: leave X-Vault-Wrap-TTL out", reply)
        for value in ("0", "0s", ""):
            self.assertStatus(200, self.vault.get("sys/mounts", headers={"X-Vault-Wrap-TTL": value}))
        self.assertRefused("paths have no help here: see the documentation", self.vault.get("sys/mounts?help=1"))
        self.assertStatus(404, self.vault.get("sys/mounts", headers={"X-Vault-Namespace": "team"}))

    def test_the_whole_url_may_be_the_target(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.vault.node.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request("GET", "http://vault.example:8200/v1/sys/mounts?a=b", headers={"X-Vault-Token": self.vault.token})
        reply = connection.getresponse()
        self.assertEqual(200, reply.status)
        self.assertIn(b'"sys/"', reply.read())


class DeniedTest(SysTest):
    def test_nothing_is_open_to_a_token_without_the_policy(self):
        token = self.limited('path "unrelated" { capabilities = ["read"] }', "stranger")
        for method, path in ROUTES:
            with self.subTest(f"{method} {path}"):
                for use in (token, "", "hvs.wrong"):
                    reply = self.vault.request(method, path, {"type": "kv"}, token=use)
                    self.assertStatus(403, reply)
                    self.assertEqual(["permission denied"], reply.errors)

    def test_the_capability_for_another_method_is_not_enough(self):
        every = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"]
        needed = {"GET": "read", "LIST": "list", "PUT": "update", "POST": "update", "DELETE": "delete"}
        for method, path in ROUTES:
            with self.subTest(f"{method} {path}"):
                others = ", ".join(f'"{c}"' for c in every if c != needed[method])
                rules = "".join(f'path "{p}" {{ capabilities = [{others}] }}\n' for p in (path, path + "/"))
                token = self.limited(rules, "almost")
                self.assertStatus(403, self.vault.request(method, path, {"type": "kv"}, token=token))

    def test_methods_that_are_not_served_are_named(self):
        reply = self.assertStatus(405, self.vault.post("sys/mounts", {}))
        self.assertEqual("GET", reply.headers["Allow"])

    def test_sealed_answers_nothing(self):
        self.assertStatus(204, self.vault.put("sys/seal"))
        try:
            for method, path in ROUTES:
                self.assertStatus(503, self.vault.request(method, path, {"type": "kv"}))
        finally:
            self.vault.unseal(self.vault.node)


del SysTest  # only a base

if __name__ == "__main__":
    unittest.main()
