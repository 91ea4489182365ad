"""What the Lambda functions share. Modules here call no AWS service, but for `work`; each package says what it holds.

`/upload`, `/photo` and `start` import neither Pillow, numpy nor pydantic: no module that they reach may.
"""
