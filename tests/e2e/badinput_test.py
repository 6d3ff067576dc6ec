# SPDX-License-Identifier: ISC
"""Requests that no well-behaved client sends: bodies, paths, methods, policies, versions."""

import os
import time
import unittest

import harness
import wire
from badinput import BadInputTest

MIB = 1024 * 1024
JSON_REFUSAL = "the body isn't acceptable JSON: "


class BodyTest(BadInputTest):
    PATH = "/v1/secret/data/bad"

    def refuse(self, body, message, status=400):
        self.assertLeavesNothing(lambda: self.assertError(status, message, self.raw("POST", self.PATH, body)))

    def test_malformed_json_is_refused_with_its_place(self):
        for body, why in (
            (b"{", "expected a key in double quotes (line 1, column 2)"),
            (b'{"data":', "expected a JSON value (line 1, column 9)"),
            (b'{"data":{}}x', "unexpected text after the JSON value (line 1, column 12)"),
            (b"nope", "expected a JSON value (line 1, column 1)"),
            (b"{'data':{}}", "expected a key in double quotes (line 1, column 2)"),
            (b'{"data":{"a":NaN}}', "expected a JSON value (line 1, column 14)"),
            (b'{"data":\n {"a":1,}}', "expected a key in double quotes (line 2, column 9)"),
            (b'{"data":{"a":"x', "a JSON string does not end (line 1, column 16)"),
            (b'\xef\xbb\xbf{"data":{"a":1}}', "expected a JSON value (line 1, column 1)"),
        ):
            self.refuse(body, JSON_REFUSAL + why)
        for body in (b'{"data":{"a":01}}', b'{"data":{"a":1.}}', b'{"data":{"a":+1}}', b'{"data":{"a":0x1}}'):
            self.refuse(body, JSON_REFUSAL + "...")

    def test_what_is_not_an_object_is_refused(self):
        for body in (b"[]", b'"x"', b"1", b"null", b"true"):
            self.refuse(body, "the body must be a JSON object")

    def test_repeated_keys_are_refused_at_every_depth(self):
        for body in (
            b'{"data":{"a":1},"data":{"a":2}}',
            b'{"data":{"a":1,"a":2}}',
            b'{"data":{"l":[{"a":1,"\\u0061":2}]}}',
        ):
            self.refuse(body, JSON_REFUSAL + "the same key appears twice in a JSON object...")

    def test_what_is_not_utf8_is_refused(self):
        for text in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"):
            self.refuse(b'{"data":{"a":"' + text + b'"}}', JSON_REFUSAL + "a JSON string is not UTF-8...")
            self.refuse(b'{"data":{"' + text + b'":1}}', JSON_REFUSAL + "...")

    def test_nul_is_refused_but_as_an_escape_within_a_value(self):
        self.refuse(b'{"data":{"a":"\0"}}', JSON_REFUSAL + "a control character in a JSON string must be escaped...")
        self.refuse(b'{"data":{"a\\u0000":1}}', JSON_REFUSAL + "\\u0000 is not allowed in text...")
        self.refuse(b'{"data":{}}\0', JSON_REFUSAL + "...")
        self.assertStatus(200, self.raw("POST", "/v1/secret/data/nul", b'{"data":{"a":"x\\u0000y"}}'))
        self.assertEqual("x\0y", self.vault.get("secret/data/nul").data["data"]["a"])

    def test_nul_never_reaches_the_database_as_text(self):
        for method, target, body in (
            ("POST", "/v1/secret/metadata/bad", b'{"custom_metadata":{"a":"x\\u0000"}}'),
            ("POST", "/v1/secret/metadata/bad", b'{"owner":"x\\u0000"}'),
            ("POST", "/v1/secret/metadata/bad", b'{"description":"x\\u0000"}'),
            ("PUT", "/v1/sys/policies/acl/bad", b'{"policy":"path \\"a\\u0000\\" {}"}'),
            ("POST", "/v1/sys/mounts/bad", b'{"type":"kv","description":"\\u0000"}'),
            ("POST", "/v1/sys/mounts/bad", b'{"type":"kv\\u0000"}'),
            ("POST", "/v1/auth/token/create", b'{"display_name":"a\\u0000"}'),
            ("POST", "/v1/auth/token/create", b'{"policies":["a\\u0000"]}'),
            ("POST", "/v1/auth/token/create", b'{"meta":{"a":"\\u0000"}}'),
            ("POST", "/v1/auth/token/lookup", b'{"token":"\\u0000"}'),
            ("POST", "/v1/auth/token/lookup-accessor", b'{"accessor":"\\u0000"}'),
        ):
            self.assertLeavesNothing(lambda: self.assertStatus(400, self.raw(method, target, body)))

    def nested(self, depth):
        """A body of that depth in all."""
        return b'{"data":{"a":' + b"[" * (depth - 2) + b"]" * (depth - 2) + b"}}"

    def test_depth_up_to_300_is_kept_and_beyond_it_is_refused(self):
        for depth in (31, 32, 300):
            self.assertStatus(200, self.raw("POST", f"/v1/secret/data/depth{depth}", self.nested(depth)))
            reply = self.assertStatus(200, self.vault.get(f"secret/data/depth{depth}"))
            self.assertIn('"data":{"a":' + "[" * (depth - 2) + "]" * (depth - 2) + "}", reply.text)
        for depth in (301, 100000):
            self.refuse(self.nested(depth), JSON_REFUSAL + "the JSON document is nested too deeply...")
        self.refuse(b'{"a":' * 100000, JSON_REFUSAL + "the JSON document is nested too deeply...")

    def test_hole_6_cve_2023_6337_size_and_members_are_bounded_before_authentication(self):
        """CVE-2025-6203 and CVE-2025-59043 too: memory can't be spent without a token."""
        before = self.resident()
        many = b"{" + b",".join(b'"k%d":0' % i for i in range(60000)) + b"}"
        for _ in range(20):
            self.assertError(413, "the request body is too large", self.raw("POST", self.PATH, b"[" * (MIB + 1), token=""))
            self.assertStatus(400, self.raw("POST", self.PATH, b"[" * MIB, token=""))
            self.assertStatus(400, self.raw("POST", self.PATH, many, token=""))
        self.assertServes()
        if not harness.SANITIZED:  # its allocator keeps what was freed
            self.assertLess(self.resident() - before, 16 * MIB)

    def resident(self):
        with open(f"/proc/{self.vault.node.process.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_the_largest_body_is_kept_and_one_byte_more_is_refused(self):
        frame = len(b'{"data":{"a":""}}')
        largest = b'{"data":{"a":"' + b"x" * (MIB - frame) + b'"}}'
        self.assertStatus(200, self.raw("POST", "/v1/secret/data/largest", largest))
        self.assertEqual(MIB - frame, len(self.vault.get("secret/data/largest").data["data"]["a"]))
        self.refuse(largest + b" ", "the request body is too large", 413)

    def test_a_chunked_body_has_the_same_limit(self):
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        body = chunk * 17 + b"0\r\n\r\n"
        reply = self.raw("POST", self.PATH, body, headers=("Transfer-Encoding: chunked",))
        self.assertError(413, "the request body is too large", reply)
        self.assertServes()

    def test_a_body_that_ends_early_does_nothing(self):
        before = self.stored()
        whole = wire.request_bytes("POST", self.PATH, b'{"data":{"a":1}}', self.vault.token)
        for cut in (1, 8, 16, 40, len(whole) - 20):
            with wire.connect(self.vault.node) as sock:
                sock.sendall(whole[:-cut])
        chunked = wire.request_bytes(
            "POST", self.PATH, b'10\r\n{"data":{"a":1}}\r\n', self.vault.token, ("Transfer-Encoding: chunked",)
        )
        with wire.connect(self.vault.node) as sock:
            sock.sendall(chunked)
        time.sleep(0.2)
        self.assertEqual(before, self.stored())
        self.assertServes()

    def test_two_lengths_are_never_believed(self):
        body = b'{"data":{"a":1}}'
        for headers in (
            ("Content-Length: 16", "Content-Length: 16"),
            ("Content-Length: 16", "Content-Length: 4"),
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Content-Length: -1",),
            ("Content-Length: 99999999999999999999",),
            ("Content-Length: 1 6",),
            ("Transfer-Encoding: gzip",),
        ):
            before = self.stored()
            reply = self.raw("POST", self.PATH, body, headers=headers)
            if reply is not None:
                self.assertIn(reply.status, (400, 413, 501), headers)
            self.assertEqual(before, self.stored())
            self.assertServes()

    def test_hole_11_errors_and_log_do_not_repeat_the_body(self):
        marker = "n0t-to-be-repeated"
        for body in (b'{"data":{"a":"%s', b'{"data":{"a":"%s"}}x', b'{"data":"%s"}', b'["%s"]', b"%s"):
            reply = self.raw("POST", self.PATH, body % marker.encode())
            self.assertStatus(400, reply)
            self.assertNotIn(marker, reply.text)
        self.assertNotIn(marker, self.vault.node.read_log())
        self.assertEqual([["0"]], self.vault.database.query(f"SELECT count(*) FROM audit_record WHERE detail LIKE '%{marker}%'"))


class PathTest(BadInputTest):
    def ask_every_way(self, target, message):
        for method, body in (("GET", b""), ("POST", b'{"data":{"a":1}}'), ("DELETE", b"")):
            self.assertError(400, message, self.raw(method, target, body))

    def refuse(self, target, message):
        self.assertLeavesNothing(lambda: self.ask_every_way(target, message))

    def test_hole_12_cve_2026_3605_dot_segments_are_refused(self):
        for part in ("..", ".", "%2e%2e", "%2E.", ".%2e", "%2e"):
            self.refuse(f"/v1/secret/data/{part}/x", "dot segment in the path")
            self.refuse(f"/v1/secret/data/{part}", "dot segment in the path")

    def test_empty_segments_are_refused(self):
        for target in ("/v1/secret//data/x", "/v1//secret/data/x", "//v1/secret/data/x", "/v1/secret/data/x//"):
            self.refuse(target, "empty segment (//) in the path")

    def test_encoded_slashes_and_controls_are_refused(self):
        for part in ("a%2Fb", "a%2fb", "%2f"):
            self.refuse(f"/v1/secret/data/{part}", "encoded slash in the path")
        for part in ("a%00b", "%ff", "%c0%af", "%ed%a0%80"):
            self.refuse(f"/v1/secret/data/{part}", "the URL is not UTF-8, or holds a NUL")
        for part in ("a%0ab", "%0d%0ax", "%7f", "%1b"):
            self.refuse(f"/v1/secret/data/{part}", "control character in the path")
        for part in ("%", "%2", "%zz"):
            self.refuse(f"/v1/secret/data/{part}", "malformed percent encoding in the URL")

    def test_an_encoding_is_taken_off_once(self):
        self.assertStatus(200, self.raw("POST", "/v1/secret/data/a%252Fb", b'{"data":{"a":1}}'))
        self.assertIn("a%2Fb", self.vault.list("secret/metadata").data["keys"])

    def test_a_secret_has_no_trailing_slash(self):
        self.assertStatus(200, self.vault.post("secret/data/slash", {"data": {"a": 1}}))
        self.assertStatus(404, self.raw("GET", "/v1/secret/data/slash/"))
        self.assertLeavesNothing(
            lambda: self.assertStatus(400, self.raw("POST", "/v1/secret/data/slash/", b'{"data":{"a":2}}'))
        )
        self.raw("DELETE", "/v1/secret/data/slash/")
        self.assertStatus(200, self.vault.get("secret/data/slash"))

    def test_hole_17_cve_2026_63131_a_deny_on_list_holds_with_and_without_the_slash(self):
        self.assertStatus(200, self.vault.post("secret/data/denied/a", {"data": {"a": 1}}))
        for number, path in enumerate(("secret/metadata/denied/", "secret/metadata/denied/*")):
            token = self.vault.token_with(
                'path "secret/metadata/*" { capabilities = ["list", "scan", "read"] }'
                f'path "{path}" {{ capabilities = ["deny"] }}',
                f"deny-list-{number}",
            )
            for target in ("/v1/secret/metadata/denied", "/v1/secret/metadata/denied/"):
                self.assertStatus(403, self.raw("LIST", target, token=token))
                self.assertStatus(403, self.raw("GET", target + "?list=true", token=token))

    def test_long_paths_are_refused(self):
        self.refuse("/v1/secret/data/" + "a" * 4000, "the path is too long")
        self.refuse("/v1/secret/data" + "/a" * 200, "too many segments in the path")
        for method in ("GET", "POST"):
            reply = self.raw(method, "/v1/secret/data/" + "a" * 65536)
            self.assertIn(reply.status, (400, 414, 431), reply)
        self.assertServes()

    def test_the_longest_path_works_like_any_other(self):
        path = "/v1/secret/data/" + "/".join(["b" * 100] * 19)
        self.assertStatus(200, self.raw("POST", path, b'{"data":{"a":1}}'))
        self.assertStatus(200, self.raw("GET", path))
        self.assertStatus(200, self.raw("LIST", path.replace("/data/", "/metadata/").rpartition("/")[0]))

    def test_query_parameters_are_checked_too(self):
        for query in ("?list=%00", "?list=%ff", "?after=a&after=b", "?version=1&version=1", "?a=%", "?version=x"):
            self.assertStatus(400, self.raw("GET", "/v1/secret/data/query" + query))
        many = "&".join(f"p{i}=1" for i in range(100))
        self.assertError(400, "too many query parameters", self.raw("LIST", "/v1/secret/metadata?" + many))
        self.assertServes()


class MethodTest(BadInputTest):
    def test_unknown_methods_are_refused(self):
        for method in ("TRACE", "CONNECT", "FOO", "get", "PROPFIND"):
            self.assertError(405, "unsupported method", self.raw(method, "/v1/sys/mounts"))

    def test_methods_that_a_path_lacks_are_refused_with_those_that_it_has(self):
        for method, target in (
            ("DELETE", "/v1/sys/mounts"),
            ("PATCH", "/v1/sys/mounts"),
            ("SCAN", "/v1/secret/data/a"),
            ("POST", "/v1/secret/metadata"),
            ("GET", "/v1/auth/token/create"),
            ("OPTIONS", "/v1/sys/mounts"),
        ):
            reply = self.raw(method, target)
            self.assertError(405, "unsupported operation", reply)
            self.assertRegex(reply.headers["allow"], r"^[A-Z]+(, [A-Z]+)*$")

    def test_who_may_not_go_there_does_not_learn_the_methods(self):
        reply = self.raw("DELETE", "/v1/sys/mounts", token="")
        self.assertStatus(403, reply)
        self.assertNotIn("allow", reply.headers)

    def test_patch_needs_its_content_type_and_others_any(self):
        self.assertStatus(200, self.vault.post("secret/data/typed", {"data": {"a": 1}}))
        body = b'{"data":{"b":2}}'
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
            reply = self.raw("PATCH", "/v1/secret/data/typed", body, headers=(f"Content-Type: {kind}",))
            self.assertError(415, "PATCH requires Content-Type application/merge-patch+json", reply)
        self.assertEqual(1, self.vault.get("secret/data/typed").data["metadata"]["version"])
        # As curl -d sends it.
        form = ("Content-Type: application/x-www-form-urlencoded",)
        self.assertStatus(200, self.raw("POST", "/v1/secret/data/typed", body, headers=form))

    def test_a_read_with_a_body_reads(self):
        self.assertStatus(200, self.vault.post("secret/data/bodied", {"data": {"a": 1}}))
        self.assertStatus(200, self.raw("GET", "/v1/secret/data/bodied", b"{}"))


class PolicyTest(BadInputTest):
    def refuse(self, text, place):
        before = self.stored()
        reply = self.assertStatus(400, self.vault.put("sys/policies/acl/wrong", {"policy": text}))
        self.assertEqual(1, len(reply.errors), reply)
        self.assertIn(place, reply.errors[0])
        self.assertStatus(404, self.vault.get("sys/policies/acl/wrong"))
        self.assertEqual(before, self.stored())

    def test_errors_name_line_and_column(self):
        good = 'path "a" {\n  capabilities = ["read"]\n}\n'
        for text, line, column in (
            ('path "a" { capabilities = ["fly"] }', 1, 28),
            (good + 'path "b" {\n  capabilities = ["read", "wriet"]\n}', 5, 27),
            (good + 'path "b" {\n  capabilitys = ["read"]\n}', 5, 3),
            (good + 'path "b"\n', 5, 1),
            (good + "pth {}", 4, 1),
            ('path "a" {', 1, 11),
            ('path "a" { capabilities = "read }', 1, 34),
            ('path "a*b" { capabilities = ["read"] }', 1, 6),
        ):
            self.refuse(text, f"line {line}, column {column}")

    def test_sizes_are_bounded(self):
        reply = self.vault.put("sys/policies/acl/wrong", {"policy": "#" * (256 * 1024 + 1)})
        self.assertError(413, "a policy has 256 KiB at most", reply)
        self.refuse('path "a" ' + "{" * 1000, "")
        self.refuse("[" * 100000, "")
        self.assertServes()

    def test_what_is_no_text_is_refused(self):
        for policy in (None, 7, [], {"path": {}}, ""):
            self.assertStatus(400, self.vault.put("sys/policies/acl/wrong", {"policy": policy}))
        for name in ("root", "response-wrapping%00", "a%0ab", "x" * 300):
            reply = self.vault.put(f"sys/policies/acl/{name}", {"policy": 'path "a" { capabilities = ["read"] }'})
            self.assertStatus(400, reply)


class CheckAndSetTest(BadInputTest):
    def write(self, cas, value):
        return self.vault.post("secret/data/cas", {"options": {"cas": cas}, "data": {"v": value}})

    def test_a_mismatch_changes_nothing(self):
        self.assertStatus(200, self.write(0, "first"))
        for cas in (0, 2, 2**62):
            reply = self.assertStatus(400, self.write(cas, "lost"))
            self.assertEqual(["check-and-set parameter did not match the current version"], reply.errors)
        self.assertEqual({"v": "first"}, self.vault.get("secret/data/cas").data["data"])
        self.assertEqual(1, len(self.vault.get("secret/metadata/cas").data["versions"]))
        self.assertStatus(200, self.write(1, "second"))

    def test_what_is_no_version_is_refused(self):
        for cas in (-1, 1.5, "x", [], {}, 2**64, True):
            reply = self.write(cas, "lost")
            self.assertStatus(400, reply)
        self.assertServes()


if __name__ == "__main__":
    unittest.main()
