"""Where the emulated services are mended."""

import uuid

import pytest


def test_a_transaction_that_is_sent_again_has_its_first_answer(booth):
    """As in AWS: the SDK sends one again, with its token, when the answer is late."""
    item = {"pk": {"S": f"test#{uuid.uuid4()}"}}
    write = {"TableName": booth.table_name, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
    for _ in range(2):
        booth.table.transact_write_items(TransactItems=[{"Put": write}], ClientRequestToken="the same")
    with pytest.raises(booth.table.exceptions.TransactionCanceledException):
        booth.table.transact_write_items(TransactItems=[{"Put": write}], ClientRequestToken="another")
    booth.table.delete_item(TableName=booth.table_name, Key=item)
