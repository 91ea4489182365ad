"""What happens to a run beside its steps: starting, publishing, ending, deletion, sweeping, and the budget of photos.

No Pillow, numpy or pydantic is imported here.
"""
