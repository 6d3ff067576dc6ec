# SPDX-License-Identifier: ISC
"""Debian's python3-hvac, unmodified: every call that it has. What is served answers as its users
expect; what isn't answers with an error that they know, and never with a 500."""

import functools
import inspect
import os
import re
import sys
import unittest

import harness

try:
    import hvac
except ImportError:
    # Another Python than Debian's may be first in the path; the library is plain Python.
    sys.path.append("/usr/lib/python3/dist-packages")
    try:
        import hvac
    except ImportError:
        hvac = None
if hvac is not None:
    from hvac import exceptions
    from hvac.api import auth_methods, secrets_engines
    from hvac.api import system_backend

# Where nothing is served yet.
OTHER_AUTH = ("approle", "aws", "azure", "cert", "gcp", "github", "jwt", "kubernetes", "ldap", "mfa", "oidc", "okta", "radius", "userpass")
OTHER_ENGINES = ("activedirectory", "aws", "azure", "consul", "database", "gcp", "identity", "pki", "rabbitmq", "transform", "transit")
CLEAN = (400, 404, 405)

# Calls of the areas that are served which no test here makes, and why. Those of sys and kv1 are made all the
# same, to see that they are answered clearly.
ABSENT = {
    r"sys\.(cancel_rekey|read_rekey|read_backup_keys|rekey|start_rekey).*": "changing the seal's shares isn't served",
    r"sys\.(cancel_root_generation|generate_root|read_root_generation_progress|start_root_token_generation)": "making a root token from shares isn't served",
    r"sys\.(create_namespace|delete_namespace|list_namespaces)": "there is the root namespace only",
    r"sys\.(list_leases|read_lease|renew_lease|revoke_lease|revoke_prefix|revoke_force)": "nothing hands out leases",
    r"sys\..*raft.*": "the only storage is PostgreSQL",
    r"sys\.move_backend": "mounts don't move",
    r"sys\.step_down": "no node is the leader",
    r"sys\.unwrap": "answers aren't wrapped",
    r"sys\.get_private_attr_name": "no call: a helper of the library's own",
    r"kv1\..*": "version 1 of the engine isn't served",
    r"client\.(auth_.*|.*_app_id|.*_user_id|.*_ec2_.*|.*_userpass.*|.*kubernetes.*|(?!.*token_role).*_roles?|.*role_secret.*|.*_custom_secret_id|[gs]et_role_id)": "of other auth methods",
    r"client\.transit_.*": "of another engine",
    r"client\.(cancel_generate_root|cancel_rekey|generate_root|get_backed_up_keys|rekey|rekey_multi|start_generate_root|start_rekey)": "older names of sys calls that aren't served",
    r"client\.(read_lease|renew_secret|revoke_secret|revoke_secret_prefix|revoke_token_prefix|remount_secret_backend|unwrap)": "older names of sys calls that aren't served",
    r"client\.(close|urljoin)": "no call: helpers of the library's own",
}


class Calls:
    """Which methods of the library were called while somebody was watching."""

    made = set()
    watching = True

    @classmethod
    def watch(cls, area, owner):
        for name, function in inspect.getmembers(owner, inspect.isfunction):
            if not name.startswith("_") and not isinstance(inspect.getattr_static(owner, name), staticmethod):
                setattr(owner, name, cls.noting(f"{area}.{name}", function))

    @classmethod
    def noting(cls, name, function):
        @functools.wraps(function)
        def call(*arguments, **options):
            if cls.watching:
                cls.made.add(name)
            return function(*arguments, **options)

        return call


AREAS = {}
if hvac is not None:
    AREAS = {
        "sys": system_backend.SystemBackend,
        "token": auth_methods.Token,
        "kv1": secrets_engines.KvV1,
        "kv2": secrets_engines.KvV2,
        "client": hvac.Client,
    }
    for area_name, area_owner in AREAS.items():
        Calls.watch(area_name, area_owner)


def calls_of(area):
    return [f"{area}.{name}" for name, _ in inspect.getmembers(AREAS[area], inspect.isfunction) if not name.startswith("_")]


def reason_of(call):
    return next((why for pattern, why in ABSENT.items() if re.fullmatch(pattern, call)), None)


