"""Signatures and encryption for the archive and for documents: thin, over the cryptography library."""
