"""What other tools' change classifiers say of the bench's cases.

    belay bench regressions --sql DIR
    python bench/judges/judge.py DIR

The python needs `recce` or `sqlmesh` (one of them, or both in turn); a tool that is not installed is left out. Both
classify one model's SQL against its former SQL. A case counts as flagged when a changed model of it is called more than
non-breaking: that is these tools' own word for a change that cannot touch what is there already. A case without a
changed model (a seed, a snapshot, a test, a property) shows them nothing and counts as not flagged.
"""

import math
import pathlib
import sys


def recce():
    from recce.util.breaking import parse_change_category

    def breaking(base, head):
        change = parse_change_category(base, head, dialect="duckdb")
        category = change if isinstance(change, str) else change.category
        return category != "non_breaking"

    return breaking


def sqlmesh():
    from sqlmesh.core.dialect import parse
    from sqlmesh.core.model import load_sql_based_model

    def model(text):
        return load_sql_based_model(parse(f"MODEL (name bench.model, dialect duckdb);\n{text}"), dialect="duckdb")

    def breaking(base, head):
        # False is non-breaking; None is undetermined, which SQLMesh treats as breaking.
        return model(head).is_breaking_change(model(base)) is not False

    return breaking


def wilson(yes, of, z=1.959964):
    if not of:
        return "none"
    p = yes / of
    centre, spread = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    low, high = ((centre + sign * spread) / (1 + z * z / of) for sign in (-1, 1))
    return f"{yes} of {of}, {p:.1%} (95 % interval {max(low, 0):.1%} to {min(high, 1):.1%})"


def main(folder):
    cases = sorted(path for path in pathlib.Path(folder).iterdir() if (path / "kind").is_file())
    for name, load in (("recce", recce), ("sqlmesh", sqlmesh)):
        try:
            breaking = load()
        except ImportError as missing:
            print(f"{name}: left out, it is not installed ({missing})")
            continue
        flagged = {"regression": [], "benign": []}
        for case in cases:
            kind, words = (case / "kind").read_text().strip(), []
            for head in sorted(case.glob("*.head.sql")):
                base = case / head.name.replace(".head.sql", ".base.sql")
                before, after = base.read_text(), head.read_text()
                if not before:
                    words.append("new")
                    continue
                try:
                    words.append("breaking" if not after or breaking(before, after) else "non-breaking")
                except Exception as error:
                    # What a tool cannot read is flagged: it says that it does not know.
                    words.append(f"breaking ({type(error).__name__})")
            flagged[kind].append(any(word.startswith("breaking") for word in words))
            print(f"{name} {case.name} [{kind}]: {', '.join(words) or 'no changed model'}")
        for kind, verdicts in flagged.items():
            print(f"{name}: {kind} flagged {wilson(sum(verdicts), len(verdicts))}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
