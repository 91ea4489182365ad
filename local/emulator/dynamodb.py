"""DynamoDB, as moto emulates it."""

import copy

from werkzeug.wrappers import Response

from local.account import ACCOUNT
from local.emulator.dispatch import answer_of


def answer(environ: dict) -> Response:
    from moto.dynamodb.responses import DynamoHandler

    return answer_of(DynamoHandler.dispatch, environ)


def items_of(operations: list[dict], region: str) -> list[tuple[dict, object, object]]:
    """What a transaction writes: the table's items, the key, and a copy of the item (None if there is none)."""
    from moto.dynamodb.models import dynamodb_backends
    from moto.dynamodb.models.dynamo_type import DynamoType

    tables, found = dynamodb_backends[ACCOUNT][region].tables, []
    for write in [each for operation in operations for each in operation.values()]:
        if table := tables.get(write.get("TableName")):
            key = DynamoType((write.get("Key") or write["Item"])[table.hash_key_attr])
            found.append((table.items, key, copy.deepcopy(table.items.get(key))))
    return found
