"""A protocol under which the whole main job takes seconds."""

from __future__ import annotations

import re

from data.protocol import PROTOCOL_FILE

LIGHT = {
    "validation.repeats": 1,
    "validation.minimum_repeats": 1,
    "validation.bootstrap": 20,
    "models.coefficient_draws": 5,
}
KEPT = ("MRD36@6", "ER12@12", "ER12@36")


def light_protocol() -> str:
    """The packaged protocol with three endpoints and hardly any resampling."""
    text = PROTOCOL_FILE.read_text(encoding="utf-8")
    text = re.sub(r'\[\[endpoint\]\]\nid = "([^"]+)"\n(?:[a-z]+ = .*\n)+', lambda m: m[0] if m[1] in KEPT else "", text)
    for key, value in LIGHT.items():
        text, changed = re.subn(rf"(\[{re.escape(key)}\]\nvalue = )\S+", rf"\g<1>{value}", text)
        assert changed == 1, key
    return text
