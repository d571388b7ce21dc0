"""Embedded launcher, demo, policies, schemas and deployment files."""
