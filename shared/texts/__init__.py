"""What the reason codes and the messages say, in 简体中文 and English; the words are in TOML files."""

from shared.texts.words import (
    LANGUAGES,
    Language,
    field_name,
    label,
    parameters,
    story,
    story_fields,
    text,
    word,
)

__all__ = [
    "LANGUAGES",
    "Language",
    "field_name",
    "label",
    "parameters",
    "story",
    "story_fields",
    "text",
    "word",
]
