#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""damage_sweep.py PART MOUNT TREE OTHER DAEMON LOG SECONDS SEED

Damages copies of TREE and restores each by reference. What must be seen each time: an error, a
sentence in the daemon's LOG that names the file (and the line, of text), no process, nothing
changed in the source, the daemon alive. OTHER is a tree of another program. SECONDS for the bits,
in an order that SEED decides; 0: all of them.
"""
import errno
import gzip
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import stat
import sys
import time

PART, MOUNT, TREE, OTHER, DAEMON, LOG, LIMIT, SEED = sys.argv[1:9]
NAME = os.path.join(MOUNT, "restore", "swept")
PID = int(re.search(r"^pid (\d+)$", open(TREE + "/task").read(), re.M).group(1))
BAD = os.path.abspath("damaged")
LIMIT = float(LIMIT)
# of a daemon that died, of a request nobody answered
NEVER = {errno.ENOTCONN, errno.ECONNABORTED, errno.ENOSYS, errno.ETIMEDOUT}
counts = {}


def fail(text):
    print("FAIL:", text)
    sys.exit(1)


# ---- looking ----

def text_of(path):
    """Names of programs may be damaged, too."""
    with open(path, errors="replace") as f:
        return f.read()


def texts(tree):
    """Text files, relative."""
    return [p for p in files(tree) if os.path.basename(p) not in ("pages", "sums", "manifest")]


def files(tree):
    return sorted(os.path.relpath(os.path.join(d, f), tree)
                  for d, _, names in os.walk(tree) for f in names)


def fingerprint(tree):
    """Everything there is below tree."""
    out = hashlib.sha1()
    for where, dirs, names in os.walk(tree):
        dirs.sort()
        for name in sorted(dirs + names):
            path = os.path.join(where, name)
            st = os.lstat(path)
            out.update(repr((path, st.st_mode, st.st_size, st.st_mtime_ns)).encode())
            if stat.S_ISREG(st.st_mode) and st.st_size < 1 << 26:
                out.update(open(path, "rb").read())
            elif stat.S_ISLNK(st.st_mode):
                out.update(os.readlink(path).encode())
    return out.hexdigest()


def said(since):
    with open(LOG, errors="replace") as f:
        f.seek(since)
        return f.read()


def children():
    return "".join(open(f"/proc/{DAEMON}/task/{t}/children").read()
                   for t in os.listdir(f"/proc/{DAEMON}/task"))


def memory(key="VmRSS"):
    return int(re.search(rf"^{key}:\s*(\d+)", open(f"/proc/{DAEMON}/status").read(), re.M).group(1))


# ---- one restore ----

def alive(what):
    try:
        os.kill(int(DAEMON), 0)
    except ProcessLookupError:
        fail(f"{what}: the daemon is gone")


def gone(what, pid, never=""):
    """Waits until process pid is gone; fails if it is found in one of these states."""
    for _ in range(2000):
        try:
            state = text_of(f"/proc/{pid}/stat").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in never:
            fail(f"{what}: process {pid} is there: {state}")
        time.sleep(0.005)
    fail(f"{what}: process {pid} does not end")


def end_process(what):
    """The tree made sense: what it became is let go, and killed."""
    text = open(NAME + "/.status").read()
    pid = int(re.search(r"^pid (\d+)$", text, re.M).group(1))
    try:
        status = text_of(f"/proc/{pid}/status")
        if not re.search(r"^TracerPid:\s*0$", status, re.M):
            fail(f"{what}: process {pid} is not let go")
        os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass
    gone(what, pid)


def restore(tree):
    """The errno, 0: restored; and what the log says."""
    since = os.path.getsize(LOG)
    try:
        os.symlink(tree, NAME)
        code = 0
    except OSError as e:
        code = e.errno
    return code, said(since)


def judged(what, tree, named, may_work=False):
    """Restores tree, which must fail with a sentence that matches named."""
    code, text = restore(tree)
    kind = what.split(":")[0]
    good, refused = counts.get(kind, (0, 0))
    counts[kind] = (good + (not code), refused + bool(code))
    alive(what)
    if not code:
        end_process(what)
        os.rmdir(NAME)
        if not may_work:
            fail(f"{what}: restored")
        return
    if code in NEVER:
        fail(f"{what}: {os.strerror(code)}: {text}")
    if not re.search(named, text):
        fail(f"{what}: the log does not say '{named}': {text}")
    if os.path.lexists(NAME):
        fail(f"{what}: the name stays")
    # Dead it may be for a moment, until its parent has seen that: the daemon is not its parent.
    gone(what, PID, "RSDTt")
    if children().strip():
        fail(f"{what}: the daemon has children: {children()}")


# ---- copies ----

def fresh():
    shutil.rmtree(BAD, ignore_errors=True)
    shutil.copytree(TREE, BAD)
    return BAD


def edit_manifest(tree, change):
    path = tree + "/manifest"
    lines = [change(line) for line in open(path).read().splitlines()[:-1]]
    lines = [line for line in lines if line]
    with open(path, "w") as f:
        f.write("".join(line + "\n" for line in lines) + f"end {len(lines)}\n")


def as_edited(tree, *names):
    """Lists the files of these names, or all text files, as edited."""
    wanted = set(names or texts(TREE))
    edit_manifest(tree, lambda line: f"file {line.split()[1]} edited"
                  if line.split()[1] in wanted else line)


def replace(path, make):
    """Puts something else in the place of a file."""
    full = os.path.join(BAD, path)
    os.unlink(full)
    make(full)


def make_socket(path):
    here = os.getcwd()
    os.chdir(os.path.dirname(path))  # the names of sockets are short
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.basename(path))
    os.chdir(here)


def write(path, data):
    with open(path, "wb" if isinstance(data, bytes) else "w") as f:
        f.write(data)


def sparse(size):
    def make(path):
        write(path, b"")
        os.truncate(path, size)
    return make


# ---- damages to the form ----

def one(what, named, damage, *edited):
    tree = fresh()
    damage(tree)
    if edited:
        as_edited(tree, *edited)
    before = fingerprint(tree)
    judged(what, tree, named)
    if fingerprint(tree) != before:
        fail(f"{what}: the source was changed")


def instead_of_files(rng):
    """Something else, or nothing, in the place of a file of each kind."""
    makers = {
        "missing": lambda p: None,
        "directory": os.mkdir,
        "FIFO": os.mkfifo,
        "socket": make_socket,
        "device": lambda p: os.mknod(p, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
        "link": lambda p: os.symlink(os.path.join(TREE, os.path.relpath(p, BAD)), p),
        "dangling": lambda p: os.symlink("/nowhere", p),
        "loop": lambda p: os.symlink(os.path.basename(p), p),
        "empty": lambda p: write(p, b""),
        "4 GiB": sparse(4 << 30),
        "8 EiB": lambda p: sparse((1 << 44) - 4096)(p),
        "garbage": lambda p: write(p, rng.randbytes(os.path.getsize(
            os.path.join(TREE, os.path.relpath(p, BAD))) or 100)),
    }
    vma = next(p for p in files(TREE) if p.endswith("/pages") and os.path.getsize(TREE + "/" + p))
    some = ["task", "cpu", "manifest", vma, vma[:-5] + "sums", vma[:-5] + "meta",
            next(p for p in files(TREE) if p.startswith("files/")),
            next(p for p in files(TREE) if p.startswith("fds/"))]
    for path in some:
        for name, make in makers.items():
            one(f"instead: {name}: {path}", re.escape(path), lambda t: replace(path, make))
            if path in texts(TREE):
                one(f"instead, edited: {name}: {path}", re.escape(path),
                    lambda t: replace(path, make), path)
    for path in files(TREE):
        if os.path.exists(os.path.join(OTHER, path)) and path != "manifest":
            theirs = open(os.path.join(OTHER, path), "rb").read()
            if theirs != open(os.path.join(TREE, path), "rb").read():
                one(f"other: {path}", re.escape(path),
                    lambda t: write(os.path.join(t, path), theirs))
    one("other: manifest", "manifest|missing|listed|contents|bytes",
        lambda t: shutil.copy(OTHER + "/manifest", t))


def names_and_links(_):
    """Names that lead elsewhere, or that the tree does not list."""
    vma = sorted(os.listdir(TREE + "/vmas"))[0]
    moved = "0000100000001000"

    def other_name(t):
        os.rename(f"{t}/vmas/{vma}", f"{t}/vmas/{moved}")
        edit_manifest(t, lambda line: line.replace(vma, moved))

    def deep(t):
        path = t
        for _ in range(200):
            path += "/d"
            os.mkdir(path)

    def linked(t):
        shutil.rmtree(t + "/vmas")
        os.symlink(TREE + "/vmas", t + "/vmas")

    listing = "file {} 0000000000000001 " + "0" * 32
    one("names: renamed", "cpv", lambda t: os.rename(t + "/cpu", t + "/cpv"))
    one("names: a copy", "cpu2", lambda t: shutil.copy(t + "/cpu", t + "/cpu2"))
    one("names: an ELF", r"vmas/x", lambda t: shutil.copy("/bin/true", t + "/vmas/x"))
    one("names: a vma twice", moved, lambda t: shutil.copytree(f"{t}/vmas/{vma}",
                                                               f"{t}/vmas/{moved}"))
    one("names: a vma elsewhere", f"{moved}/meta: its contents are of", other_name)
    one("names: deep", "too many directories", deep)
    one("names: vmas is a link", "vmas", linked)
    one("names: both", "pages.gz: .*pages is there too", lambda t: write(
        f"{t}/vmas/{vma}/pages.gz", gzip.compress(open(f"{t}/vmas/{vma}/pages", "rb").read())))
    for path in ("../" * 30 + "etc/passwd", "/etc/passwd", "vmas/../cpu", "./cpu", "cpu/",
                 "vmas//x", "..", ".", "fds/01", "fds/18446744073709551616", "x" * 5000,
                 f"vmas/{vma.upper()}x/meta", "cpu.gz", "manifest", "vmas", "\\057etc"):
        one(f"names: listed: {path[:30]}", r"manifest:[0-9]+: ", lambda t: edit_manifest(
            t, lambda line: line if " cpu " not in line else
            "file cpu edited\n" + listing.format(path)))


# ---- too much ----

def too_much(_):
    """What would take memory or time without bound, if it were believed."""
    vma = next(p[:-6] for p in files(TREE)
               if p.endswith("/pages") and os.path.getsize(TREE + "/" + p))
    pages, meta = vma + "/pages", vma + "/meta"
    file = next(p for p in texts(TREE) if p.startswith("files/"))
    bomb = gzip.compress(bytes(64 << 20), 9) * 200  # 12.5 GiB of nothing

    def bombed(t):
        os.unlink(f"{t}/{pages}")
        write(f"{t}/{pages}.gz", bomb)

    def lying(size):
        def change(t):
            bombed(t)
            edit_manifest(t, lambda line: f"file {pages} {size:016d} " + "0" * 32
                          if line.startswith(f"file {pages} ") else line)
        return change

    def sub(path, pattern, to):
        def change(t):
            text = open(f"{t}/{path}").read()
            new = re.sub(pattern, to, text, count=1, flags=re.M)
            if new == text:
                fail(f"{path}: no '{pattern}'")
            write(f"{t}/{path}", new)
        return change

    def lines(path, line, n):
        def change(t):
            text = open(f"{t}/{path}").read()
            write(f"{t}/{path}", text.removesuffix("end\n") + line * n + "end\n")
        return change

    def huge_list(t):
        with open(t + "/manifest", "w") as f:
            for i in range(0, 10000000, 1000):
                f.write("".join(f"file fds/{n} edited\n" for n in range(i, i + 1000)))
            f.write("end 10000000\n")

    start = int(os.path.basename(vma), 16)
    one("much: a bomb", "pages.gz: longer than its runs", bombed)
    one("much: a bomb, edited", "pages.gz: longer than its runs", bombed, pages)
    one("much: a bomb that is listed", re.escape(pages), lying(1 << 30))
    one("much: a bomb beyond memory", "more than the [0-9]+ MiB of memory", lying(10 ** 16 - 4096))
    one("much: npages", f"{meta}:[0-9]+: ", sub(meta, r"^npages \d+", "npages 4503599627370495"), meta)
    one("much: npages of a run", f"{meta}: run|{meta}:[0-9]+: run",
        sub(meta, r"^(run \S+) \d+", r"\1 4503599627370495"), meta)
    one("much: start and end", f"{meta}:[0-9]+: end",
        sub(meta, r"^end 0x.*", "end 0xfffffffffffff000"), meta)
    one("much: all addresses", f"{meta}",
        sub(meta, r"^start .*\nend 0x.*", "start 0x0\nend 0xfffffffffffff000"), meta)
    one("much: map_count", "mm: map_count", sub("mm", r"^map_count .*", "map_count 4294967295"), "mm")
    one("much: xsave", "cpu:[0-9]+: xsave_size", sub("cpu", r"^xsave_size .*",
                                                     "xsave_size 4294967288"), "cpu")
    one("much: auxv", "mm: 1[0-9]+ auxv", lines("mm", "auxv 1 0x1\n", 1000000), "mm")
    one("much: actions", "signals: action: .* twice",
        lines("signals", "action 15 0x0 0x0 0x0 0x0\n", 1000000), "signals")
    one("much: groups", "creds: .*groups", lines("creds", "group 1\n", 1000000), "creds")
    one("much: itimers", "timers", lines("timers", "itimer real -1 0\n", 1000000), "timers")
    one("much: timers", "timers", lines("timers", "timer 1 0 none 0 0x0 0 0\n", 1000000), "timers")
    one("much: runs", meta, lines(meta, f"run 0x{start:x} 1 here 0\n", 1000000), meta)
    one("much: locks", file, lines(file, "lock posix read 9 0\n", 1000000), file)
    one("much: limits", "limits", lines("limits", "limit cpu 0 0\n", 1000000), "limits")
    one("much: a line", "cpu:[0-9]+: ", lines("cpu", "x" * (60 << 20) + "\n", 1), "cpu")
    one("much: a word", "task:[0-9]+: ", sub("task", "^comm .*", "comm " + "x" * (60 << 20)), "task")
    one("much: text", "cpu: [0-9]+ bytes are too long", lines("cpu", "\n", 64 << 20), "cpu")
    one("much: a manifest", "manifest: [0-9]+ bytes are too long|manifest:[0-9]+: more than", huge_list)
    one("much: lines of a manifest", "manifest:1048577: more than", lambda t: write(
        t + "/manifest", "".join(f"file fds/{n} edited\n" for n in range(1100000)) + "end 1100000\n"))


# ---- bits ----

def cuts(_):
    """Cut off at every line and page, and within them; a page more."""
    tree = fresh()
    for path in files(tree):
        full = os.path.join(tree, path)
        data = open(full, "rb").read()
        if os.path.basename(path) == "pages":
            ends = range(0, len(data), 4096)
        else:
            ends = [m.start() + 1 for m in re.finditer(b"\n", data)][:-1] + [0]
        ends = [end for end in ends if end < len(data)]
        rng = random.Random(SEED + path)
        if LIMIT:  # so many of each
            ends = rng.sample(ends, min(len(ends), 6))
        for end in ends:
            for cut in {end, max(0, end - 1)}:
                os.truncate(full, cut)
                judged(f"cut: {path} to {cut}", tree, re.escape(path))
            write(full, data)
        if os.path.basename(path) == "pages":
            write(full, data + bytes(4096))
            judged(f"cut: {path}: a page more", tree, re.escape(path))
            write(full, data)


def bits(what, tree, places, seconds, may_work):
    """One bit at each of the places, as long as there is time."""
    start = time.monotonic()
    before = fingerprint(tree)
    for done, (path, at, bit) in enumerate(places):
        if seconds and time.monotonic() - start > seconds:
            break
        full = os.path.join(tree, path)
        st = os.stat(full)
        with open(full, "r+b", buffering=0) as f:
            old = os.pread(f.fileno(), 1, at)
            new = bytes([old[0] ^ 1 << bit])
            os.pwrite(f.fileno(), new, at)
            # Of an edited tree another file may be the one that disagrees, or a file outside.
            judged(f"{what}: bit {bit} of byte {at} of {path}", tree,
                   r"manifest|" + re.escape(path) if not may_work else r": \S+: ", may_work)
            if os.pread(f.fileno(), 1, at) != new or os.fstat(f.fileno()).st_size != st.st_size:
                fail(f"{what}: {path} was changed")
            os.pwrite(f.fileno(), old, at)
        os.utime(full, ns=(st.st_atime_ns, st.st_mtime_ns))
    else:
        done = len(places)
    if fingerprint(tree) != before:
        fail(f"{what}: the source was changed")
    return done


def bit_places(paths, rng, step=1):
    """Every byte; first one of each file, so that all of them have their turn."""
    first, rest = [], []
    for path in paths:
        places = [(path, at, rng.randrange(8))
                  for at in range(0, os.path.getsize(os.path.join(TREE, path)), step)]
        rng.shuffle(places)
        first += places[:1]
        rest += places[1:]
    rng.shuffle(rest)
    return first + rest


def all_bits(rng):
    tree = fresh()
    some = [p for p in files(TREE) if os.path.basename(p) != "pages"]
    pages = [p for p in files(TREE) if os.path.basename(p) == "pages"]
    places = bit_places(some, rng)
    done = bits("bit", tree, places, LIMIT / 3, False)
    print(f"bits of text and sums: {done} of {len(places)} bytes")
    places = bit_places(pages, rng, 1 if LIMIT else 512)
    done = bits("bit of pages", tree, places, LIMIT / 6, False)
    print(f"bits of pages: {done} of {len(places)} bytes")
    as_edited(tree)
    places = bit_places(texts(TREE), rng)
    done = bits("bit, edited", tree, places, LIMIT / 2, True)
    print(f"bits of edited text: {done} of {len(places)} bytes")


PARTS = {"bits": all_bits, "cuts": cuts, "files": instead_of_files, "names": names_and_links,
         "sizes": too_much}


def main():
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    judged("whole", TREE, "", may_work=True)
    if counts["whole"] != (1, 0):
        fail(f"the tree as it is was refused: {said(0)[-500:]}")
    before = fingerprint(TREE)
    rss = memory()
    PARTS[PART](rng)
    if fingerprint(TREE) != before:
        fail("the tree itself was changed")
    for kind, (good, refused) in counts.items():
        print(f"{kind}: {refused} refused, {good} restored")
    peak, after = memory("VmHWM"), memory()
    print(f"daemon: {rss} KiB before, {peak} KiB at most, {after} KiB after")
    if peak > rss + (1 << 20):
        fail("the daemon took more than a GiB")
    # a sanitizer keeps what was freed
    if after > rss + (16 << 10) and not os.environ.get("CKPT_TEST_SLOWER"):
        fail("the daemon keeps memory")


main()
