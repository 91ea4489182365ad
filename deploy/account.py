"""Whether there is an AWS account to work in, which no call has to be made for."""

import boto3
from botocore.exceptions import BotoCoreError


class AccountError(Exception):
    """There are no credentials, or no Region; the text says what to do."""


def require() -> None:
    """Raises AccountError if boto3 finds no credentials or no Region. They may still be wrong ones."""
    reason = ""
    try:
        session = boto3.Session()
        if session.region_name and session.get_credentials():
            return
    except BotoCoreError as error:  # a profile that doesn't exist, a session that has expired
        reason = f"{error}. "
    raise AccountError(
        f"{reason}No AWS credentials or Region: set AWS_PROFILE and AWS_DEFAULT_REGION, or run aws configure."
    )
