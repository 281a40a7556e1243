"""Fills the router's table with several mixtures, asks for more flows, and compares with `natpulse replay`.

    full.py --natpulse PROGRAM --work DIR --maximum N --buckets N [MIXTURE...]

Linux drops unassured flows of the next 8 hash buckets to make room, and refuses the new flow where there is none. Those
past their deadline fill their places until a lookup or early drop meets them in a bucket, or the collector does; and
after a refusal the collector takes closing flows too. The hash is secret and keyed, so single fates cannot agree; what
must agree is whom it may hit (class: no assured flow ever goes, and where all are assured no new one comes in: exactly)
and how many (distribution): the kernel's figures must lie within SIGMAS standard deviations of natpulse's mean over SEEDS
seeds. The deviation is that of the seeds, or of as many coins where that is larger, and of one rare event at least.

When the collector comes round is luck, in the kernel as in natpulse. What is not about it is tried again, or with
another seed, where it came in between; what is about it, where it was busy with other namespaces too.
"""

import argparse
import collections
import json
import math
import os
import random
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = 10
SIGMAS = 5
TRIES = 3
LIFE = 600  # seconds: no flow expires
SHORT = 4  # seconds: UDP flows do, before more are asked for
FILLED_SOON = 32768  # flows, well within SHORT
TAIL = 500  # flows
ROUND = 64  # seconds within which the collector must have come

# shares of the table: assured and closing, the rest is one-way UDP; number of new flows; whether the UDP flows are dead
# by then; how many more flows come after the collector was there
Mixture = collections.namedtuple("Mixture", "name assured closing new dead later", defaults=[False, 0])
MIXTURES = [
    Mixture("emergency", 0.5, 0.5, 1000, later=1000),
    Mixture("unassured", 0.0, 0.0, 8000),
    Mixture("assured", 1.0, 0.0, 1000),
    Mixture("half", 0.5, 0.0, 8000),
    Mixture("tenth", 0.9, 0.0, 8000),
    Mixture("dead", 0.5, 0.0, 8000, dead=True),
]
Sizes = collections.namedtuple("Sizes", "assured closing unassured")


