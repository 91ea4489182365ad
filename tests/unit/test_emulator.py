"""What is spared the emulated services changes no answer of theirs."""

import http.client

from booth import aws, store


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
    client = aws.client("dynamodb")
    client.put_item(TableName=store._table(), Item=item)
    assert client.get_item(TableName=store._table(), Key={"pk": item["pk"]})["Item"] == item
    assert client.scan(TableName=store._table())["Items"] == [item]


def test_one_connection_serves_many_calls(account):
    host = account.clients["s3"].meta.endpoint_url.removeprefix("http://")
    connection = http.client.HTTPConnection(host)
    connection.connect()
    socket = connection.sock
    for method, body in (("POST", b"a body that nobody wants"), ("HEAD", None), ("GET", None)):
        connection.request(method, "/nothing/here", body)
        connection.getresponse().read()
    assert connection.sock is socket
