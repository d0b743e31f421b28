"""Roles in a database: audit, grant, revoke. Python's standard library only.

A real database takes the place of SQLite by another `connect`; what belay sees stays the same: exit
codes, output, and a key that makes a repeated change do nothing.
"""

import argparse
import json
import os
import sqlite3
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATABASE = ROOT / "roles.db"


def connect():
    if not DATABASE.exists():
        sys.exit("there is no roles.db: run `python3 scripts/roles.py setup`")
    return sqlite3.connect(DATABASE)


def setup(_):
    DATABASE.unlink(missing_ok=True)
    with sqlite3.connect(DATABASE) as database:
        database.executescript((ROOT / "sql" / "setup.sql").read_text())
    print(f"made {DATABASE.name}")


def audit(args):
    with connect() as database:
        rows = database.execute((ROOT / args.sql).read_text()).fetchall()
    print(json.dumps({"extra": [{"role": role, "member": member} for role, member in rows]}))
    if rows and args.must_be_clean:
        sys.exit(1)


def has(args):
    with connect() as database:
        found = database.execute(
            "select 1 from granted where role = ? and member = ?", (args.role, args.member)
        ).fetchone()
    # Neither is what Python ends with when something goes wrong.
    sys.exit(10 if found else 11)


def change(args):
    key = os.environ.get("BELAY_IDEMPOTENCY_KEY", "by-hand-" + os.urandom(8).hex())
    statements = {
        "grant": "insert or ignore into granted (role, member) values (?, ?)",
        "revoke": "delete from granted where role = ? and member = ?",
    }
    # The change and its key in one transaction: both are there, or none.
    with connect() as database:
        if database.execute("select 1 from changes where key = ?", (key,)).fetchone():
            print(f"{args.deed} was done before under this key")
            return
        database.execute(statements[args.deed], (args.role, args.member))
        database.execute(
            "insert into changes values (?, ?, ?, ?)", (key, args.deed, args.role, args.member)
        )
    print(f"{args.deed}: {args.role}, {args.member}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    deeds = parser.add_subparsers(dest="deed", required=True)
    deeds.add_parser("setup").set_defaults(run=setup)
    auditing = deeds.add_parser("audit")
    auditing.add_argument("--sql", required=True)
    auditing.add_argument("--must-be-clean", action="store_true")
    auditing.set_defaults(run=audit)
    for name, run in [("has", has), ("grant", change), ("revoke", change)]:
        deed = deeds.add_parser(name)
        deed.add_argument("--role", required=True)
        deed.add_argument("--member", required=True)
        deed.set_defaults(run=run)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
