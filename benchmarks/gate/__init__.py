"""The promotion gate: false promotions and power of the nightly rule, beside simpler rules."""
