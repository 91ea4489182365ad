"""Judges that aren't ours: what AWS publishes in a form that a machine reads, held against what we make."""
