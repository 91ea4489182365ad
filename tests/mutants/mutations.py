"""The mutants of a module: copies of its source, each with one small fault.

It runs under the Python of .tools/mutmut. It reads a source from standard input and writes JSON: for each mutant its
line, that line before and after, and the whole mutated source.
"""

import ast
import json
import re
import sys

import libcst
import libcst.matchers as match
from mutmut.mutation import file_mutation


def remove(statement):
    """mutmut removes no statement: a call whose result nobody takes, or a raise, becomes `pass`."""
    if match.matches(statement, match.SimpleStatementLine(body=[match.Expr(match.Call()) | match.Raise()])):
        yield statement.with_changes(body=[libcst.Pass()])


def lines_of_words(source):
    """Lines of the texts for people, whose wording no test should hold fast: what is raised, errors, what is logged."""
    words, tree = set(), ast.parse(source)
    imports = (node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "booth.errors")
    errors = {name.name for node in imports for name in node.names}
    for node in ast.walk(tree):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if isinstance(node, ast.Raise) or called in errors or called.startswith("logger."):
            words.update(range(node.lineno, node.end_lineno + 1))
    return words


def is_strict_alone(before, after):
    """Whether they differ in the `strict` of a zip alone: a check that holds in all that is right."""
    before, after = (re.sub(r", (strict=\w+)?\)", ")", line) for line in (before, after))
    return before == after


def mutants_of(source):
    """(line, before, after, mutated source) of each mutant, in the order of the source."""
    operators = [*file_mutation.mutation_operators, (libcst.SimpleStatementLine, remove)]
    file_mutation.mutation_operators = operators
    module, mutations, _, _ = file_mutation.create_mutations("module", source)
    words, lines = lines_of_words(source), source.splitlines()
    for mutation in mutations:
        mutated = file_mutation.deep_replace(module, mutation.original_node, mutation.mutated_node).code
        pairs = zip(lines, mutated.splitlines(), strict=False)
        line, (before, after) = next((n, pair) for n, pair in enumerate(pairs, start=1) if pair[0] != pair[1])
        before, after = before.strip(), after.strip()
        if before.startswith(("@", "logger.")) or (line in words and after != "pass") or is_strict_alone(before, after):
            continue
        yield line, before, after, mutated


if __name__ == "__main__":
    json.dump(list(mutants_of(sys.stdin.read())), sys.stdout)
