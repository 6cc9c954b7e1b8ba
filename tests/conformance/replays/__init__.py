"""Replays of KubeVirt's answers, a module for each subject."""
