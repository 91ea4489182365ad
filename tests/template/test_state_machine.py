"""What others say of the state machine's definition: asl-validator, cfn-lint and the parser of moto's interpreter.

Each sees a part; `SEEN` has a fault of each kind, and which of them says so in which words. `tests/workflow` holds the
definition to what it has to do, test_interpreters.py plays it.
"""

import copy
import itertools
import json
import re

import pytest
from botocore.loaders import Loader
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

from tests.support.engine import change, read_application
from tests.support.templates import TOOLS, tool

[MACHINE] = read_application().state_machines.values()
LONGEST = Loader().load_service_model("stepfunctions", "service-2")["shapes"]["Definition"]["max"]


def asl_validator(definitions):
    """It writes of each definition its number, and each fault's code with a sentence."""
    program = TOOLS / "npm" / "node_modules" / ".bin" / "asl-validator"
    given = [part for definition in definitions for part in ("--json-definition", json.dumps(definition))]
    status, text = tool(program, *given)
    assert status in (0, 1), text
    said = re.split(r'. State machine definition "JSON definition #(\d+)" is (?:in)?valid', text)
    faults = dict(zip(map(int, said[1::2]), said[2::2], strict=True))
    return [faults[number].strip(": \n") for number in range(1, 1 + len(definitions))]


