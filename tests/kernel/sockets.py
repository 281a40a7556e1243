"""Runs each case twice, with real sockets behind a real NAT (ends) and simulated (simulate), and compares the times.

    sockets.py --work DIR [CASE...]

DIR holds the programs `ends` and `simulate`. Compared, for each end: SYNs, messages, keepalive probes, retransmissions,
resets, and when and by what it learned that the connection is dead; each within 50 ms or 2 % of the time since the
SYN, whichever is more. Messages are compared until the first retransmission: while that is not answered Linux holds
new ones back (one packet in flight), natpulse sends them (one segment's worth of bytes).

What the times are chosen for: Linux's timer wheel (kernel/time/timer.c) is late by up to an eighth of what it is asked
for, but by less than 2 % near the upper end of a level, as 2 s are at HZ=250. Doubled retransmission timers add up
their lateness, so they begin late enough and end before the fifth. Tail loss probes are off: natpulse simulates none.
"""

import argparse
import collections
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LEAST, SHARE = 0.050, 0.02

Case = collections.namedtuple("Case", "name about kind sysctls real simulated until", defaults=[14])
Heard = collections.namedtuple("Heard", "what side times")

FIN, SYN, RST, ACK = 1, 2, 4, 16

KEEPALIVE = ["--keepalive", "2,2,3"]
KEEPALIVE_S = ["--set", "strategies.upkeep.keepalive={idle: 2s, interval: 2s, probes: 3}"]
BEAT = ["--beat", "2,1,2"]
BEAT_S = ["--set", "strategies.upkeep.heartbeat={every: 2s, timeout: 1s, misses: 2}"]
SLOW_BEAT = ["--beat", "3,2,1", "--closes-after", "7"]
SLOW_BEAT_S = ["--set", "strategies.upkeep.heartbeat={every: 3s, timeout: 2s, misses: 1, server_closes_after: 7s}"]
STRICT_BEAT = BEAT + ["--closes-after", "5"]
STRICT_BEAT_S = ["--set", "strategies.upkeep.heartbeat={every: 2s, timeout: 1s, misses: 2, server_closes_after: 5s}"]
PUSH = ["--push", "5"]
PUSH_S = ["--set", "clients.client.workload={opens: server, loop: open, gap: 5s, request: 1B}"]
EXPIRE_S = ["--set", "nat.timeouts.tcp_established=1s", "--set", "nat.timeouts.tcp_unacknowledged=1s"]
STRICT_S = ["--set", "nat.loose=false"]
RESET_S = ["--set", "nat.unknown_inbound=reset"]
FLUSH = ["--flush-at", "3"]
FLUSH_S = ["--set", "nat.restart={at: [3s]}"]
EXPIRE = ["tcp_timeout_established=1", "tcp_timeout_unacknowledged=1"]
STRICT = ["tcp_loose=0"]


def nft(role, rules):
    return "nsenter --net=/run/netns/%s{name} nft '%s'" % (role, rules)


SILENT = [
    "--at",
    "3",
    nft(
        "server",
        "table ip gone { chain from { type filter hook input priority 0; drop; }; "
        "chain to { type filter hook output priority 0; drop; }; }",
    ),
]


def lossy(towards, start, end):
    rules = "table ip lossy { chain f { type filter hook forward priority -1; oifname %s drop; }; }" % towards
    return ["--at", str(start), nft("router", rules), "--at", str(end), nft("router", "delete table ip lossy")]


CASES = [
    Case("ka-alive", "keepalive on a quiet path", "drop", [], KEEPALIVE, KEEPALIVE_S),
    Case("ka-expire", "keepalive slower than the NAT", "drop", EXPIRE + STRICT, KEEPALIVE, KEEPALIVE_S + EXPIRE_S + STRICT_S),
    Case("ka-heal", "the same, but the NAT picks flows up", "drop", EXPIRE, KEEPALIVE, KEEPALIVE_S + EXPIRE_S),
    Case("ka-flush", "the mapping is flushed under a keepalive", "drop", STRICT, KEEPALIVE + FLUSH, KEEPALIVE_S + FLUSH_S + STRICT_S),
    Case("ka-silent", "the server goes silent", "drop", [], KEEPALIVE + SILENT, KEEPALIVE_S + ["--lose-up", hex(2**64 - 2**3)]),
    Case("ka-loss", "two answers to probes are lost", "drop", [], KEEPALIVE + lossy("r0", 3, 7), KEEPALIVE_S + ["--lose-down", "0b1100"]),
    Case("hb-alive", "heartbeat on a quiet path", "drop", [], STRICT_BEAT, STRICT_BEAT_S),
    Case("hb-expire", "heartbeat slower than the NAT", "drop", EXPIRE + STRICT, SLOW_BEAT, SLOW_BEAT_S + EXPIRE_S + STRICT_S),
    Case("hb-heal", "the same, but the NAT picks flows up", "drop", EXPIRE, SLOW_BEAT, SLOW_BEAT_S + EXPIRE_S),
    Case("hb-flush", "the mapping is flushed under a heartbeat", "drop", STRICT, STRICT_BEAT + FLUSH, STRICT_BEAT_S + FLUSH_S + STRICT_S),
    Case("hb-silent", "the server goes silent", "drop", [], BEAT + SILENT, BEAT_S + ["--lose-up", hex(2**64 - 2**4)]),
    Case("hb-loss", "a beat is lost twice", "drop", [], STRICT_BEAT + lossy("r1", 3, 4.4), STRICT_BEAT_S + ["--lose-up", "0b110000"]),
    Case("push-drop", "flushed, the server talks first, unknown packets are dropped", "drop", STRICT, KEEPALIVE + PUSH + FLUSH, KEEPALIVE_S + PUSH_S + FLUSH_S + STRICT_S, 11),
    Case("push-reset", "the same, and the router answers with a reset", "reset", STRICT, KEEPALIVE + PUSH + FLUSH, KEEPALIVE_S + PUSH_S + FLUSH_S + STRICT_S + RESET_S),
]


