"""The templates before CloudFormation's registry: the schemas of each Region, which cfn-lint carries."""

import json
from pathlib import Path

import pytest

from tests.support.stacks import stacks
from tests.support.templates import ROOT, SAM, tool

REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "ap-northeast-2")
TEMPLATES = [ROOT / "monitoring.yaml", ROOT / "sam_model" / "endpoint.yaml", ROOT / "paint_model" / "endpoint.yaml"]


def linted(*files):
    """What cfn-lint says of templates in all of the Regions: (rule, path, message) by file.

    One process for all of them: it takes seconds to read the Regions' schemas.
    """
    # W3005: SAM writes a DependsOn that a Ref implies already.
    options = ["--regions", *REGIONS, "--ignore-checks", "W3005", "--format", "json", "--"]
    _, text = tool(SAM / "cfn-lint", *options, *files)
    found = {file: [] for file in files}
    for each in json.loads(text):
        found[Path(each["Filename"])].append((each["Rule"]["Id"], each["Location"]["Path"], each["Message"]))
    return found


@pytest.fixture(scope="module")
def said(transformed, planted, tmp_path_factory):
    """Of what is deployed, as it is transformed, and once more with every function of the template worked out, so that
    values are seen; and of what is planted. What a choice leaves as it is in another one is looked at once.
    """
    files, folder, seen = [transformed, planted, *TEMPLATES], tmp_path_factory.mktemp("stacks"), []
    for choice, resources in stacks(transformed).items():
        files.append(folder / f"{choice}.json")
        plain = {name: {part: each[part] for part in ("Type", "Properties")} for name, each in resources.items()}
        files[-1].write_text(
            json.dumps({"Resources": {name: plain[name] for name in plain if plain[name] not in seen}})
        )
        seen += plain.values()
    return linted(*files)


def test_the_registry_has_nothing_against_what_is_deployed_in_any_region(said, planted):
    assert len(said) > len(TEMPLATES) + 2
    assert {file: found for file, found in said.items() if found and file != planted} == {}


# Faults planted into resources of the transformed template, all at once: the resource, the change, rule and words.


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
def planted(transformed, tmp_path_factory):
    """A file with all faults in it, and of the other resources those alone through which the circle goes."""
    template = json.loads(transformed.read_text())
    for name, plant, *_ in PLANTED.values():
        plant(template, name)
    names = [*(name for name, *_ in PLANTED.values()), "Cdn", "Api"]
    template["Resources"] = {name: template["Resources"][name] for name in names}
    file = tmp_path_factory.mktemp("planted") / "template.json"
    file.write_text(json.dumps(template))
    return file


@pytest.mark.parametrize("fault", PLANTED)
def test_the_registry_finds_a_planted_fault(said, planted, fault):
    name, _, rule, words = PLANTED[fault]

    assert [message for each, path, message in said[planted] if each == rule and path[1] == name and words in message]
