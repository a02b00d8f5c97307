// A terminal of its own for the program (needs python3): what is written to the process that holds it is typed there, and the end of that closes it.
// It does not control the program: who writes there sees that it was closed, and Ctrl-C is a signal that is sent.

import { spawnSync } from "node:child_process";

export const hasPython = spawnSync("python3", ["--version"]).status === 0;

/** Killed, it takes the program along, where the kernel knows how (PR_SET_PDEATHSIG). */
const hold = `import ctypes, os, pty, select, signal, subprocess, sys
def begin():
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
ours, theirs = pty.openpty()
streams = dict(stdin=theirs, stdout=theirs, stderr=theirs)
program = subprocess.Popen(sys.argv[1:], start_new_session=True, preexec_fn=begin, **streams)
os.close(theirs)
signal.signal(signal.SIGINT, lambda *_: program.send_signal(signal.SIGINT))
while True:
    ready = select.select([0, ours], [], [])[0]
    try:
        if ours in ready:
            shown = os.read(ours, 65536)
            if shown == b"":
                break
            os.write(1, shown)
        if 0 in ready:
            typed = os.read(0, 65536)
            if typed == b"":
                break
            os.write(ours, typed)
    except OSError:
        break
os.close(ours)
sys.exit(program.wait())
`;

/** As `through` of a rig. */
export const terminal: readonly string[] = ["python3", "-c", hold];