class HvacTest(harness.VaultTest):
    @classmethod
    def setUpClass(cls):
        if hvac is None:
            if os.environ.get("CI"):
                raise AssertionError("python3-hvac is missing")
            print("SKIPPED: python3-hvac is not installed: apt-get install python3-hvac", flush=True)
            raise unittest.SkipTest("no python3-hvac")
        super().setUpClass()
        cls.client = cls.connect(cls.vault.token)
        cls.client.sys.enable_secrets_engine("kv", path="secret", options={"version": "2"})

    @classmethod
    def connect(cls, token=None, vault=None):
        return hvac.Client(url=f"http://127.0.0.1:{(vault or cls.vault).node.port}", token=token)

    def create(self, **options):
        return self.client.auth.token.create(**options)["auth"]


class SystemTest(HvacTest):
    def test_status(self):
        sys_ = self.client.sys
        self.assertTrue(sys_.is_initialized())
        self.assertTrue(sys_.read_init_status()["initialized"])
        self.assertFalse(sys_.is_sealed())
        self.assertEqual((3, 2), (sys_.read_seal_status()["n"], sys_.read_seal_status()["t"]))
        self.assertEqual(200, sys_.read_health_status().status_code)
        health = sys_.read_health_status(method="GET")
        self.assertTrue(health["initialized"])
        self.assertTrue(self.client.is_authenticated())
        self.assertFalse(self.connect("hvs.none").is_authenticated())
        leader = sys_.read_leader_status()
        self.assertTrue(leader["is_self"])
        self.assertEqual(leader["ha_enabled"], self.client.ha_status["ha_enabled"])
        self.assertEqual(False, self.client.seal_status["sealed"])

    def test_initialise_seal_and_unseal(self):
        vault = harness.Vault()
        self.addCleanup(vault.stop)
        vault.node.start()
        client = self.connect(vault=vault)
        self.assertFalse(client.sys.is_initialized())
        made = client.sys.initialize(5, 3)
        self.assertEqual((5, 5), (len(made["keys"]), len(made["keys_base64"])))
        with self.assertRaises(exceptions.InvalidRequest):
            client.sys.initialize(1, 1)
        self.assertTrue(client.sys.is_sealed())
        self.assertEqual(503, client.sys.read_health_status().status_code)
        self.assertEqual(1, client.sys.submit_unseal_key(made["keys"][0])["progress"])
        self.assertEqual(0, client.sys.submit_unseal_key(reset=True)["progress"])
        self.assertFalse(client.sys.submit_unseal_keys(made["keys_base64"][:3])["sealed"])
        client.token = made["root_token"]
        self.assertEqual(204, client.sys.seal().status_code)
        with self.assertRaises(exceptions.VaultDown):
            client.sys.list_policies()
        with self.assertRaises(exceptions.InvalidRequest):
            client.sys.submit_unseal_key("00" * 33)
        self.assertFalse(client.sys.submit_unseal_keys(made["keys"])["sealed"])
        self.assertIn("root", client.sys.list_policies()["data"]["policies"])

    def test_mounts(self):
        sys_ = self.client.sys
        sys_.enable_secrets_engine("kv", path="team/kv", description="d", options={"version": "2"}, config={"default_lease_ttl": "1h"})
        self.assertEqual("kv", sys_.list_mounted_secrets_engines()["data"]["team/kv/"]["type"])
        self.assertEqual("2", sys_.retrieve_mount_option("team/kv", "version"))
        self.assertEqual(3600, sys_.read_mount_configuration("team/kv")["data"]["default_lease_ttl"])
        sys_.tune_mount_configuration("team/kv", max_lease_ttl="2h", description="e")
        self.assertEqual(7200, sys_.read_mount_configuration("team/kv")["data"]["max_lease_ttl"])
        with self.assertRaises(exceptions.InvalidRequest):
            sys_.enable_secrets_engine("kv", path="team/kv")
        self.assertEqual(204, sys_.disable_secrets_engine("team/kv").status_code)
        self.assertNotIn("team/kv/", sys_.list_mounted_secrets_engines()["data"])
        with self.assertRaises(exceptions.VaultError):
            sys_.enable_secrets_engine("nonesuch", path="n")

    def test_auth_methods(self):
        sys_ = self.client.sys
        self.assertEqual("token", sys_.list_auth_methods()["data"]["token/"]["type"])
        self.assertIn("default_lease_ttl", sys_.read_auth_method_tuning("token")["data"])
        with self.assertRaises(exceptions.InvalidRequest):
            sys_.enable_auth_method("nonesuch")
        with self.assertRaises(exceptions.InvalidRequest):
            sys_.disable_auth_method("token")
        with self.assertRaises(exceptions.InvalidRequest):
            sys_.tune_auth_method("token", default_lease_ttl="1h")

    def test_policies(self):
        sys_ = self.client.sys
        text = 'path "secret/data/a" { capabilities = ["read"] }'
        sys_.create_or_update_policy("hvac", text)
        self.assertEqual(text, sys_.read_policy("hvac")["data"]["rules"])
        self.assertEqual(text, self.client.get_policy("hvac"))
        sys_.create_or_update_policy("hvac-json", {"path": {"secret/data/b": {"capabilities": ["read"]}}})
        self.assertIn("secret/data/b", sys_.read_policy("hvac-json")["data"]["rules"])
        self.assertTrue({"default", "root", "hvac", "hvac-json"} <= set(sys_.list_policies()["data"]["policies"]))
        with self.assertRaises(exceptions.InvalidRequest):
            sys_.create_or_update_policy("hvac", "nonsense")
        sys_.delete_policy("hvac")
        with self.assertRaises(exceptions.InvalidPath):
            sys_.read_policy("hvac")
        self.assertIsNone(self.client.get_policy("hvac"))

    def test_capabilities(self):
        self.client.sys.create_or_update_policy("capable", 'path "secret/data/*" { capabilities = ["read", "list"] }')
        made = self.create(policies=["capable"], no_default_policy=True)
        expected = ["list", "read"]
        paths = ["secret/data/x"]
        for reply in (
            self.client.sys.get_capabilities(paths, token=made["client_token"]),
            self.client.sys.get_capabilities(paths, accessor=made["accessor"]),
        ):
            self.assertEqual(expected, sorted(reply["data"]["capabilities"]))
        self.assertEqual(["root"], self.client.sys.get_capabilities(paths)["data"]["capabilities"])

    def test_keys(self):
        sys_ = self.client.sys
        term = sys_.get_encryption_key_status()["data"]["term"]
        self.assertIn(sys_.rotate_encryption_key().status_code, (200, 204))
        self.assertEqual(term + 1, sys_.get_encryption_key_status()["data"]["term"])
        self.assertEqual(term + 1, self.client.key_status["term"])

    def test_audit(self):
        sys_ = self.client.sys
        before = set(sys_.list_enabled_audit_devices()["data"])
        sys_.enable_audit_device("file", path="hvac-file", options={"file_path": "hvac.log"})
        self.assertEqual(before | {"hvac-file/"}, set(sys_.list_enabled_audit_devices()["data"]))
        self.assertEqual(204, sys_.disable_audit_device("hvac-file").status_code)
        self.assertEqual(before, set(sys_.list_enabled_audit_devices()["data"]))


    def test_audit_hash(self):
        sys_ = self.client.sys
        sys_.enable_audit_device("file", path="hashed", options={"file_path": "hashed.log"})
        self.addCleanup(sys_.disable_audit_device, "hashed")
        # Of the field that requests name tokens by: the library knows no other.
        made = self.create()["client_token"]
        self.client.auth.token.lookup(made)
        hashed = sys_.calculate_hash("hashed", made)["data"]["hash"]
        rows = self.vault.database.query(f"SELECT count(*) FROM audit_record WHERE path = 'auth/token/lookup' AND detail LIKE '%{hashed}%'")
        self.assertEqual([["1"]], rows)
        self.assertEqual(hashed, self.client.audit_hash("hashed", made)["hash"])


