"""The command line with which `make deploy` calls sam: nothing of samconfig.toml is lost."""

import tomllib

import pytest

from deploy import stack
from deploy.build import ROOT


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_samconfigs_parameters_are_named_beside_those_given(environment):
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    said = config[environment]["deploy"]["parameters"]["parameter_overrides"]

    command = stack.sam_deploy_command(environment, ["LambdaConcurrency=7", "ImageModels=a@b, c@d"])

    assert command[command.index("--config-env") + 1] == environment
    assert command[command.index("--parameter-overrides") + 1 :] == [
        *said,
        "LambdaConcurrency=7",
        'ImageModels="a@b, c@d"',
    ]
