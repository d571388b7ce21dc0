"""The notice service: which message to a borrower may leave now, later, or not at all."""
