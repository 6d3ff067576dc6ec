#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The checks themselves: each rule must fire on a small bad file and accept the waived or good one."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "// SPDX-License-Identifier: ISC\n"


def function(body, parameters="void"):
    return f"{HEAD}void f({parameters})\n{{\n{body}}}\n"


DEEP = "if (a) {\nfor (;;) {\nwhile (b) {\ndo {\nif (c) {\n}\n} while (d);\n}\n}\n}\n"
INITIALISERS = "if (a) {\nfor (;;) {\nwhile (b) {\ndo {\ng((struct s){{1}, {2}});\n} while (d);\n}\n}\n}\n"

# (check, path of the file, its text, the rule that must fire or None)
CASES = [
    ("layers", "vault/base/a.c", HEAD + '#include "vault/store/store.h"\n', "layer"),
    ("layers", "vault/store/a.c", HEAD + '#include "vault/base/bytes.h"\n', None),
    ("layers", "vault/store/a.c", HEAD + "#include <libpq-fe.h>\n", None),
    ("layers", "vault/policy/a.c", HEAD + "#include <libpq-fe.h>\n", "layer"),
    ("layers", "vault/policy/a.c", HEAD + "#include <unknown/library.h>\n", "layer"),
    ("layers", "vault/strange/a.c", HEAD + '#include "vault/base/bytes.h"\n', "layer"),
    ("layers", "vault/secrets/kv/a.c", HEAD + '#include "vault/secrets/pki/b.h"\n', "layer"),
    ("layers", "rotators/mock/a.c", HEAD + "#include <rotunda/rotator.h>\n", None),
    ("layers", "rotators/mock/a.c", HEAD + '#include "vault/base/bytes.h"\n', "layer"),
    (
        "layers",
        "vault/policy/a.c",
        HEAD + "// lint: allow(layer) a reason\n#include <libpq-fe.h>\n",
        None,
    ),
    ("layers", "vault/policy/a.c", HEAD + "#include <libpq-fe.h> // lint: allow(layer)\n", "layer"),
    ("layers", "vault/policy/a.c", HEAD + "int a; // lint: allow(layer) unused\n", "layer"),
    ("size", "vault/base/a.c", function("g();\n" * 57), None),
    ("size", "vault/base/a.c", function("g();\n" * 61), "function-lines"),
    ("size", "vault/base/a.c", function("if (a) {\n}\n" * 16), "complexity"),
    ("size", "vault/base/a.c", function("", ", ".join(["int a"] * 6)), None),
    ("size", "vault/base/a.c", function("", ", ".join(["int (*a)(int, int)"] * 7)), "parameters"),
    ("size", "vault/base/a.c", function(DEEP), "nesting"),
    ("size", "vault/base/a.c", function(INITIALISERS), None),
    ("size", "vault/base/a.h", HEAD + "int a;\n" * 600, "file-lines"),
    ("banned", "vault/base/a.c", function("strcpy(a, b);\n"), "banned"),
    ("banned", "vault/base/a.c", function("pthread_cond_timedwait(&c, &m, &t);\n"), "banned"),
    ("banned", "vault/base/a.c", function("my_strcpy(a, b); // strcpy(\n"), None),
    ("banned", "vault/base/a.c", function('puts("strcpy(a)");\n'), None),
    ("banned", "vault/base/a.c", function("memset(p, 0, n);\nfree(p);\n"), "banned"),
    ("banned", "vault/base/a.c", function("char k[9];\nmemset(k, 0, sizeof k);\n"), "banned"),
    ("banned", "vault/base/a.c", function("memset(k, 0, sizeof k);\ng(k);\n"), None),
    ("banned", "vault/seal/a.c", function("memcmp(a, b, n);\n"), "banned"),
    ("banned", "vault/base/a.c", function("if (a)\ng();\n"), "braces"),
    ("banned", "vault/base/a.c", function("if (a(b)) {\n} else\ng();\n"), "braces"),
    ("banned", "vault/base/a.c", function("do {\n} while (a(b));\n"), None),
    ("banned", "vault/base/a.c", "int a;\n", "spdx"),
    ("banned", "vault/base/a.h", HEAD + "int a;\n", "pragma-once"),
    ("banned", "vault/base/a.c", HEAD + "// TO" + "DO later\n", "marker"),
    ("migrations", "migrations/0001_create_tokens.sql", "SELECT 1;\n", None),
    ("migrations", "migrations/0002_create_tokens.sql", "SELECT 1;\n", "next number"),
    ("migrations", "migrations/0001-tokens.sql", "SELECT 1;\n", "NNNN_verb_noun"),
    ("readmes", "vault/base/a.c", "int a;\n", "README.md is missing"),
    ("format", "vault/base/a.c", HEAD + "int  a;\n", "clang-format-violations"),
]


def run_check(check, root):
    python = os.path.join(HERE, check + ".py")
    command = ["python3", python] if os.path.exists(python) else ["sh", f"{HERE}/{check}.sh"]
    environment = dict(os.environ, ROTUNDA_LINT_ROOT=root)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def fault_of(case):
    """What the check did wrong with this case, or None."""
    check, path, text, rule = case
    with tempfile.TemporaryDirectory() as root:
        for folder in ("vault", "rotators", os.path.dirname(path)):
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        with open(os.path.join(root, path), "w", encoding="utf-8") as file:
            file.write(text)
        run = run_check(check, root)
    output = run.stdout + run.stderr
    if rule is None:
        return output if run.returncode != 0 else None
    if run.returncode == 0 or rule not in output:
        return f"should have said {rule}, said: {output or 'nothing'}"
    return None


def main():
    failed = False
    for case in CASES:
        fault = fault_of(case)
        if fault:
            failed = True
            print(f"{case[0]} on {case[1]}: {fault}")
    sys.exit(1 if failed else 0)


main()
