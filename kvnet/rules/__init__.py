"""Spec → problems. Rules yield what is wrong and never raise."""
