"""Small files of lossy codecs, and the nets that undo what the codec did: shrinking into them, and growing."""
