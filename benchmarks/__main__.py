"""Every measured claim, one after the other: ``python -m benchmarks`` (``make bench``)."""

from __future__ import annotations

import subprocess
import sys

MODULES = (
    "real.pbcseq",
    "real.cml",
    "real.net_lung",
    "real.net_lung_models",
    "real.naive",
    "known_truth.plates",
    "known_truth.refusals",
    "gate.campaign",
)


def main() -> int:
    """Run the modules; the number of those that failed."""
    failed = 0
    for module in MODULES:
        print(f"== {module}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{module}"], check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
