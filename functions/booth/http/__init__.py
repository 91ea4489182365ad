"""The HTTP API: requests and answers, access, long polling. No Pillow, numpy or pydantic is imported here."""
