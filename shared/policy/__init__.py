"""Loader and model of the policy packs."""