class TokenTest(HvacTest):
    def test_create_look_up_renew_and_revoke(self):
        token = self.client.auth.token
        made = self.create(policies=["default"], ttl="1h", meta={"k": "v"}, display_name="hvac", renewable=True)
        self.assertEqual("token-hvac", token.lookup(made["client_token"])["data"]["display_name"])
        self.assertEqual({"k": "v"}, token.lookup_accessor(made["accessor"])["data"]["meta"])
        own = self.connect(made["client_token"])
        self.assertEqual(made["accessor"], own.auth.token.lookup_self()["data"]["accessor"])
        self.assertEqual(made["accessor"], own.lookup_token()["data"]["accessor"])
        for reply in (
            token.renew(made["client_token"], increment="2h"),
            own.auth.token.renew_self(increment="2h"),
            token.renew_accessor(made["accessor"], increment="2h"),
        ):
            self.assertEqual(7200, reply["auth"]["lease_duration"])
        self.assertIn(made["accessor"], token.list_accessors()["data"]["keys"])
        token.revoke(made["client_token"])
        with self.assertRaises(exceptions.Forbidden):
            own.auth.token.lookup_self()
        with self.assertRaises(exceptions.VaultError):
            token.lookup(made["client_token"])

    def test_tidying_is_answered(self):
        self.assertEqual(202, self.client.auth.token.tidy().status_code)

    def test_other_ways_of_revoking(self):
        token = self.client.auth.token
        made = self.create(ttl="1h")
        token.revoke_accessor(made["accessor"])
        with self.assertRaises(exceptions.VaultError):
            token.lookup_accessor(made["accessor"])
        made = self.create(ttl="1h")
        self.connect(made["client_token"]).auth.token.revoke_self()
        self.assertFalse(self.connect(made["client_token"]).is_authenticated())
        made = self.create(ttl="1h", policies=["root"])
        child = self.connect(made["client_token"]).auth.token.create(ttl="1h")["auth"]["client_token"]
        token.revoke_and_orphan_children(made["client_token"])
        self.assertTrue(self.connect(child).is_authenticated())
        client = self.connect(self.create(ttl="1h")["client_token"])
        client.logout(revoke_token=True)
        self.assertFalse(client.is_authenticated())

    def test_counted_uses(self):
        client = self.connect(self.create(num_uses=2, policies=["root"])["client_token"])
        client.sys.list_policies()
        client.sys.list_policies()
        with self.assertRaises(exceptions.Forbidden):
            client.sys.list_policies()


    def test_roles(self):
        token = self.client.auth.token
        with self.assertRaises(exceptions.InvalidPath):
            token.list_roles()
        made = token.create_or_update_role("app", allowed_policies=["ops"], disallowed_policies=["dev"], orphan=True, path_suffix="v1")
        self.assertEqual(204, made.status_code)
        self.assertEqual(["app"], token.list_roles()["data"]["keys"])
        role = token.read_role("app")["data"]
        self.assertEqual((["ops"], ["dev"], True, "v1"), tuple(role[k] for k in ("allowed_policies", "disallowed_policies", "orphan", "path_suffix")))
        auth = self.create(role_name="app")
        self.assertEqual((["default", "ops"], True), (auth["policies"], auth["orphan"]))
        self.assertEqual("app", token.lookup(auth["client_token"])["data"]["role"])
        with self.assertRaises(exceptions.InvalidRequest):
            self.create(role_name="app", policies=["dev"])
        with self.assertRaises(exceptions.InvalidRequest):
            self.create(role_name="none")
        self.assertEqual(204, token.delete_role("app").status_code)
        with self.assertRaises(exceptions.InvalidPath):
            token.read_role("app")


