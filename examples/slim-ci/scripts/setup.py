"""Makes the production that a pull request is compared with: `prod.duckdb` and `state/manifest.json`.

A team downloads the manifest of its last production run instead. `drop` takes the build back.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def production():
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        leave = shutil.ignore_patterns("target", "logs", "*.duckdb*", ".belay", "state", "belay")
        shutil.copytree(ROOT, project, ignore=leave)
        # Production as it was before the change.
        shutil.copytree(project / "production" / "models", project / "models", dirs_exist_ok=True)
        dbt = ["dbt", "build", "--profiles-dir", ".", "--target", "prod"]
        environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        code = subprocess.run(dbt, cwd=project, env=environment).returncode
        if code:
            sys.exit(code)
        (ROOT / "state").mkdir(exist_ok=True)
        shutil.copy(project / "target" / "manifest.json", ROOT / "state" / "manifest.json")
        shutil.copy(project / "prod.duckdb", ROOT / "prod.duckdb")


def drop():
    for name in ["ci.duckdb", "ci.duckdb.wal"]:
        (ROOT / name).unlink(missing_ok=True)


if __name__ == "__main__":
    drop() if sys.argv[1:] == ["drop"] else production()
