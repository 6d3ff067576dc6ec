#!/usr/bin/python3 -I
# SPDX-License-Identifier: ISC
"""A rotator in one page: passwords in a file of lines "account salt hash fence" (K1).

docs/writing-a-rotator.md develops it. The file plays the target: replace read_file(), change() and
probe() by what your system wants.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import sys

HELLO = {
    "abi": 1,
    "name": "passwords",
    "kind": "K1",
    "overlap": False,
    "max_slots": 1,
    "idempotent": ["apply", "revoke"],
    "fences": True,
    "ops": ["plan", "check", "apply", "probe", "revoke"],
    "target_settings": [
        {
            "name": "folder",
            "flags": ["required", "path", "writable"],
            "help": "Folder that holds the file `passwords`.",
        }
    ],
    "account_settings": [],
}


class Refused(Exception):
    """An answer that isn't a success: error class and message, which holds no value."""

    def __init__(self, error_class, message):
        super().__init__(message)
        self.error_class = error_class
        self.message = message


def octets(value, member):
    return base64.b64decode(value.get(member, ""), validate=True)


def file_of(request):
    return os.path.join(request["target"]["settings"]["folder"], "passwords")


def digest(salt, secret):
    return hashlib.scrypt(secret, salt=salt, n=2**12, r=8, p=1).hex()


def read_file(path):
    """{account: (salt, hash, fence)}; no file is no account."""
    try:
        with open(path, encoding="utf-8") as f:
            lines = [line.rstrip("\n").split(" ") for line in f]
    except FileNotFoundError:
        return {}
    except OSError as e:
        raise Refused("unreachable", "the file can't be read: " + e.strerror) from None
    return {name: (salt, value, int(fence)) for name, salt, value, fence in lines}


def change(request, entry):
    """Replaces the account's line, and nothing else: whole, or not at all, whenever we are killed."""
    path, name, fence = file_of(request), request["account"]["name"], request["fence"]
    if not name or any(c in name for c in " \r\n"):
        raise Refused("invalid", "an account's name has no blank and no line end")
    with open(path + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        accounts = read_file(path)
        if name in accounts and accounts[name][2] > fence:
            raise Refused("fenced", "a later attempt was here")
        accounts[name] = (*entry, fence)
        with open(path + ".new", "w", encoding="utf-8") as f:
            for account, fields in sorted(accounts.items()):
                f.write(" ".join([account, *map(str, fields)]) + "\n")
            f.flush()
            os.fsync(f.fileno())
        os.replace(path + ".new", path)
    return {"result": "applied"}


def apply(request):
    secret, salt = octets(request["value"], "secret"), octets(request["value"], "salt")
    if not secret:
        raise Refused("invalid", "no value was given")
    return change(request, (salt.hex() or "-", digest(salt, secret)))


def revoke(request):
    return change(request, ("-", "-"))


def probe(request):
    name, secret = request["account"]["name"], octets(request["value"], "secret")
    salt, stored, _ = read_file(file_of(request)).get(name, ("-", "-", 0))
    known = digest(bytes.fromhex(salt.replace("-", "")), secret)
    return {"result": "works"} if hmac.compare_digest(known, stored) else {"result": "rejected"}


def plan(request):
    name = request["account"]["name"]
    return {"result": "done", "steps": [f"hash the new value, replace the line of {name} in {file_of(request)}"]}


def check(request):
    folder = request["target"]["settings"]["folder"]
    good = os.access(folder, os.W_OK)
    item = {
        "name": "may_write",
        "state": "ok" if good else "missing",
        "detail": "The file can be replaced." if good else f"{folder} can't be written to.",
        "how_to_grant": "" if good else f"chown the folder to uid {os.getuid()}",
    }
    return {"result": "done", "checks": [item]}


OPERATIONS = {"plan": plan, "check": check, "apply": apply, "probe": probe, "revoke": revoke}
# What to say when an operation can't be done, or breaks.
REFUSED = {"apply": "not_applied", "revoke": "not_applied", "probe": "unreachable"}
BROKEN = {"apply": "unknown", "revoke": "unknown", "probe": "unreachable"}


def answer(request):
    op = request.get("op")
    if op == "hello":
        return {"result": "done", **HELLO}
    if op not in OPERATIONS:
        return {"result": "failed", "error_class": "invalid", "message": "there is no such operation"}
    try:
        return OPERATIONS[op](request)
    except Refused as e:
        return {"result": REFUSED.get(op, "failed"), "error_class": e.error_class, "message": e.message}
    except Exception as e:  # the name alone: the text of an exception may hold what it was given
        result = BROKEN.get(op, "failed")
        broken = "unreachable" if op == "probe" else "unknown_outcome" if op in BROKEN else "invalid"
        return {"result": result, "error_class": broken, "message": "broken by " + type(e).__name__}


def main():
    for line in sys.stdin:
        request = json.loads(line)
        reply = {"id": request["id"], "error_class": "none", "message": "", **answer(request)}
        if "attempt" in request:
            reply["attempt"] = request["attempt"]
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
