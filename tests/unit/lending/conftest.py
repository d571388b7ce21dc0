"""Properties are about results, not about how fast a busy machine finds them."""

from hypothesis import settings

settings.register_profile("lending", deadline=None)
settings.load_profile("lending")
