"""The newest training of each endpoint, kept whole under the home for reports and scores.

The files are pickles, so each carries a seal made with the home's secret key: one that this home did not write, or that
was changed since, is refused before it is opened.
"""

from __future__ import annotations

import hashlib
import hmac
import pickle
from dataclasses import fields
from typing import TYPE_CHECKING

from flows.home import Home, HomeError

if TYPE_CHECKING:
    from models.result import TrainingResult

SEAL_BYTES = hashlib.sha256().digest_size


def _seal(home: Home, data: bytes) -> bytes:
    return hmac.new(home.subject_key().encode(), data, hashlib.sha256).digest()


def keep_training(home: Home, result: TrainingResult) -> None:
    """Keep a training as the newest of its endpoint."""
    home.trainings.mkdir(parents=True, exist_ok=True)
    data = pickle.dumps(result, protocol=5)
    path = home.trainings / f"{result.endpoint.slug}.pickle"
    temporary = path.with_suffix(".part")
    temporary.write_bytes(_seal(home, data) + data)
    temporary.chmod(0o600)
    temporary.replace(path)


def _whole(result: TrainingResult) -> TrainingResult:
    """The training, unless an older version left out what this one needs (AttributeError)."""
    for model in result.models.values():
        missing = {field.name for field in fields(model)} - vars(model).keys()
        if missing:
            raise AttributeError(f"{model.name} has no {', '.join(sorted(missing))}")
    return result


def kept_trainings(home: Home) -> dict[str, TrainingResult]:
    """The newest training of each endpoint, by endpoint id in the order of the protocol.

    Raises
    ------
    HomeError
        When a file was not written by this home, was changed since, or cannot be read by this version.
    """
    found = {}
    for endpoint in home.protocol().endpoints.values():
        path = home.trainings / f"{endpoint.slug}.pickle"
        if not path.exists():
            continue
        content = path.read_bytes()
        seal, data = content[:SEAL_BYTES], content[SEAL_BYTES:]
        if not hmac.compare_digest(seal, _seal(home, data)):
            raise HomeError(f"{path}: not sealed by this home; delete it and run `netest train`")
        try:
            found[endpoint.id] = _whole(pickle.loads(data))  # sealed above
        except (AttributeError, ImportError, TypeError, ValueError, pickle.UnpicklingError) as error:
            raise HomeError(f"{path}: kept by another version of this software; run `netest train` again") from error
    return found
