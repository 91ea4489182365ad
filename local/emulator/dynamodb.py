"""DynamoDB, whose writes are atomic: moto's are not."""

import copy
import io
import threading

from werkzeug.wrappers import Request, Response

from local import iam
from local.account import ACCOUNT
from local.emulator.dispatch import answer_of


class DynamoDB:
    """moto's DynamoDB, asked for one thing at a time: moto checks a condition and writes in two steps, DynamoDB in one.

    Transactions are DynamoDB's as well: they take effect as a whole or not at all, and once for a ClientRequestToken.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._transactions: dict[str, tuple] = {}  # answers by ClientRequestToken

    def answer(self, environ: dict) -> Response:
        """The answer to a request, given in WSGI's terms."""
        with self._lock:
            if environ["HTTP_X_AMZ_TARGET"].endswith(".TransactWriteItems"):
                return self._transact(environ)
            return _ask_moto(environ)

    def _transact(self, environ: dict) -> Response:
        """A transaction that the SDK sends again, having missed the answer, gets the first answer. moto forgets it.

        moto takes a refused one back by a copy of the whole table; here of the items that are written.
        """
        request = Request(environ)
        asked = request.get_json(force=True)
        token = asked.get("ClientRequestToken")
        environ["wsgi.input"] = io.BytesIO(request.get_data())
        if token not in self._transactions:
            before = _items_of(asked["TransactItems"], iam.caller_of(request)[1])
            answer = _ask_moto(environ)
            if answer.status_code != 200:
                for items, key, item in before:
                    items.pop(key, None)
                    if item is not None:
                        items[key] = item
                return answer
            if token is None:
                return answer
            self._transactions[token] = (answer.get_data(), dict(answer.headers))
        data, headers = self._transactions[token]
        return Response(data, 200, headers)


def _ask_moto(environ: dict) -> Response:
    from moto.dynamodb.responses import DynamoHandler

    return answer_of(DynamoHandler.dispatch, environ)


def _items_of(operations: list[dict], region: str) -> list[tuple[dict, object, object]]:
    """What a transaction writes: the table's items, the key, and a copy of the item (None if there is none)."""
    from moto.dynamodb.models import dynamodb_backends
    from moto.dynamodb.models.dynamo_type import DynamoType

    tables, found = dynamodb_backends[ACCOUNT][region].tables, []
    for write in [each for operation in operations for each in operation.values()]:
        if table := tables.get(write.get("TableName")):
            key = DynamoType((write.get("Key") or write["Item"])[table.hash_key_attr])
            found.append((table.items, key, copy.deepcopy(table.items.get(key))))
    return found
