"""The templates before CloudFormation's registry: the schemas of each Region, which cfn-lint carries."""

import json

import pytest

from tests.support.stacks import stacks
from tests.support.templates import ROOT, SAM, tool

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-northeast-2")
TEMPLATES = [ROOT / "monitoring.yaml", ROOT / "sam_model" / "endpoint.yaml", ROOT / "paint_model" / "endpoint.yaml"]


def linted(*files):
    """What cfn-lint says of templates in all of the Regions: its status, and "E3012 message" by file and resource."""
    # W3005: SAM writes a DependsOn that a Ref implies already.
    options = ["--regions", *REGIONS, "--ignore-checks", "W3005", "--format", "json", "--"]
    status, text = tool(SAM / "cfn-lint", *options, *files)
    found = json.loads(text or "[]")
    return status, [(each["Rule"]["Id"], each["Location"]["Path"], each["Message"]) for each in found]


def test_the_registry_has_nothing_against_what_is_deployed_in_any_region(transformed, tmp_path):
    """As it is transformed, and once more with every function of the template worked out, so that values are seen."""
    files = []
    for choice, resources in stacks(transformed).items():
        files.append(tmp_path / f"{choice}.json")
        plain = {name: {part: each[part] for part in ("Type", "Properties")} for name, each in resources.items()}
        files[-1].write_text(json.dumps({"Resources": plain}))

    assert linted(transformed, *TEMPLATES, *files) == (0, [])


# Faults planted into a copy of the transformed template, all at once: the resource, the change, rule and words.


def _properties(change):
    return lambda template, name: change(template["Resources"][name]["Properties"])


def _circle(template, name):
    """The one that the uploads bucket's own name avoids."""
    variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
    variables["UPLOADS_BUCKET"] = {"Ref": "UploadsBucket"}


def _elsewhere(template, name):
    template["Resources"][name] = {"Type": "AWS::AppRunner::VpcConnector", "Properties": {"Subnets": ["subnet-1"]}}


PLANTED = {
    "a property that is none": ("Admit", _properties(lambda p: p.update(Memory=1)), "E3002", "'Memory'"),
    "a value of the wrong type": ("Purge", _properties(lambda p: p.update(Timeout="soon")), "E3012", "'soon'"),
    "a property left out": ("LostCallsPolicy", _properties(lambda p: p.pop("Queues")), "E3003", "'Queues'"),
    "a word that is not listed": (
        "Table",
        _properties(lambda p: p.update(BillingMode="PAY_PER_PHOTO")),
        "E3030",
        "'PAY_PER_PHOTO'",
    ),
    "a number beyond its bounds": ("Finish", _properties(lambda p: p.update(MemorySize=64)), "E3034", "64"),
    "a name of the wrong form": (
        "UploadsBucket",
        _properties(lambda p: p.update(BucketName="Photo_Booth")),
        "E3031",
        "Photo_Booth",
    ),
    "a type that Seoul doesn't have": ("Elsewhere", _elsewhere, "E3006", "ap-northeast-2"),
    "a circle": ("Upload", _circle, "E3004", "Circular"),
    "a reference to nothing": (
        "CropFaces",
        _properties(lambda p: p.update(Role={"Fn::GetAtt": ["NoRole", "Arn"]})),
        "E1010",
        "NoRole",
    ),
}


@pytest.fixture(scope="module")
def found(transformed, tmp_path_factory):
    template = json.loads(transformed.read_text())
    for name, plant, *_ in PLANTED.values():
        plant(template, name)
    file = tmp_path_factory.mktemp("planted") / "template.json"
    file.write_text(json.dumps(template))
    return linted(file)[1]


@pytest.mark.parametrize("fault", PLANTED)
def test_the_registry_finds_a_planted_fault(found, fault):
    name, _, rule, words = PLANTED[fault]

    assert [message for each, path, message in found if each == rule and path[1] == name and words in message]
