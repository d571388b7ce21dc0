"""The archive and the read models; it decides nothing."""
