"""The template and what is made of it, and the tools that look at it."""

import re
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

import yaml
from botocore.loaders import Loader

import local.iam
from deploy.build import ROOT, build
from local.template.intrinsics import Template

TOOLS = ROOT / ".tools"
SAM = TOOLS / "sam" / "bin"
COMMON, PIXELS = "Common", "Pixels"
"""The layers."""
SOURCES = ("template.yaml", "monitoring.yaml", "functions", "layers", "statemachine")


def tool(*command, **options):
    """Runs a program; gives its exit status and what it wrote to both streams."""
    words = [str(part) for part in command]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False, **options)
    return done.returncode, done.stdout + done.stderr


class _Tagged(yaml.CSafeLoader):
    """YAML in which `!GetAtt A.B` reads as {"Fn::GetAtt": "A.B"}."""


def _construct(loader, suffix, node):
    construct = {
        yaml.ScalarNode: loader.construct_scalar,
        yaml.SequenceNode: lambda node: loader.construct_sequence(node, deep=True),
        yaml.MappingNode: lambda node: loader.construct_mapping(node, deep=True),
    }[type(node)]
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": construct(node)}


_Tagged.add_multi_constructor("!", _construct)


def read(path: Path) -> dict:
    """A template with its functions in their long form."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=_Tagged)


def build_in(folder: Path) -> Path:
    """The sources as they are, copied to the folder and built there; gives the build's folder.

    Their wheels are those that were downloaded already, into `build/wheels`, whose hashes each build checks.
    """
    shutil.rmtree(folder, ignore_errors=True)  # another worker's build may have failed
    sources = folder / "sources"
    sources.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, sources)
    store = ROOT / "build" / "wheels"
    store.mkdir(parents=True, exist_ok=True)
    (sources / "build").mkdir()
    (sources / "build" / "wheels").symlink_to(store)
    build(sources, folder / "build")
    return folder / "build"


def schema_of(kind: str) -> dict:
    """A type's schema in CloudFormation's registry of us-east-1, as cfn-lint carries it."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # not earlier: half a second in each worker

    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema


class Resolver(Template):
    """Reads any template; what only a deployment knows of a resource is text that no other stack has."""

    def __init__(self, path: Path, stack: str, region: str, parameters: Mapping[str, str]):
        super().__init__(path, stack, region, parameters, {})
        own = uuid.uuid5(_STACKS, stack + region)
        self._stack_id = f"arn:aws:cloudformation:{region}:123456789012:stack/{stack}/{own}"
        [partition] = [each for each in _PARTITIONS if re.match(each["regionRegex"], region)]
        self.pseudo |= {
            "AWS::StackId": self._stack_id,
            "AWS::Partition": partition["partition"],
            "AWS::URLSuffix": partition["dnsSuffix"],
        }

    def ref(self, name):
        return self._of(name, name) if name in self.document["Resources"] else super().ref(name)

    def get_att(self, argument):
        whole = argument if isinstance(argument, str) else ".".join(argument)
        return self._of(whole.split(".")[0], whole)

    def _of(self, name, whole):
        assert name in self.resources, f"{name} is referred to, and not created"
        self.referred.add(name)
        return f"{self._stack_id}/{whole}"

    def read(self, resource):
        """Type, properties, and logical ids of what has to be there before it: `After`."""
        self.referred = set(local.iam.as_list(resource.get("DependsOn", [])))
        assert self.referred <= self.resources.keys(), f"{self.referred} are depended on, and not all created"
        properties = self.resolve(resource.get("Properties", {}))
        return {"Type": resource["Type"], "Properties": properties, "After": self.referred}


_STACKS = uuid.UUID(int=0)
_PARTITIONS = Loader().load_data("endpoints")["partitions"]


def resolved(path: Path, stack: str, region: str, **parameters: str) -> dict[str, dict]:
    """The resources that a stack of this name has in this Region, functions resolved, each as `read` gives it."""
    resolver = Resolver(path, stack, region, parameters)
    return {name: resolver.read(each) for name, each in resolver.resources.items()}
