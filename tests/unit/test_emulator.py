"""What is spared the emulated services changes no answer of theirs."""

import gc
import http.client
import json

import pytest
from moto.s3.models import FakeKey
from moto.stepfunctions.parser.backend.execution_worker import TMP_THREADS

from booth.aws import clients, table
from local.account import REGION
from local.emulator.services import Emulator, forget_all
from local.lambdas.host import LambdaHost
from tests.support.waiting import PATIENCE, await_true


def test_values_of_every_kind_come_back_as_they_were(account):
    item = {
        "pk": {"S": "test"},
        "number": {"N": "1.5"},
        "flag": {"BOOL": False},
        "nothing": {"NULL": True},
        "bytes": {"B": b"\x00\xff"},
        "texts": {"SS": ["a", "b"]},
        "list": {"L": [{"S": ""}, {"B": b"\xfe"}, {"M": {}}]},
        "map": {"M": {"S": {"S": "x"}, "deeper": {"M": {"B": {"B": b"y"}, "N": {"N": "2"}}}}},
    }
    client = clients.client("dynamodb")
    client.put_item(TableName=table.table_name(), Item=item)
    assert client.get_item(TableName=table.table_name(), Key={"pk": item["pk"]})["Item"] == item
    assert client.scan(TableName=table.table_name())["Items"] == [item]


def test_one_connection_serves_many_calls(account):
    host = account.clients["s3"].meta.endpoint_url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    connection.connect()
    socket = connection.sock
    for method, body in (("POST", b"a body that nobody wants"), ("HEAD", None), ("GET", None)):
        connection.request(method, "/nothing/here", body)
        connection.getresponse().read()
    assert connection.sock is socket


def test_a_refused_transaction_changes_nothing(account):
    client, name = clients.client("dynamodb"), table.table_name()
    client.put_item(TableName=name, Item={"pk": {"S": "old"}, "seen": {"N": "1"}, "deep": {"M": {"a": {"N": "1"}}}})
    client.put_item(TableName=name, Item={"pk": {"S": "other"}})
    before = client.scan(TableName=name)["Items"]
    new = {"Put": {"TableName": name, "Item": {"pk": {"S": "new"}}}}
    changed = {
        "Update": {
            "TableName": name,
            "Key": {"pk": {"S": "old"}},
            "UpdateExpression": "SET seen = :two, deep.a = :two",
            "ExpressionAttributeValues": {":two": {"N": "2"}},
        }
    }
    gone = {"Delete": {"TableName": name, "Key": {"pk": {"S": "other"}}}}
    missing = {
        "ConditionCheck": {
            "TableName": name,
            "Key": {"pk": {"S": "missing"}},
            "ConditionExpression": "attribute_exists(pk)",
        }
    }
    for order in ([new, changed, gone, missing], [missing, gone, changed, new]):
        with pytest.raises(client.exceptions.TransactionCanceledException) as refusal:
            client.transact_write_items(TransactItems=order)
        codes = [each["Code"] for each in refusal.value.response["CancellationReasons"]]
        assert codes[order.index(missing)] == "ConditionalCheckFailed"
        assert sorted(map(str, client.scan(TableName=name)["Items"])) == sorted(map(str, before))
    client.transact_write_items(TransactItems=[new, changed, gone])
    after = {item["pk"]["S"]: item for item in client.scan(TableName=name)["Items"]}
    assert after.keys() == {"old", "new"}
    assert after["old"]["deep"] == {"M": {"a": {"N": "2"}}}


def test_what_is_deleted_is_forgotten(account):
    """A booth's laptop runs for days."""
    for _ in range(3):
        version = account.put("photo/a.jpg", b"a photo that nobody else has" * 100)
        account.clients["s3"].delete_object(Bucket="uploads", Key="photo/a.jpg", VersionId=version)
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, FakeKey) and each.name == "photo/a.jpg"]


def test_an_execution_that_tries_a_function_again_ends_with_its_account(account, emulator_server):
    _, behind = emulator_server
    host, asked = LambdaHost([], region=REGION, log=print), []

    def missing(environ, start_response):
        asked.append(environ["PATH_INFO"])
        return host.wsgi(environ, start_response)

    behind.application = Emulator({"/2015-03-31/functions/": missing})
    again = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 1000}
    function = f"arn:aws:lambda:{REGION}:123456789012:function:missing"
    states = {"Call": {"Type": "Task", "Resource": function, "Retry": [again], "End": True}}
    machine = account.clients["stepfunctions"].create_state_machine(
        name="again",
        definition=json.dumps({"StartAt": "Call", "States": states}),
        roleArn="arn:aws:iam::123456789012:role/again",
    )
    before = len(TMP_THREADS)
    account.clients["stepfunctions"].start_execution(stateMachineArn=machine["stateMachineArn"])
    await_true(lambda: asked)
    forget_all()
    for thread in TMP_THREADS[before:]:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    host.close()
