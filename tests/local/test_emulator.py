"""Where the emulated services are mended."""

import functools
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto.stepfunctions.parser import models
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from tests.support.waiting import await_true


def test_a_transaction_that_is_sent_again_has_its_first_answer(booth):
    """As in AWS: the SDK sends one again, with its token, when the answer is late."""
    item = {"pk": {"S": f"test#{uuid.uuid4()}"}}
    write = {"TableName": booth.table_name, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    for _ in range(2):
        booth.table.transact_write_items(TransactItems=[{"Put": write}], ClientRequestToken="the same")
    with pytest.raises(booth.table.exceptions.TransactionCanceledException):
        booth.table.transact_write_items(TransactItems=[{"Put": write}], ClientRequestToken="another")
    booth.table.delete_item(TableName=booth.table_name, Key=item)


def test_an_index_shows_what_its_projection_names_and_the_table_keeps_the_rest(booth):
    queue, number = f"test {uuid.uuid4()}", {"N": "1.50"}
    shown = {"pk": {"S": queue}, "on_wall": {"S": queue}, "wall_at": number, "wall": {"M": {"1": {"L": [number]}}}}
    key = {"pk": shown["pk"]}
    booth.table.put_item(TableName=booth.table_name, Item=shown | {"created": number})
    found = booth.table.query(
        TableName=booth.table_name,
        IndexName="wall",
        KeyConditionExpression="on_wall = :queue",
        ExpressionAttributeValues={":queue": {"S": queue}},
    )
    assert found["Items"] == [shown]
    changed = booth.table.update_item(
        TableName=booth.table_name,
        Key=key,
        UpdateExpression="SET wall.#one = :two",
        ExpressionAttributeNames={"#one": "1"},
        ExpressionAttributeValues={":two": {"S": "two"}},
        ReturnValues="UPDATED_OLD",
    )
    assert changed["Attributes"]["wall"] == shown["wall"]
    item = booth.table.delete_item(TableName=booth.table_name, Key=key, ReturnValues="ALL_OLD")["Attributes"]
    assert item == shown | {"created": number, "wall": {"M": {"1": {"S": "two"}}}}


def test_one_execution_is_started_of_a_name_however_many_ask_at_the_same_moment(booth, monkeypatch):
    """As in AWS, where StartExecution with the same name and input has the same answer as the first."""
    execution = models.Execution
    names = [str(uuid.uuid4()) for _ in range(3)]
    start = functools.partial(booth.steps.start_execution, stateMachineArn=booth.machine, input='{"run": "none"}')
    monkeypatch.setattr(models, "Execution", lambda **fields: time.sleep(0.2) or execution(**fields))
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda name: start(name=name)["executionArn"], sorted(names * 8)))
    assert len(set(answers)) == 3
    assert [len(booth.executions(name)) for name in names] == [1, 1, 1]


def test_an_execution_can_be_stopped_before_it_has_begun(booth, monkeypatch):
    """As in AWS, where there is no such moment: StopExecution finds whatever StartExecution has named."""
    parse = AmazonStateLanguageParser.parse
    later = staticmethod(lambda definition: time.sleep(1) or parse(definition))
    booth.app.fail({"kind": "slow", "match": "DetectFaces dynamodb:*", "seconds": 1, "times": 1})
    monkeypatch.setattr(AmazonStateLanguageParser, "parse", later)
    name = str(uuid.uuid4())
    started = booth.steps.start_execution(stateMachineArn=booth.machine, name=name, input='{"run": "none"}')
    booth.steps.stop_execution(executionArn=started["executionArn"])
    await_true(lambda: booth.executions(name)[0]["status"] != "RUNNING")
    assert booth.executions(name)[0]["status"] == "ABORTED"
    history = booth.steps.get_execution_history(executionArn=started["executionArn"])["events"]
    assert [event["type"] for event in history if event["type"].endswith("StateEntered")] == ["TaskStateEntered"]
    assert history[-1]["type"] == "ExecutionAborted"
