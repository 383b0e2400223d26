"""What in-process Python cannot contain. The README says the same; ``test_uncontainable`` shows the first two in real processes."""

UNCONTAINABLE: dict[str, str] = {
    "a hang": "a call that never returns holds the only thread; no code of ours runs. Ctrl-C twice or a watchdog ends the process",
    "os._exit, os.abort, os.kill": "the process is gone at once; nothing can be written any more. What was committed is kept",
    "a segmentation fault (ctypes, a broken extension)": "as os._exit: the interpreter itself is gone",
    "memory without end": "the system ends the process before Python can raise MemoryError",
    "threads": "a thread started by a plugin runs on after the call returned, quarantined or not, with the same rights",
    "monkeypatching the kernel": "every module of the kernel can be imported and changed, this guard included",
    "reaching around: gc, frames, __self__ of a bound method": "any object of the process can be found and changed",
    "process-wide settings (decimal context, signals, recursion limit, os.environ)": "they are shared by design of the language",
    "files, network, environment": "a plugin has every right of the user who started the process, the secrets it holds included",
    "changing the market view (executors only)": "executors are handed the live book and instruments, to match on them",
}