def start_real(case, work):
    steps = [". '%s/lab'" % HERE, "lab_build %s" % case.name, "lab_hosts %s" % case.name, "lab_rules %s %s" % (case.name, case.kind)]
    for setting in case.sysctls:
        steps.append("sysctl_ns router%s netfilter/nf_conntrack_%s" % (case.name, setting))
    for side in "client", "server":
        steps.append("sysctl_ns %s%s ipv4/tcp_early_retrans=0" % (side, case.name))
    done = subprocess.run(["sh", "-c", " && ".join(steps)], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s: %s" % (case.name, done.stderr))
    command = [os.path.join(work, "ends"), "--suffix", case.name, "--until", str(case.until)]
    command += [word.replace("{name}", case.name) for word in case.real]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def simulate(case, work):
    binary = [str(int(word, 2)) if word.startswith("0b") else word for word in case.simulated]
    command = [os.path.join(work, "simulate"), os.path.join(HERE, "ends.yaml")] + binary
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s: %s\n%s" % (case.name, " ".join(command), done.stderr))
    return done.stdout


HOW = {
    "timeout": "timeout",
    "keepalive": "timeout",
    "retransmission": "timeout",
    "reset": "reset",
    "rst": "reset",
    "closed": "closed",
    "fin": "closed",
    "beats": "beats",
    "heartbeat": "beats",
    "silence": "silence",
}


def digest(text, until):
    """Times of what is compared, in order, by what it is."""
    found = collections.defaultdict(list)
    following = {"client": 0, "server": 0}
    for line in sorted(text.splitlines(), key=lambda row: float(row.split()[1])):
        words = line.split()
        when, side = float(words[1]), words[2]
        if when > until - 0.5:
            continue
        if words[0] == "knew":
            found[side, "knows by " + HOW.get(words[3], words[3])].append(when)
            continue
        flags, seq, length = (int(word) for word in words[3:6])
        if flags & RST:
            found[side, "reset"].append(when)
        elif flags & SYN:
            found[side, "syn"].append(when)
            following[side] = 1
        elif length and seq < following[side]:
            found[side, "retransmission"].append(when)
        elif length and not found[side, "retransmission"]:
            found[side, "message"].append(when)
        elif not length and seq == following[side] - 1:
            found[side, "probe"].append(when)
        if not flags & RST:
            following[side] = max(following[side], seq + length)
    return found


def allowed(when):
    return max(LEAST, SHARE * when)


def compare(case, real, simulated):
    """Prints both side by side; the number of events that differ."""
    print("%s: %s" % (case.name, case.about))
    wrong, worst = 0, 0.0
    for key in sorted(set(real) | set(simulated)):
        a, b = real.get(key, []), simulated.get(key, [])
        for i in range(max(len(a), len(b))):
            x = a[i] if i < len(a) else None
            y = b[i] if i < len(b) else None
            good = x is not None and y is not None and abs(x - y) <= allowed(y)
            if x is not None and y is not None:
                worst = max(worst, abs(x - y) / allowed(y))
            wrong += not good
            print(
                "  %s %-6s %-18s kernel %8s  natpulse %8s%s"
                % (
                    "  " if good else "!!",
                    key[0],
                    key[1],
                    "never" if x is None else "%.3f" % x,
                    "never" if y is None else "%.3f" % y,
                    "" if x is None or y is None else "  %+.0f ms" % (1000 * (x - y)),
                )
            )
    return wrong, worst


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", required=True)
    parser.add_argument("case", nargs="*")
    options = parser.parse_args()
    cases = [c for c in CASES if not options.case or c.name in options.case]
    running = [(case, start_real(case, options.work)) for case in cases]
    failed, most = 0, 0.0
    for case, process in running:
        out, err = process.communicate()
        if process.returncode:
            sys.exit("%s: %s" % (case.name, err))
        wrong, worst = compare(case, digest(out, case.until), digest(simulate(case, options.work), case.until))
        failed += wrong
        most = max(most, worst)
    print("%d cases, %d events differ; the furthest that agree use %.0f %% of what is allowed" % (len(cases), failed, 100 * min(most, 1)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
