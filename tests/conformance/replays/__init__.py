"""Replays of KubeVirt's own answers, one module for each subject."""
