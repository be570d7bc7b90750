"""Campaigns on simulated trials with known truth: models by size, what naive practice claims, acceptance checks."""
