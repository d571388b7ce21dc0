"""What the reason codes say, in 简体中文 and English."""
