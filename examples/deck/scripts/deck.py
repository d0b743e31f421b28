"""Orders in, a deck of slides out. Python's standard library only."""

import argparse
import csv
import html
import sqlite3
import sys
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Revenue</title>
<style>
  body {{ font: 18px/1.5 system-ui, sans-serif; margin: 0; color: #1d2733; }}
  section {{ min-height: 100vh; padding: 8vh 10vw; box-sizing: border-box; page-break-after: always; }}
  table {{ border-collapse: collapse; min-width: 24em; }}
  th, td {{ padding: .4em 1.2em .4em 0; border-bottom: 1px solid #d5dce4; text-align: left; }}
  td.number, th.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
</style>
{slides}
</html>
"""


def orders(path):
    """The orders with their amount in cents; what is no order is told, with its line."""
    rows, faults = [], []
    with open(ROOT / path, newline="") as file:
        for line, row in enumerate(csv.DictReader(file), start=2):
            try:
                cents = Decimal(row["amount"]) * 100
                if cents != int(cents) or cents < 0:
                    raise InvalidOperation
                rows.append((row["order_id"], row["ordered_at"], row["region"], int(cents)))
            except (InvalidOperation, KeyError, TypeError):
                faults.append(f"{path}:{line}: `{row.get('amount')}` is no amount")
    ids = [row[0] for row in rows]
    faults += [f"{path}: order {one} is there twice" for one in sorted(set(ids)) if ids.count(one) > 1]
    return rows, faults


def read(path):
    rows, faults = orders(path)
    if faults:
        sys.exit("\n".join(faults))
    return rows


def check(args):
    print(f"{len(read(args.data))} orders, no fault")


def build(args):
    with sqlite3.connect(":memory:") as database:
        database.execute("create table orders (order_id text, ordered_at text, region text, cents integer)")
        database.executemany("insert into orders values (?, ?, ?, ?)", read(args.data))
        figures = database.execute((ROOT / args.query).read_text()).fetchall()
    out = ROOT / args.out
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out.parent / "figures.csv", "w", newline="") as file:
        csv.writer(file).writerows([("month", "region", "revenue", "orders"), *figures])
    slides = [title(figures)]
    slides += [slide(month, list(rows)) for month, rows in groupby(figures, lambda row: row[0])]
    out.write_text(PAGE.format(slides="\n".join(slides)))
    print(f"{args.out}: {len(slides)} slides")


def title(figures):
    months = sorted({row[0] for row in figures})
    total = sum(row[2] for row in figures)
    return f"<section><h1>Revenue, {months[0]} to {months[-1]}</h1><p>{total:,.2f} in all</p></section>"


def slide(month, rows):
    cells = "".join(
        f"<tr><td>{html.escape(region)}</td><td class=number>{revenue:,.2f}</td>"
        f"<td class=number>{count}</td></tr>"
        for _, region, revenue, count in rows
    )
    head = "<tr><th>region</th><th class=number>revenue</th><th class=number>orders</th></tr>"
    return f"<section><h2>{html.escape(month)}</h2><table>{head}{cells}</table></section>"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    deeds = parser.add_subparsers(required=True)
    checking = deeds.add_parser("check")
    checking.add_argument("--data", required=True)
    checking.set_defaults(run=check)
    building = deeds.add_parser("build")
    for name in ["--data", "--query", "--out"]:
        building.add_argument(name, required=True)
    building.set_defaults(run=build)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
