"""cvc5 as a program, made from cvc5's Python package: SMT-LIB comes in on stdin, answers go out on stdout.

The package has the solver as a library and no program. Each command is answered before the next is read,
as a caller at the other end of a pipe needs it. `(reset)` begins with a new solver: the library's own
reset keeps the logic, and then refuses to set it again.
"""

import sys

import cvc5


def commands(lines):
    """The commands of a text, each once its last parenthesis is there."""
    text, depth, inside = [], 0, None
    for line in lines:
        for char in line:
            text.append(char)
            if inside:
                # A comment ends with its line; a string or a quoted symbol where its sign comes again.
                if char == inside:
                    inside = None
            elif char == ";":
                inside = "\n"
            elif char in '"|':
                inside = char
            elif char == "(":
                depth += 1
            elif char == ")":
                depth -= 1
                if depth <= 0:
                    yield "".join(text).strip()
                    text, depth = [], 0


class Session:
    """One solver with the names that it knows, from the start or from one reset to the next."""

    def __init__(self, options):
        terms = cvc5.TermManager()
        self.solver = cvc5.Solver(terms)
        for name, value in options:
            self.solver.setOption(name, value)
        self.symbols = cvc5.SymbolManager(terms)
        self.parser = cvc5.InputParser(self.solver, self.symbols)

    def answer(self, text):
        self.parser.setStringInput(cvc5.InputLanguage.SMT_LIB_2_6, text, "stdin")
        answers = []
        while True:
            command = self.parser.nextCommand()
            if command.isNull():
                return "".join(answers)
            answers.append(command.invoke(self.solver, self.symbols))


def options(arguments):
    """`--name=value`, as the program takes them. The language is SMT-LIB anyway."""
    arguments = iter(arguments)
    for argument in arguments:
        name, is_there, value = argument.removeprefix("--").partition("=")
        value = value if is_there else next(arguments, "")
        if name != "lang":
            yield name, value


def main(arguments):
    if arguments == ["--version"]:
        print(f"This is cvc5 version {cvc5.__version__}, from its Python package")
        return
    chosen = list(options(arguments))
    session = Session(chosen)
    for text in commands(sys.stdin):
        if "".join(text.split()) == "(exit)":
            return
        if "".join(text.split()) == "(reset)":
            session = Session(chosen)
            continue
        try:
            answer = session.answer(text)
        except Exception as error:
            message = str(error).replace('"', '""').replace("\n", " ")
            answer = f'(error "{message}")\n'
        if answer:
            sys.stdout.write(answer)
            sys.stdout.flush()


main(sys.argv[1:])
