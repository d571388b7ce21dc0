"""The formal document on paper: its words, the PDF in two languages, the seal, and how it is checked."""