class KvTest(HvacTest):
    def setUp(self):
        self.kv = self.client.secrets.kv.v2

    def test_versions(self):
        self.assertEqual(1, self.kv.create_or_update_secret("v", {"a": "1"})["data"]["version"])
        self.assertEqual(2, self.kv.create_or_update_secret("v", {"a": "2"}, cas=1)["data"]["version"])
        with self.assertRaises(exceptions.InvalidRequest):
            self.kv.create_or_update_secret("v", {"a": "3"}, cas=1)
        self.assertEqual({"a": "2"}, self.kv.read_secret("v")["data"]["data"])
        self.assertEqual({"a": "1"}, self.kv.read_secret_version("v", version=1)["data"]["data"])
        self.kv.patch("v", {"b": "3"})
        self.assertEqual({"a": "2", "b": "3"}, self.kv.read_secret("v")["data"]["data"])

    def test_deleting_and_destroying(self):
        for i in range(3):
            self.kv.create_or_update_secret("d", {"a": i})
        self.kv.delete_latest_version_of_secret("d")
        with self.assertRaises(exceptions.InvalidPath):
            self.kv.read_secret("d")
        self.kv.delete_secret_versions("d", [1])
        self.kv.undelete_secret_versions("d", [1, 3])
        self.assertEqual({"a": 2}, self.kv.read_secret("d")["data"]["data"])
        self.kv.destroy_secret_versions("d", [1])
        with self.assertRaises(exceptions.InvalidPath):
            self.kv.read_secret_version("d", version=1)
        self.assertTrue(self.kv.read_secret_metadata("d")["data"]["versions"]["1"]["destroyed"])
        self.kv.delete_metadata_and_all_versions("d")
        with self.assertRaises(exceptions.InvalidPath):
            self.kv.read_secret_metadata("d")

    def test_metadata_configuration_and_lists(self):
        self.kv.create_or_update_secret("m/a", {"a": 1})
        self.kv.create_or_update_secret("m/b/c", {"a": 1})
        self.kv.update_metadata("m/a", max_versions=7, cas_required=False, delete_version_after="1h")
        data = self.kv.read_secret_metadata("m/a")["data"]
        self.assertEqual((7, "1h0m0s"), (data["max_versions"], data["delete_version_after"]))
        self.assertEqual(["a", "b/"], self.kv.list_secrets("m")["data"]["keys"])
        with self.assertRaises(exceptions.InvalidPath):
            self.kv.list_secrets("nothing")
        self.kv.configure(max_versions=9)
        self.assertEqual(9, self.kv.read_configuration()["data"]["max_versions"])
        self.kv.configure(max_versions=0)

    def test_through_the_generic_calls(self):
        client = self.client
        client.write("cubbyhole/g", a="1")
        self.assertEqual({"a": "1"}, client.read("cubbyhole/g")["data"])
        self.assertEqual(["g"], client.list("cubbyhole")["data"]["keys"])
        client.delete("cubbyhole/g")
        self.assertIsNone(client.read("cubbyhole/g"))
        self.assertIsNone(client.list("cubbyhole"))
        client.write("secret/data/g", data={"k": "v"})
        self.assertEqual({"k": "v"}, client.read("secret/data/g")["data"]["data"])


