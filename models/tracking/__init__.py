"""What a training leaves in MLflow: runs, artifacts, figures, model cards; the only rooms that know MLflow."""
