import subprocess
import sys

PARSE_AT_ONCE = """
import ast, gc, sys, threading
from jaxac.runs import one_parser

def pause(*_):
    for _ in range(50):
        pass

one_parser.install()
sys.setswitchinterval(1e-6)
gc.set_threshold(50)
gc.callbacks.append(pause)  # JAX has one, too, and in it the interpreter may change threads
source = "\\n".join(f"def f{i}(a, b=[1, 2, {{3: 4}}]):\\n    return [a + b * {i} for a in b if a]" for i in range(50))
threads = [threading.Thread(target=lambda: [ast.parse(source) for _ in range(20)]) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_two_threads_may_parse_at_once():
    done = subprocess.run([sys.executable, "-c", PARSE_AT_ONCE], capture_output=True, text=True, check=True)
    assert done.stderr == ""