def shell(text):
    done = subprocess.run(["sh", "-c", ". '%s/lab' && %s" % (HERE, text)], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s\n%s" % (text, done.stderr))


def sizes(mixture, maximum):
    assured, closing = round(mixture.assured * maximum), round(mixture.closing * maximum)
    return Sizes(assured, closing, maximum - assured - closing)


def figures(passed, mixture, size):
    """From one character a judged packet: the new flows, the later ones, then a probe of each flow."""
    at, counts, most = 0, [], (mixture.new, mixture.later) + size + (mixture.new, mixture.later)
    for n in most:
        counts.append(passed[at : at + n].count("1"))
        at += n
    names = ["new flows let in", "later ones let in"] + [who + " that survive" for who in ("assured", "closing", "unassured", "new", "later")]
    return {name: n for name, n, most in zip(names, counts, most) if most}


def flood(options, mixture, size, attempt):
    """What the kernel does; None when its collector came in between."""
    name = "%s%d" % (mixture.name, attempt)
    directory = os.path.join(options.work, name)
    os.mkdir(directory)
    lives = {"tcp_timeout_fin_wait": LIFE, "tcp_timeout_close_wait": LIFE}
    lives["udp_timeout"] = lives["udp_timeout_stream"] = SHORT if mixture.dead else LIFE
    timeouts = " && ".join("sysctl_ns router%s netfilter/nf_conntrack_%s=%d" % (name, key, life) for key, life in lives.items())
    shell("lab_build %s && lab_neighbours %s && lab_rules %s drop && %s" % (name, name, name, timeouts))
    command = [os.path.join(options.work, "flood"), "--suffix", name, "--out", directory]
    command += ["--assured", str(size.assured), "--closing", str(size.closing), "--unassured", str(size.unassured)]
    command += ["--new", str(mixture.new), "--wait", str(SHORT + 0.5 if mixture.dead else 0)]
    if mixture.later:
        command += ["--watch", str(ROUND), "--later", str(mixture.later)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    # The collector is one for all namespaces: what is left in these would count against its 257.
    shell("ip netns del client%s && ip netns del router%s && ip netns del server%s" % (name, name, name))
    said = [line.split() for line in done.stdout.splitlines()]
    counts = [int(n) for word, n in said if word == "count"]
    sums = {word: float(n) for word, n in said}
    passed = open(os.path.join(directory, "passed")).read()
    result = figures(passed, mixture, size)
    result["dropped early"] = int(sums["early_drop"])
    result["refused"] = int(sums["drop"])
    if mixture.later:
        result["collected"] = int(sums["collected"])
        print("the collector came %.1f s after the first refusals" % sums["after"])
    if counts[0] != options.maximum:
        sys.exit("the table holds %d flows after filling, not %d" % (counts[0], options.maximum))
    if mixture.dead:
        came = is_roomy(passed, mixture)
    else:
        came = counts[1] != counts[0] + result["new flows let in"] - result["dropped early"]
    return (None if came else result), directory


def is_roomy(passed, mixture):
    """Whether the last of the new flows all get in, because the dead were collected."""
    return "0" not in passed[mixture.new - TAIL : mixture.new]


def replay(options, directory, mixture, size, seed):
    """What natpulse does with the same packets; None when its collector came in between."""
    verdicts, summary = os.path.join(directory, "natpulse.csv"), os.path.join(directory, "natpulse.json")
    udp = "%ds" % (SHORT if mixture.dead else LIFE)
    sets = {
        "capacity": options.maximum,
        "buckets": options.buckets,
        "timeouts.tcp_fin_wait": "%ds" % LIFE,
        "timeouts.tcp_close_wait": "%ds" % LIFE,
        "timeouts.udp": udp,
        "timeouts.udp_stream": udp,
        "invalid": "drop",
        "unknown_inbound": "drop",
    }
    command = [options.natpulse, "replay", os.path.join(directory, "arrived.pcap"), "--nat", "linux"]
    command += ["--public", "192.0.2.1", "--inside", "10.77.0.0/16", "--seed", str(seed)]
    for key, value in sets.items():
        command += ["--set", "nat.%s=%s" % (key, value)]
    command += ["--verdicts", verdicts, "-o", summary]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s\nfailed with status %d:\n%s" % (" ".join(command), done.returncode, done.stderr))
    rows = open(verdicts).readlines()[1 + 3 * size.assured + 4 * size.closing + size.unassured :]
    passed = "".join("1" if ",forward," in row else "0" for row in rows)
    result = figures(passed, mixture, size)
    table = json.load(open(summary))["table"]
    result["dropped early"] = table["evictions"]
    result["refused"] = table["refused"]
    if mixture.later:
        result["collected"] = size.closing - result["closing that survive"]
        result["refused"] -= mixture.later - result["later ones let in"]
        result["dropped early"] = 0 if result["new flows let in"] == 0 else table["evictions"]
    return None if mixture.dead and is_roomy(passed, mixture) else result


def is_certain(mixture, key):
    """Figures that no luck changes."""
    if key in ("assured that survive", "closing that survive", "collected"):
        return True
    return mixture.assured + mixture.closing == 1 and not key.startswith("later")


def compare(mixture, kernel, ours, wholes):
    """Prints the figures of one mixture; how many do not agree."""
    print(
        "%s: %.0f %% of the table assured, %.0f %% closing, the rest %s; %d new flows"
        % (mixture.name, 100 * mixture.assured, 100 * mixture.closing, "dead" if mixture.dead else "not assured", mixture.new)
    )
    wrong = 0
    for key in kernel:
        values = [o[key] for o in ours]
        mean = statistics.mean(values)
        whole = wholes.get(key, mixture.new)
        share = min(max(mean / whole, 0), 1) if whole else 0
        coins = math.sqrt(whole * share * (1 - share) + 1)
        deviation = max(statistics.stdev(values), coins) * math.sqrt(1 + 1 / len(values))
        if is_certain(mixture, key):
            deviation = 0
        good = abs(kernel[key] - mean) <= SIGMAS * deviation
        wrong += not good
        print("  %s %-24s kernel %8d  natpulse %10.1f  +- %.1f" % ("  " if good else "!!", key, kernel[key], mean, deviation))
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--natpulse", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--maximum", type=int, required=True)
    parser.add_argument("--buckets", type=int, required=True)
    parser.add_argument("mixture", nargs="*")
    options = parser.parse_args()
    print("maximum %d, %d buckets" % (options.maximum, options.buckets))
    wrong, seed = 0, int(os.environ.get("NP_SEED") or random.randrange(1 << 32))
    print("NP_SEED=%d" % seed)
    mixtures = [m for m in MIXTURES if not options.mixture or m.name in options.mixture]
    if options.maximum > FILLED_SOON:
        mixtures = [m for m in mixtures if not m.dead]
        print("a table this large is not full before its first flows are dead: the mixture with dead ones is left out")
    for mixture in mixtures:
        size = sizes(mixture, options.maximum)
        kernel = None
        for attempt in range(TRIES):
            kernel, directory = flood(options, mixture, size, attempt)
            if not kernel:
                continue
            ours, last = [], seed + TRIES * SEEDS
            while len(ours) < SEEDS and seed < last:
                result = replay(options, directory, mixture, size, seed)
                ours += [result] if result else []
                seed += 1
            os.remove(os.path.join(directory, "arrived.pcap"))
            if not mixture.later or kernel["collected"] >= ours[0]["collected"]:
                break
            print("the collector took %d only: it is one for all namespaces, and may have met dead in others" % kernel["collected"])
        if not kernel:
            sys.exit("%s: the kernel's collector came in between %d times" % (mixture.name, TRIES))
        wholes = {"assured that survive": size.assured, "unassured that survive": size.unassured}
        wrong += compare(mixture, kernel, ours, wholes)
    print("%d mixtures, %d figures differ" % (len(mixtures), wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
