"""Versions of the labels: the name of the rule set and a digest of every record they rest on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from data.protocol import Protocol

LABEL_RECORDS = (
    "calendar.local_month",
    "calendar.mri_month",
    "calendar.petct_month",
    "calendar.stand_in",
    "calendar.visit_month",
    "clock.closing_months",
    "clock.first_treatment_of_controls",
    "clock.month_days",
    "clock.origin",
    "imaging.ascertainment",
    "imaging.dotatate_new_lesion",
    "imaging.equivocal",
    "imaging.window_days",
    "survival.clinical_recurrence",
    "therapy.study_cycles",
    "therapy.study_treatment",
)
"""Every record that can move a three-valued label (the last two: where the clock starts at the first treatment)."""


def label_version(protocol: Protocol, endpoint_id: str | None = None) -> str:
    """Version of the labels under a protocol, e.g. ``closed-visits-1-3f9a2c41``.

    The name is the record ``labels.version``, changed by hand when the rules in the code change; the digest covers the
    values of :data:`LABEL_RECORDS` and landmark, horizon and family of the endpoints, so that labels of equal version
    are comparable (domain 4.8: "version the label"). Sources, notes and titles have no part in it.

    Parameters
    ----------
    endpoint_id : str, optional
        Version of one endpoint's label only; of the whole set when omitted.
    """
    chosen = protocol.endpoints.values() if endpoint_id is None else [protocol.endpoint(endpoint_id)]
    facts = ("id", "family", "landmark", "horizon")
    content = {
        "records": {key: protocol[key] for key in LABEL_RECORDS},
        "endpoints": [{name: asdict(endpoint)[name] for name in facts} for endpoint in chosen],
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return f"{protocol['labels.version']}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
