"""What the judge of the wire says and is no fault: each with the reason."""

import re

EXCEPTIONS = {
    r"dynamodb \w+ answers 200: .*\.NumberOfDecreasesToday is: 0, .*": "AWS's own example of CreateTable has 0, and "
    "its type says 1 at least",
    r"logs DescribeLogGroups answers 200: the answer.nextToken is null, .*": "moto's; the tests of `make prove` alone "
    "list log groups",
    r"bedrock GetFoundationModel answers 200: .*\.modelName has so many characters: .*": "BrandedName has at most 20 "
    "characters, and AWS's page of supported models has names like Titan Image Generator G1 v2",
}


def is_excepted(sentence: str) -> bool:
    return any(re.fullmatch(pattern, sentence) for pattern in EXCEPTIONS)
