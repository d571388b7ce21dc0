"""Assessment: what the borrower's situation is, what is missing of it, and what can be afforded."""
