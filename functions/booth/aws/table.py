"""The table: uploads, requestIds, ids and runs. Every write is conditional.

One item per record, under a single hash key `pk`:

    upload#<hash of Key>         run                 a Key is given once; never deleted
    id#<hash of id>              run                 an id is given once; never deleted
    request#<hash of requestId>  run, expires        the upload that a requestId answers for
    run#<run id>                 see `Run`, expires  the run of one upload
    count#<hash of a name>       count, expires      how often something was done, see `booth.aws.counters`
    pace                         slots, gone, ...    when each image model will be called, see `booth.painting.records`
    setting#<hash of its name>   value               what SSM holds under this name, see `booth.aws.settings`
    slot#<hash of its name>      at, expires         when a slot of an image model was used last

Names are kept as hashes only, so the records that outlive the data say nothing about anybody. A run that needs
`sweep`'s attention carries `open` and `due`, the keys of the sparse index `open`: `open` is GOES_ON from the claim to
the end, else WAITS (for the photo, or to be cleaned up). Times are epoch milliseconds.
A deleted visit leaves its run as a tombstone: the status DELETED, times and hashes (see `forget`).
"""

import hashlib
import os
import random
import re
import time
from functools import cache
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from booth.aws.clients import client
from booth.aws.errors import aws_errors, code_of
from booth.errors import Throttled

# Its answers take milliseconds, and the functions that visitors wait for have to answer something in the end.
_LIMITS = {"read_timeout": 2, "attempts": 2}

to_item, from_item = TypeSerializer().serialize, TypeDeserializer().deserialize


def hashed(name: str) -> str:
    """SHA-256 hex of a Key, id or requestId."""
    return hashlib.sha256(name.encode()).hexdigest()


def connect():
    """The client, made once."""
    return client("dynamodb", **_LIMITS)


@cache
def table_name() -> str:
    return os.environ["TABLE"]


def key_of(kind: str, name: str) -> dict[str, Any]:
    return {"pk": {"S": f"{kind}#{name if kind == 'run' else hashed(name)}"}}


def attribute_values(values: dict[str, Any]) -> dict[str, Any]:
    return {f":{name}": to_item(value) for name, value in values.items()}


def put_once(kind: str, name: str, run_id: str, **fields: Any) -> dict[str, Any]:
    item = key_of(kind, name) | {"run": {"S": run_id}} | {key: to_item(value) for key, value in fields.items()}
    return {"Put": {"TableName": table_name(), "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def update_of(run_id: str, changes: str, values: dict[str, Any], condition: str, **more: Any) -> dict[str, Any]:
    """An update of one run's record. Attribute names are written as #name, for many are reserved words."""
    return {
        "TableName": table_name(),
        "Key": key_of("run", run_id),
        "UpdateExpression": changes,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#(\w+)", f"{changes} {condition}")},
        "ExpressionAttributeValues": attribute_values(values),
    } | more


def _reasons(error: ClientError) -> set[str]:
    if code_of(error) == "TransactionCanceledException":
        return {reason.get("Code", "") for reason in error.response.get("CancellationReasons", [])}
    return {code_of(error)}


class WriteConflict(Exception):
    """Another transaction is writing the same item at this moment. Whoever writes goes again, or plans anew."""


def write_once(operation: str, **request: Any) -> dict[str, Any] | None:
    """One conditional write; None if its condition did not hold. Raises _WriteConflict."""
    with aws_errors():
        try:
            return getattr(connect(), operation)(**request)
        except ClientError as error:
            reasons = _reasons(error)
            if reasons & {"ConditionalCheckFailed", "ConditionalCheckFailedException"}:
                return None
            if reasons & {"TransactionConflict", "TransactionConflictException"}:
                raise WriteConflict("write conflict") from error
            raise


def write(operation: str, **request: Any) -> dict[str, Any] | None:
    """One conditional write; None if its condition did not hold.

    A write that meets another one's transaction on the same item is told so at once and goes again.
    """
    for pause in (0.02, 0.05, 0.1, 0.2, 0.4, 0):
        try:
            return write_once(operation, **request)
        except WriteConflict:
            time.sleep(pause * random.random())
    raise Throttled("write conflicts")


def transact(*writes: dict[str, Any]) -> bool:
    return write("transact_write_items", TransactItems=list(writes)) is not None


def write_if_unchanged(operation: str, **request: Any) -> bool:
    """Writes what was planned from records that were read; False if one has moved on since, or is just being written.

    It would be no use to write the same again a moment later: the other write makes this one's condition false.
    """
    try:
        return write_once(operation, **request) is not None
    except WriteConflict:
        return False


def get(pk: dict[str, Any]) -> dict[str, Any] | None:
    with aws_errors():
        return connect().get_item(TableName=table_name(), Key=pk, ConsistentRead=True).get("Item")


def number(item: dict[str, Any], name: str) -> int:
    """A number of a record that may lack it, or have something else in its place; 0 then."""
    return int(item.get(name, {}).get("N", 0))
