"""Work that travels to another process without showing in a log what it is about."""

from __future__ import annotations

import pickle
import platform
from dataclasses import dataclass
from importlib import metadata
from typing import Any

# Libraries whose version may change the last digit of a number.
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "xgboost-cpu", "xgboost")


class Sealed:
    """Something pickled, whose text in a log says nothing of what is inside."""

    __slots__ = ("content", "label")

    def __init__(self, value: Any, label: str) -> None:
        self.content, self.label = pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL), label

    def opened(self) -> Any:
        return pickle.loads(self.content)

    def __repr__(self) -> str:
        return f"<{self.label}, {len(self.content)} bytes>"


@dataclass(frozen=True)
class Failure:
    """Why a worker did not do a part: the kind of the error, or how its software differs."""

    kind: str = ""
    differs: str = ""


def software() -> dict[str, str]:
    """What has to be equal everywhere so that numbers are equal to the last bit."""
    import numpy as np

    from flows.work.fingerprint import code_digest

    vector = np.lib.introspect.opt_func_info(func_name="^(log|exp)$", signature="float64")
    units = {name: kinds["dd"]["current"] if "dd" in kinds else str(kinds) for name, kinds in vector.items()}
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        **{name: _version(name) for name in LIBRARIES},
        "netest": code_digest()[:12],
        "processor": " ".join(f"{name}:{unit}" for name, unit in sorted(units.items())),
    }


def _version(name: str) -> str:
    """Installed version; one of the two builds of XGBoost is always missing."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


def work(expected: dict[str, str], job: Sealed) -> Sealed | Failure:
    """One part on a worker: its answer sealed, or what went wrong without words about a record."""
    found = software()
    differing = [name for name, version in expected.items() if found.get(name) != version]
    if differing:
        name = differing[0]
        return Failure(differs=f"{name} is {found.get(name, 'missing')} on a worker and {expected[name]} here")
    function, part = job.opened()
    try:
        return Sealed(function(part), job.label)
    except Exception as error:
        return Failure(kind=type(error).__name__)
