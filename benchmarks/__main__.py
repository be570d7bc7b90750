"""Every measured claim, one after the other: ``python -m benchmarks`` (``make bench``)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = (
    "pbcseq.py",
    "cml.py",
    "net_lung.py",
    "net_lung_models.py",
    "naive_real.py",
    "plates.py",
    "gate.py",
    "refusals.py",
)


def main() -> int:
    """Run the scripts; the number of those that failed."""
    failed = 0
    for script in SCRIPTS:
        print(f"== {script}", flush=True)
        failed += subprocess.run([sys.executable, str(Path(__file__).with_name(script))], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