class OlderNamesTest(HvacTest):
    """The library's calls of before, on the client itself."""

    def test_sys(self):
        client = self.client
        self.assertTrue(client.is_initialized())
        self.assertFalse(client.is_sealed())
        self.assertEqual(2, client.seal_status["t"])
        term = client.key_status["term"]
        client.rotate()
        self.assertEqual(term + 1, client.key_status["term"])
        client.set_policy("older", 'path "a" { capabilities = ["read"] }')
        self.assertIn("older", client.list_policies())
        self.assertIn("path", client.get_policy("older"))
        client.delete_policy("older")
        self.assertIsNone(client.get_policy("older"))

    def test_sealing(self):
        vault = harness.Vault()
        self.addCleanup(vault.stop)
        vault.node.start()
        client = self.connect(vault=vault)
        made = client.initialize(3, 2)
        client.token = made["root_token"]
        self.assertEqual(1, client.unseal(made["keys"][0])["progress"])
        self.assertEqual(0, client.unseal_reset()["progress"])
        self.assertFalse(client.unseal_multi(made["keys"][:2])["sealed"])
        self.assertEqual(0, client.unseal(made["keys"][2])["progress"])
        client.seal()
        self.assertTrue(client.is_sealed())

    def test_mounts(self):
        client = self.client
        client.enable_secret_backend("kv", mount_point="older", options={"version": "2"})
        self.assertEqual("kv", client.list_secret_backends()["data"]["older/"]["type"])
        client.tune_secret_backend("kv", mount_point="older", max_lease_ttl="2h")
        self.assertEqual(7200, client.get_secret_backend_tuning("kv", mount_point="older")["data"]["max_lease_ttl"])
        client.disable_secret_backend("older")
        self.assertNotIn("older/", client.list_secret_backends()["data"])
        self.assertIn("token/", client.list_auth_backends()["data"])
        self.assertIn("max_lease_ttl", client.get_auth_backend_tuning("token")["data"])
        for refused in (
            lambda: client.tune_auth_backend("token", max_lease_ttl="2h"),
            lambda: client.enable_auth_backend("nonesuch"),
            lambda: client.disable_auth_backend("token"),
        ):
            self.assertRaises(exceptions.InvalidRequest, refused)

    def test_audit(self):
        client = self.client
        client.enable_audit_backend("file", name="older", options={"file_path": "older.log"})
        self.assertIn("older/", client.list_audit_backends()["data"])
        client.disable_audit_backend("older")
        self.assertNotIn("older/", client.list_audit_backends()["data"])

    def test_tokens(self):
        made = self.client.create_token(policies=["default"], lease="1h", orphan=True)["auth"]
        self.assertEqual(made["accessor"], self.client.lookup_token(made["client_token"])["data"]["accessor"])
        self.client.lookup_token(made["accessor"], accessor=True)
        self.client.renew_token(made["client_token"])
        self.client.revoke_token(made["client_token"])
        with self.assertRaises(exceptions.VaultError):
            self.client.lookup_token(made["client_token"])
        own = self.connect(self.create(ttl="1h")["client_token"])
        self.assertEqual(7200, own.renew_self_token(increment="2h")["auth"]["lease_duration"])
        own.revoke_self_token()
        self.assertFalse(own.is_authenticated())

    def test_token_roles(self):
        client = self.client
        client.create_token_role("older", allowed_policies=["ops"], period="1h")
        self.assertEqual(3600, client.token_role("older")["data"]["token_period"])
        self.assertIn("older", client.list_token_roles()["data"]["keys"])
        self.assertEqual(3600, client.create_token(role="older")["auth"]["lease_duration"])
        client.delete_token_role("older")
        self.assertIsNone(client.list_token_roles())

    def test_logging_in_is_up_to_a_method(self):
        with self.assertRaises(exceptions.VaultError):
            self.connect().login("/v1/auth/userpass/login/x", json={"password": "x"})


