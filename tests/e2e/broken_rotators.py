# SPDX-License-Identifier: ISC
"""Rotators with one fault each, made from the example by changing a line of it."""

import os

EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "rotators", "example", "passwords.py")

# A K4 in a folder: a file for each key, named by its id.
ISSUER = """
HELLO.update(kind="K4", overlap=True, max_slots=4, idempotent=["retire"], fences=False,
             ops=["apply", "probe", "list_external", "retire"])

def keys_of(request):
    folder = request["target"]["settings"]["folder"]
    return folder, sorted(f for f in os.listdir(folder) if f.startswith("key-"))

def create(request):
    folder, names = keys_of(request)
    if len(names) >= 4:
        raise Refused("cap_reached", "four keys at most")
    import secrets
    key, name = secrets.token_hex(16), "key-" + secrets.token_hex(8)
    with open(os.path.join(folder, "new-" + name), "w", encoding="utf-8") as f:
        f.write(request["attempt"] + " " + key)
    os.replace(os.path.join(folder, "new-" + name), os.path.join(folder, name))
    issued = {"external_id": name, "secret": base64.b64encode(key.encode()).decode(), "valid_until_us": 0}
    return {"result": "applied", "issued": issued}

def prove(request):
    folder, names = keys_of(request)
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as f:
            if f.read().split()[1].encode() == octets(request["value"], "secret"):
                return {"result": "works"}
    return {"result": "rejected"}

def list_external(request):
    folder, names = keys_of(request)
    tags = [open(os.path.join(folder, n), encoding="utf-8").read().split()[0] for n in names]
    return {"result": "done", "external": [{"external_id": n, "attempt": t, "created_us": 0, "last_used_us": 0,
            "enabled": True} for n, t in zip(names, tags)]}

def retire(request):
    folder, names = keys_of(request)
    if request["value"]["external_id"] in names:
        os.unlink(os.path.join(folder, request["value"]["external_id"]))
    return {"result": "applied"}

OPERATIONS = {"apply": create, "probe": prove, "list_external": list_external, "retire": retire}
REFUSED["retire"] = "not_applied"
"""

MAIN = 'if __name__ == "__main__":'

# name: (what stands in the example, what stands there instead)
CHANGES = {
    "lying-probe": ('else {"result": "rejected"}', 'else {"result": "works"}'),
    "leaky-message": ('return {"result": "applied"}', 'return {"result": "applied", "message": "set " + repr(request)}'),
    "leaky-hex": (
        'return {"result": "applied"}',
        'return {"result": "applied", "message": octets(request["value"], "secret").hex()}',
    ),
    "leaky-check": (
        '    good = os.access(folder, os.W_OK)',
        '    good, folder = False, request["target"].get("secret", "")',
    ),
    "ignores-fence": ("accounts[name][2] > fence", "False"),
    "hangs": ('return {"result": "applied"}', "import time; time.sleep(600)"),
    "prints-garbage": ("print(json.dumps(reply), flush=True)", 'print("debug", json.dumps(reply), flush=True)'),
    "chatters": ("print(json.dumps(reply), flush=True)", 'print(json.dumps(reply) + "\\\n{}", flush=True)'),
    "forgets": ('os.replace(path + ".new", path)', "pass"),
    "half-written": (
        '        os.replace(path + ".new", path)',
        '        os.unlink(path) if os.path.exists(path) else None\n        import time; time.sleep(0.4)\n'
        '        os.replace(path + ".new", path)',
    ),
    "argument": (
        "    return change(request, (salt.hex()",
        '    import subprocess; subprocess.run(["/bin/sh", "-c", "sleep 0.3 #" + secret.decode()], check=False)\n'
        "    return change(request, (salt.hex()",
    ),
    "lacks-probe": ('"apply", "probe", "revoke"]', '"apply", "revoke"]'),
    "plan-changes": ('    name = request["account"]["name"]\n    return {"result": "done", "steps"',
                     '    name = request["account"]["name"]\n    apply(request)\n    return {"result": "done", "steps"'),
    "issuer": (MAIN, ISSUER + MAIN),
    "creates-twice": (MAIN, ISSUER.replace("    folder, names = keys_of(request)\n    if len",
                                           "    if not request.get(0): create({**request, 0: 1})\n"
                                           "    folder, names = keys_of(request)\n    if len") + MAIN),
}


def write(name, folder):
    """The path of the rotator with this fault."""
    with open(EXAMPLE, encoding="utf-8") as f:
        text = f.read()
    before, after = CHANGES[name]
    assert before in text, name
    path = os.path.join(folder, name + ".py")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text.replace(before, after))
    os.chmod(path, 0o755)
    return path
