"""The DynamoDB table: its items, and conditional writes to them. Modules that keep records of their own build on it.

One item per record, with the partition key `pk` alone:

    upload#<hash of Key>         run                 a Key is given once; never deleted
    id#<hash of id>              run                 an id is given once; never deleted
    request#<hash of requestId>  run, expires        the upload that a requestId answers for
    run#<run id>                 see `Run`, expires  the run of one upload
    count#<hash of a name>       count, expires      a counter, see `booth.aws.counters`
    pace                         slots, gone, ...    the image models' turns, see `booth.painting.records`
    setting#<hash of its name>   value               copy of an SSM parameter, see `booth.aws.settings`
    stats#<hash of the date>     see `Day`, expires  a day's figures, see `booth.runs.figures`
    slot#<hash of its name>      at, expires         when a slot of an image model was last used

Names are kept as SHA-256 hashes, so records that outlive the data identify nobody. An open run has `open` (see
`booth.run.Open`) and `due`, the keys of the sparse index `open`; a run with pictures for the wall has `on_wall` and
`wall_at`, those of the index `wall`, see `booth.runs.wall`. Times are epoch milliseconds, `expires` (the table's
time to live) epoch seconds. A deleted visit leaves its run's record as a tombstone: the status DELETED, times and
hashes, see `store.forget`.
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

# DynamoDB answers in milliseconds; API functions must answer, be it 503, before API Gateway's timeout.
_LIMITS = {"read_timeout": 2, "attempts": 2}

to_item, from_item = TypeSerializer().serialize, TypeDeserializer().deserialize


def hashed(name: str) -> str:
    """SHA-256 of a Key, id, requestId or other name, hexadecimal."""
    return hashlib.sha256(name.encode()).hexdigest()


def connect():
    """The client, made once."""
    return client("dynamodb", **_LIMITS)


@cache
def table_name() -> str:
    """The table's name."""
    return os.environ["TABLE"]


def key_of(kind: str, name: str) -> dict[str, Any]:
    """An item's key, as DynamoDB takes it: `<kind>#<hash of name>`; a run's id is not hashed."""
    return {"pk": {"S": f"{kind}#{name if kind == 'run' else hashed(name)}"}}


def attribute_values(values: dict[str, Any]) -> dict[str, Any]:
    """ExpressionAttributeValues: each value as `:name`, serialised."""
    return {f":{name}": to_item(value) for name, value in values.items()}


def put_once(kind: str, name: str, run_id: str, **fields: Any) -> dict[str, Any]:
    """A Put for `transact` of an item that leads to a run, on condition that it does not exist."""
    item = key_of(kind, name) | {"run": {"S": run_id}} | {key: to_item(value) for key, value in fields.items()}
    return {"Put": {"TableName": table_name(), "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}}


def update_of(run_id: str, changes: str, values: dict[str, Any], condition: str, **more: Any) -> dict[str, Any]:
    """Parameters of a conditional UpdateItem, or of an Update for `transact`, of one run's record.

    Args:
        changes: the UpdateExpression, with attribute names as #name (many are reserved words) and values as :name.
        values: by name, without the colon.
        condition: the ConditionExpression.
        more: further parameters, such as ReturnValues.
    """
    return {
        "TableName": table_name(),
        "Key": key_of("run", run_id),
        "UpdateExpression": changes,
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {f"#{name}": name for name in re.findall(r"#(\w+)", f"{changes} {condition}")},
        "ExpressionAttributeValues": attribute_values(values),
    } | more


def _reasons(error: ClientError) -> set[str]:
    """The error's Code; of a cancelled transaction its CancellationReasons' Codes."""
    if code_of(error) == "TransactionCanceledException":
        return {reason.get("Code", "") for reason in error.response.get("CancellationReasons", [])}
    return {code_of(error)}


class WriteConflict(Exception):
    """Another transaction is writing the same item at this moment: write again, or read and plan again."""


def write_once(operation: str, **request: Any) -> dict[str, Any] | None:
    """One conditional write, without retries; None if its condition was false. Raises WriteConflict."""
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
    """One conditional write; None if its condition was false.

    After a WriteConflict it backs off, with jitter, and writes again, up to 6 times. Raises Throttled after that.

    Args:
        operation: the client's method, such as "update_item"; `request` its parameters.
    """
    for pause in (0.02, 0.05, 0.1, 0.2, 0.4, 0):
        try:
            return write_once(operation, **request)
        except WriteConflict:
            time.sleep(pause * random.random())
    raise Throttled("write conflicts")


def transact(*writes: dict[str, Any]) -> bool:
    """TransactWriteItems, all or nothing; False if a condition was false. Raises Throttled as `write` does."""
    return write("transact_write_items", TransactItems=list(writes)) is not None


def write_if_unchanged(operation: str, **request: Any) -> bool:
    """One write on condition that what was read before is unchanged; False if it has changed, or is being written.

    A WriteConflict is not retried: the other write will make this one's condition false.
    """
    try:
        return write_once(operation, **request) is not None
    except WriteConflict:
        return False


def get(pk: dict[str, Any]) -> dict[str, Any] | None:
    """The item with this key (as `key_of` makes it), by a strongly consistent read; None if there is none."""
    with aws_errors():
        return connect().get_item(TableName=table_name(), Key=pk, ConsistentRead=True).get("Item")


def number(item: dict[str, Any], name: str) -> int:
    """A Number attribute of an item as DynamoDB returns it; 0 if it is missing or has another type."""
    return int(item.get(name, {}).get("N", 0))