class AbsentTest(HvacTest):
    """What isn't served, by the library's own signatures: clear errors, and never a 500."""

    def arguments(self, method):
        made = {}
        for name, parameter in inspect.signature(method).parameters.items():
            if parameter.default is not inspect.Parameter.empty or parameter.kind in (
                inspect.Parameter.VAR_KEYWORD,
                inspect.Parameter.VAR_POSITIONAL,
            ):
                continue
            made[name] = ["x"] if name in ("paths", "keys", "versions", "scopes") else "x"
        return made

    def statuses_of(self, thing, wanted=lambda name: True):
        """Calls methods that have a path to ask; what the library itself refuses isn't sent."""
        asked = {}
        for name, method in inspect.getmembers(thing, inspect.ismethod):
            if name.startswith("_") or name in ("get", "put", "post", "delete", "list") or not wanted(name):
                continue
            self.answers.clear()
            try:
                method(**self.arguments(method))
            except (exceptions.VaultError, exceptions.ParamValidationError, NotImplementedError):
                pass
            except (TypeError, ValueError, KeyError, AttributeError, OSError, IndexError):
                pass  # a file, key or account that an "x" isn't
            if self.answers:
                asked[name] = list(self.answers)
        return asked

    def setUp(self):
        Calls.watching = False
        self.addCleanup(setattr, Calls, "watching", True)
        self.answers = []
        self.client = self.connect(self.vault.token)
        session = self.client.session
        send = session.request

        def note(*arguments, **options):
            reply = send(*arguments, **options)
            self.answers.append((reply.status_code, reply.headers.get("Content-Type"), reply.text))
            return reply

        session.request = note

    def check(self, thing, *wanted):
        asked = self.statuses_of(thing, *wanted)
        self.assertTrue(asked)
        for name, answers in asked.items():
            for status, kind, text in answers:
                self.assertIn(status, CLEAN, f"{name}: {status} {text}")
                self.assertEqual("application/json", kind, name)
                self.assertIn('"errors"', text, name)

    def test_auth_methods_that_are_not_there(self):
        for name in OTHER_AUTH:
            with self.subTest(name):
                self.check(getattr(self.client.auth, name))

    def test_engines_that_are_not_there(self):
        for name in OTHER_ENGINES:
            with self.subTest(name):
                self.check(getattr(self.client.secrets, name))

    def test_system_calls_that_are_not_there(self):
        self.check(self.client.sys, lambda name: reason_of(f"sys.{name}") is not None)

    def test_the_first_version_of_kv(self):
        self.check(self.client.secrets.kv.v1)

    def test_wrapped_answers(self):
        with self.assertRaisesRegex(exceptions.InvalidRequest, "wrapping isn't supported"):
            self.client.auth.token.create(wrap_ttl="60s")


class EveryCallTest(unittest.TestCase):
    """Runs last: whatever the library can do in these areas was done, or there is a reason."""

    def test_every_call_was_made_or_is_excused(self):
        for area in AREAS:
            for call in calls_of(area):
                with self.subTest(call):
                    if reason_of(call) is None:
                        self.assertTrue(call in Calls.made, "is neither called nor named in ABSENT")
                    else:
                        self.assertFalse(call in Calls.made, "is called: take it out of ABSENT")

    def test_every_excuse_is_needed(self):
        known = [call for area in AREAS for call in calls_of(area)]
        for pattern in ABSENT:
            self.assertTrue(any(re.fullmatch(pattern, call) for call in known), pattern)


def load_tests(loader, tests, pattern):
    """Of the whole file; a part of it can't have made every call."""
    classes = (SystemTest, TokenTest, KvTest, OlderNamesTest, AbsentTest, EveryCallTest)
    return unittest.TestSuite(loader.loadTestsFromTestCase(one) for one in classes)


if __name__ == "__main__":
    unittest.main()
