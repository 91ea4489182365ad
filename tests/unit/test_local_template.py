"""The template's reader: a template with each construct it knows, and what it refuses."""

import shutil
from pathlib import Path

import pytest

from local.lambdas.function import Function
from local.template.application import Bucket, Route, Rule, Schedule, Secret, SsmParameter
from local.template.document import TemplateError
from local.template.reader import load

FOLDER = Path(__file__).parent / "fixtures" / "template"
ATTRIBUTES = {"Cdn.DomainName": "127.0.0.1:8000"}


def read(folder=FOLDER, attributes=ATTRIBUTES, **parameters):
    return load(
        folder / "template.yaml",
        stack="Booth",
        region="eu-west-1",
        parameters=parameters,
        attributes=attributes,
    )


@pytest.fixture
def edited(tmp_path):
    """Reads a copy of the template in which one text is replaced by another."""

    def edited(old, new, **options):
        folder = tmp_path / "template"
        shutil.copytree(FOLDER, folder)
        text = (folder / "template.yaml").read_text()
        assert text.count(old) == 1
        (folder / "template.yaml").write_text(text.replace(old, new))
        return read(folder, **options)

    return edited


def test_functions_with_globals_merged_and_values_worked_out():
    application = read()
    assert application.functions["Upload"] == Function(
        name="booth-upload",
        handler="upload.handler",
        code=FOLDER / "functions",
        environment={
            "TABLE": "booth-table",
            "STAGE": "own",
            "SUB": "arn:aws:s3:::booth-photos/* ${Kept} eu-west-1",
            "SUB_WITH_MAP": "booth-machine-dev",
            "JOINED": "123456789012|aws|amazonaws.com",
            "SECOND": "y",
            "EITHER": "no",
            "DAYS": "7",
            "FLAG": "true",
        },
        timeout=10.0,
        memory_mb=256,
    )
    start = application.functions["Start"]
    assert (start.name, start.timeout, start.memory_mb) == ("Booth-starter", 25.0, 128)
    assert (start.concurrency, start.retries) == (4, 1)
    assert start.environment == {
        "TABLE": "booth-table",
        "STAGE": "dev",
        "MACHINE": "arn:aws:states:eu-west-1:123456789012:stateMachine:booth-machine",
    }


def test_routes_rules_and_schedules():
    application = read()
    assert application.routes == [Route("POST", "/upload", "Upload")]
    assert application.rules == [
        Rule("Start", {"source": ["aws.s3"], "detail": {"bucket": {"name": ["booth-photos"]}}})
    ]
    assert application.schedules == [
        Schedule("Start", "rate(2 minutes)", 120, '{"a": 1}'),
        Schedule("Start", "cron(0 3 * * ? *)", None, None),
    ]


