"""Every measured claim of this house, by room: ``python -m benchmarks.ROOM.NAME``; README.md says what each shows."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
