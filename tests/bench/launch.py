"""Run a command and print what its processes took.

A small process of its own: Linux hands the peak of a parent on to its children.
"""

import json
import os
import sys
import time

log, *command = sys.argv[1:]
began = time.perf_counter()
words = (os.POSIX_SPAWN_OPEN, 2, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
pid = os.posix_spawn(command[0], command, os.environ, file_actions=[words, (os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
facts = {"seconds": time.perf_counter() - began, "cpu": usage.ru_utime + usage.ru_stime, "peak_mib": peak}
print(json.dumps(facts | {"code": os.waitstatus_to_exitcode(status)}))