def test_buckets():
    rule = {
        "AllowedMethods": ["PUT"],
        "AllowedOrigins": ["http://a.example", "http://b.example"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    }
    assert read().buckets == {
        "Photos": Bucket("booth-photos", versioned=True, eventbridge=True, cors=[rule]),
        "Results": Bucket("booth-results", versioned=False, eventbridge=False, cors=[]),
    }


def test_tables_and_parameters():
    application = read()
    table = application.tables["Table"]
    assert (table.name, table.ttl_attribute) == ("booth-table", "expires")
    assert table.create == {
        "TableName": "booth-table",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "byPk",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    assert application.ssm_parameters == {"Host": SsmParameter("/Booth/cdn", "String", "127.0.0.1:8000")}


def test_a_policy_beside_the_function_is_its_roles():
    statement = {"Effect": "Allow", "Action": "a:B", "Resource": "arn:aws:s3:::booth-photos"}
    assert statement in read().policies["Upload"]


def test_secrets():
    assert read().secrets == {}
    assert read(Stage="prod").secrets == {"Tokens": Secret("booth-tokens", {"a": "b"}, "c")}


def test_the_state_machine_after_substitution():
    machine = read().state_machines["Machine"]
    assert machine.name == "booth-machine"
    assert machine.arn == "arn:aws:states:eu-west-1:123456789012:stateMachine:booth-machine"
    assert (machine.type, machine.timeout) == ("STANDARD", 90)
    assert machine.definition["States"]["Start"]["Parameters"] == {
        "FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:Booth-starter",
        "Payload": {"days": "7", "run.$": "$.run"},
    }


def test_parameters_decide_conditions_names_and_mappings():
    application = read(Stage="prod", Name="gallery")
    assert application.buckets["Photos"].name == "gallery"
    assert application.buckets["Archive"].name == "booth-archive"
    assert application.functions["Upload"].memory_mb == 1024
    assert application.functions["Upload"].environment["EITHER"] == "yes"
    assert "Archive" not in read(Stage="prod").buckets


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Stage": "test"}, "Stage must be one of dev, prod"),
        ({"Name": "UPPER"}, r"Name does not match \[a-z\]\*"),
        ({"Colour": "red"}, "does not know Colour"),
    ],
)
def test_parameters_are_checked(parameters, message):
    with pytest.raises(TemplateError, match=message):
        read(**parameters)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("AWS::CloudFront::Distribution", "AWS::RDS::DBInstance", "Cdn: .* the type AWS::RDS::DBInstance"),
        ("FLAG: true", "X: !Ref Nothing", "Ref Nothing has no value"),
        ("FLAG: true", "X: !GetAtt Photos.WebsiteURL", "GetAtt Photos.WebsiteURL has no value"),
        ("FLAG: true", "X: !Sub '${Cdn.Id}'", "GetAtt Cdn.Id has no value"),
        ("FLAG: true", "X: !Ref Archive", "Ref Archive has no value"),
        ("FLAG: true", "X: !ImportValue other", "does not know Fn::ImportValue"),
        ("FLAG: true", "X: '{{resolve:ssm:/a}}'", "dynamic references"),
        ("FLAG: true", "X: [1]", "a text was expected"),
        ("FLAG: true", "DAYS: 1", "DAYS is given twice"),
        ("!If [IsEither,", "!If [IsNobody,", "no condition IsNobody"),
        ("!Ref Stage, memory]", "!Ref Stage, disk]", "FindInMap Sizes, dev, disk: nothing is there"),
        ("!Ref UploadRole", "!Ref SomebodysRole", "UploadMore: .* the role"),
        ("Handler: upload.handler", "ImageUri: a", "Upload: the local mode does not know ImageUri"),
        ("Handler: upload.handler", "Tracing: Active", "Upload: Handler is missing"),
        ("Type: HttpApi", "Type: SQS", "Upload.Post: .* events of type SQS"),
        ("rate(2 minutes)", "rate(two minutes)", r"Start.Often: .* schedule rate\(two minutes\)"),
        ("{Status: Enabled}", "{Status: Enabled}\n      AccessControl: a", "Photos: .* AccessControl"),
        (", Days: !Ref Days}", "}", r"definition's \$\{Days\} has no substitution"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(edited, old, new, message):
    with pytest.raises(TemplateError, match=message):
        edited(old, new)


def test_a_value_that_only_a_deployment_knows_must_be_given():
    with pytest.raises(TemplateError, match=r"GetAtt Cdn\.DomainName has no value"):
        read(attributes={})


def test_tokens_of_the_booths_are_made_and_read_only_where_they_are_needed():
    root = FOLDER.parents[3]
    attributes = {"Cdn": "E1", "Cdn.DomainName": "cdn.example"}
    functions = ("Upload", "Photo", "DeletePhoto")
    tokens = "arn:aws:secretsmanager:us-east-1:123456789012:secret:unit-boothtokens"
    for access, name, secret in (("open", "", "unit-cdnkey"), ("token", tokens, "unit-boothtokens")):
        application = load(
            root / "template.yaml",
            stack="unit",
            region="us-east-1",
            parameters={"Access": access},
            attributes=attributes,
        )
        assert {each.name for each in application.secrets.values()} == {secret, "unit-stafftoken", "unit-walltoken"}
        assert {application.functions[each].environment["BOOTH_TOKENS"] for each in functions} == {name}
        # Where nobody needs a token, callers are told apart by what only the CDN can say.
        key = "" if name else application.secrets["CdnKey"].value
        assert application.functions["Upload"].environment["CDN_KEY"] == key
        assert len(key) == (0 if name else 64)