def cfn_lint(definitions):
    """Its rule E3601, which sees a definition only where the template itself has it; ours names a file."""
    from cfnlint.api import lint  # not earlier: half a second in each worker

    role = "arn:aws:iam::123456789012:role/machine"
    machines = [
        {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": role, "DefinitionString": definition}}
        for definition in map(json.dumps, definitions)
    ]
    names = [f"Machine{number}" for number in range(len(machines))]
    matches = lint(json.dumps({"Resources": dict(zip(names, machines, strict=True))}))
    said = [(match.path[1], f"{match.rule.id} {match.message}") for match in matches]
    return ["\n".join(words for of, words in said if of == name) for name in names]


def moto_parser(definitions):
    """The grammar of states that moto's interpreter reads, and the ranges of numbers."""

    def parse(definition):
        try:
            AmazonStateLanguageParser.parse(json.dumps(definition))
        except Exception as fault:
            return str(fault)
        return ""

    return [parse(definition) for definition in definitions]


JUDGES = (asl_validator, cfn_lint, moto_parser)


@pytest.mark.parametrize("judge", JUDGES)
def test_the_state_machine_after_substitution(judge):
    assert judge([MACHINE.definition]) == [""]


def test_the_definition_is_not_too_long():
    assert len(json.dumps(MACHINE.definition)) < LONGEST


DETECT = ("States", "DetectFaces")
RETRY = (*DETECT, "Retry", 0)
CROPS = ("States", "SegmentCrops")
CROP = (*CROPS, "ItemProcessor", "States")
PICTURE = ("States", "GenerateImages", "ItemProcessor", "States")
UNKNOWN = "Missing 'StartAt'|'Next'|'Default' target: Nowhere"

SEEN = {
    "a Next to nowhere": (change(*DETECT, Next="Nowhere"), asl_validator, UNKNOWN),
    "a Next to nowhere in a Map": (change(*PICTURE, "AwaitTurn", Next="Nowhere"), asl_validator, UNKNOWN),
    "a Catch to nowhere": (change(*DETECT, "Catch", 0, Next="Nowhere"), asl_validator, UNKNOWN),
    "a StartAt of nowhere": (change(StartAt="Nowhere"), asl_validator, UNKNOWN),
    "a state that nothing leads to": (
        change("States", Lonely={"Type": "Pass", "Next": "Finish"}),
        *(asl_validator, "State Lonely is not reachable"),
    ),
    "a Choice without Default": (
        change("States", "HowDidItEnd", remove=["Default"]),
        *(asl_validator, "State Failed is not reachable"),
    ),
    "neither Next nor End": (
        change(*CROP, "KeepTheEllipses", remove=["End"]),
        *(asl_validator, 'State "KeepTheEllipses" MUST contain exactly one of "End", "Next"'),
    ),
    "neither Next nor End, to cfn-lint": (
        change(*CROP, "KeepTheEllipses", remove=["End"]),
        *(cfn_lint, "E3601 Only one of ['Next', 'End'] is a required property at"),
    ),
    "two states of one name": (
        change(*CROP, Finish={"Type": "Pass", "End": True}),
        *(asl_validator, "A state with this name already exists: Finish"),
    ),
    "a ResultPath that is no path": (
        change(*DETECT, ResultPath="found"),
        *(asl_validator, 'DetectFaces/ResultPath is invalid. must match format "asl_result_path"'),
    ),
    "a parameter that is no path": (
        change(*DETECT, "Parameters", "Payload", **{"run.$": "$.run["}),
        *(asl_validator, "DetectFaces/Parameters/Payload/run.$ is invalid"),
    ),
    "an intrinsic function that there is not": (
        change(*PICTURE, "AdmitAgain", "Parameters", "Payload", **{"pictures.$": "States.Arrray($.turn.picture)"}),
        *(asl_validator, "AdmitAgain/Parameters/Payload/pictures.$ is invalid"),
    ),
    "an intrinsic function with one argument too few": (
        change(*PICTURE, "AdmitAgain", "ResultSelector", **{"wait.$": "States.ArrayGetItem($.Payload.turns[*].wait)"}),
        *(moto_parser, "Expected 2 arguments for function type"),
    ),
    "a parameter twice": (
        change(*DETECT, "Parameters", **{"FunctionName.$": "$.run"}),
        *(asl_validator, 'A duplicate field will exist after renaming to strip the ".$" suffix'),
    ),
    "an ErrorEquals that is no list": (
        change(*RETRY, ErrorEquals="Throttled"),
        *(asl_validator, "DetectFaces/Retry/0/ErrorEquals is invalid. must be array"),
    ),
    "an empty ErrorEquals": (change(*RETRY, ErrorEquals=[]), moto_parser, "mismatched input ']'"),
    "States.ALL with others": (
        change("States", "Finish", "Retry", 0, ErrorEquals=["Throttled", "States.ALL"]),
        *(moto_parser, "States.ALL must appear alone in the ErrorEquals array"),
    ),
    "too many attempts": (
        change(*RETRY, MaxAttempts=100_000_000),
        *(moto_parser, "MaxAttempts value MUST be a positive integer between 0 and 99999999, got '100000000'"),
    ),
    "no interval": (change(*RETRY, IntervalSeconds=0), moto_parser, "IntervalSeconds value MUST be a positive integer"),
    "a longest delay of none": (change(*RETRY, MaxDelaySeconds=0), moto_parser, "MaxDelaySeconds value MUST be"),
    "a rate below one": (
        change(*RETRY, BackoffRate=0.5),
        moto_parser,
        "BackoffRate MUST be greater",
    ),
    "a jitter that there is not": (change(*RETRY, JitterStrategy="Full"), moto_parser, "mismatched input '\"Full\"'"),
    "a misspelt field of a retrier": (change(*RETRY, MaxAttempt=3), moto_parser, "mismatched input '\"MaxAttempt\"'"),
    "a misspelt field of a Map": (
        change(*CROPS, remove=["ItemsPath"], ItemPath="$.crops.numbers"),
        *(cfn_lint, "('ItemPath' was unexpected. Did you mean 'ItemsPath'?)"),
    ),
    "two limits of a Map": (
        change(*CROPS, MaxConcurrency=3),
        *(asl_validator, 'MUST contain at most one of "MaxConcurrency", "MaxConcurrencyPath"'),
    ),
    "a Map without a processor": (
        change(*CROPS, remove=["ItemProcessor"], Comment=""),
        *(asl_validator, 'MUST contain exactly one of "ItemProcessor", "Iterator"'),
    ),
    "a misspelt operator": (
        change("States", "HowDidItEnd", "Choices", 0, StringEqual="SUCCEEDED"),
        *(moto_parser, "mismatched input '\"StringEqual\"'"),
    ),
    "a text compared with a number": (
        change("States", "HowDidItEnd", "Choices", 0, StringEquals=1),
        *(asl_validator, "HowDidItEnd/Choices/0/StringEquals is invalid. must be string"),
    ),
    "two lengths of a Wait": (change(*PICTURE, "AwaitTurn", Seconds=1), asl_validator, "MUST contain exactly one of"),
    "a time limit of none": (change(*DETECT, TimeoutSeconds=0), cfn_lint, "E3601 0 is less than the minimum of 1"),
    "a resource that is no ARN": (change(*DETECT, Resource="lambda:invoke"), asl_validator, "DetectFaces/Resource"),
    "a field of the other language": (change(*DETECT, Arguments={}), cfn_lint, "('Arguments' was unexpected)"),
}


@pytest.fixture(scope="module")
def said():
    """By kind of fault: what the judge says that shall see it."""
    found = {}
    for judge in JUDGES:
        faulty = {kind: copy.deepcopy(MACHINE.definition) for kind in SEEN if SEEN[kind][1] is judge}
        for kind, definition in faulty.items():
            SEEN[kind][0](definition)
        found |= dict(zip(faulty, judge(list(faulty.values())), strict=True))
    return found


@pytest.mark.parametrize("kind", SEEN)
def test_a_judge_says_what_is_wrong(said, kind):
    assert SEEN[kind][2] in said[kind]


# What no judge sees


def rules_of(states):
    """Each list of retriers or catchers, those inside of Maps included."""
    for state in states.values():
        yield from (state[kind] for kind in ("Retry", "Catch") if kind in state)
        yield from rules_of(state.get("ItemProcessor", {}).get("States", {}))


def test_a_wildcard_stands_last():
    """ "It must appear alone in the `ErrorEquals` array and must appear in the last retrier in the `Retry` array"; the
    same of catchers: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html.
    """
    before = [rule["ErrorEquals"] for rules in rules_of(MACHINE.definition["States"]) for rule in rules[:-1]]

    assert not {"States.ALL", "States.TaskFailed"} & set(itertools.chain(*before))
