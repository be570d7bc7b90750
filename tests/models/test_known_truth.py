"""The campaigns of known truth that build trees of their own run on today's estimators."""

import numpy as np

from benchmarks.known_truth import naive_leaks, naive_nulls


def test_trees_of_the_naive_practices_fit():
    found = naive_leaks.split_by_sample(1, 150)
    # The same person on both sides is recognised; by how much is the campaign's business.
    assert found["by sample"] > found["by patient"]
    model = naive_nulls._random_trees(np.random.default_rng(0))
    assert 10 <= model.configurations[0]["rounds"] < 80 and len(model.configurations) == 1
