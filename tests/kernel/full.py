"""Fills the router's table with several mixtures, asks for more flows, and compares with `natpulse replay`.

    full.py --natpulse PROGRAM --work DIR --maximum N --buckets N

Linux drops unassured flows of the next 8 hash buckets to make room, and refuses the new flow where there is none. The
hash is secret and keyed, so single fates cannot agree; what must agree is whom it may hit (class: no assured flow
ever goes, and where all are assured no new one comes in: exactly) and how many (distribution): the kernel's figures must
lie within SIGMAS standard deviations of natpulse's mean over SEEDS seeds. The deviation is that of the seeds, or of
as many coins where that is larger, and of one rare event at least.
"""

import argparse
import collections
import json
import math
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = 6
SIGMAS = 5
TRIES = 3
LIFE = 600  # seconds: no flow expires

Mixture = collections.namedtuple("Mixture", "name assured new")  # share of the table, number of new flows
MIXTURES = [Mixture("unassured", 0.0, 8000), Mixture("assured", 1.0, 1000), Mixture("half", 0.5, 8000), Mixture("tenth", 0.9, 8000)]


def shell(text):
    done = subprocess.run(["sh", "-c", ". '%s/lab' && %s" % (HERE, text)], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("%s\n%s" % (text, done.stderr))


def figures(passed, mixture, assured, unassured):
    """From one character a judged packet: the new flows, then a probe of each flow."""
    new, probes = passed[: mixture.new], passed[mixture.new :]
    return {
        "new flows let in": new.count("1"),
        "assured that survive": probes[:assured].count("1"),
        "unassured that survive": probes[assured : assured + unassured].count("1"),
        "new that survive": probes[assured + unassured :].count("1"),
    }


def flood(options, mixture, assured, unassured, attempt):
    """What the kernel does; None when its collector came in between."""
    name = "%s%d" % (mixture.name, attempt)
    directory = os.path.join(options.work, name)
    os.mkdir(directory)
    timeouts = " && ".join(
        "sysctl_ns router%s netfilter/nf_conntrack_%s=%d" % (name, key, LIFE) for key in ("udp_timeout", "udp_timeout_stream")
    )
    shell("lab_build %s && lab_neighbours %s && lab_rules %s drop && %s" % (name, name, name, timeouts))
    command = [os.path.join(options.work, "flood"), "--suffix", name, "--out", directory]
    command += ["--assured", str(assured), "--unassured", str(unassured), "--new", str(mixture.new)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    said = [line.split() for line in done.stdout.splitlines()]
    counts = [int(n) for word, n in said if word == "count"]
    sums = {word: int(n) for word, n in said}
    result = figures(open(os.path.join(directory, "passed")).read(), mixture, assured, unassured)
    result["dropped early"] = sums["early_drop"]
    result["refused"] = sums["drop"]
    if counts[0] != options.maximum:
        sys.exit("the table holds %d flows after filling, not %d" % (counts[0], options.maximum))
    if counts[1] != counts[0] + result["new flows let in"] - result["dropped early"]:
        return None, directory
    return result, directory


def replay(options, directory, mixture, assured, unassured, seed):
    verdicts, summary = os.path.join(directory, "natpulse.csv"), os.path.join(directory, "natpulse.json")
    sets = {
        "capacity": options.maximum,
        "buckets": options.buckets,
        "timeouts.udp": "%ds" % LIFE,
        "timeouts.udp_stream": "%ds" % LIFE,
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
    rows = open(verdicts).readlines()[1 + 3 * assured + unassured :]
    passed = "".join("1" if ",forward," in row else "0" for row in rows)
    result = figures(passed, mixture, assured, unassured)
    table = json.load(open(summary))["table"]
    result["dropped early"] = table["evictions"]
    result["refused"] = table["refused"]
    return result


def compare(mixture, kernel, ours, wholes):
    """Prints the figures of one mixture; how many do not agree."""
    print("%s: %.0f %% of the table assured, %d new flows" % (mixture.name, 100 * mixture.assured, mixture.new))
    wrong = 0
    for key in kernel:
        values = [o[key] for o in ours]
        mean = statistics.mean(values)
        whole = wholes.get(key, mixture.new)
        share = min(max(mean / whole, 0), 1) if whole else 0
        coins = math.sqrt(whole * share * (1 - share) + 1)
        deviation = max(statistics.stdev(values), coins) * math.sqrt(1 + 1 / len(values))
        if mixture.assured == 1 or key == "assured that survive":
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
    options = parser.parse_args()
    print("maximum %d, %d buckets" % (options.maximum, options.buckets))
    wrong = 0
    for mixture in MIXTURES:
        assured = round(mixture.assured * options.maximum)
        unassured = options.maximum - assured
        for attempt in range(TRIES):
            kernel, directory = flood(options, mixture, assured, unassured, attempt)
            if kernel:
                break
        else:
            sys.exit("%s: the kernel's collector came in between %d times" % (mixture.name, TRIES))
        ours = [replay(options, directory, mixture, assured, unassured, seed) for seed in range(SEEDS)]
        wholes = {"assured that survive": assured, "unassured that survive": unassured}
        wrong += compare(mixture, kernel, ours, wholes)
        os.remove(os.path.join(directory, "arrived.pcap"))
    print("%d mixtures, %d figures differ" % (len(MIXTURES), wrong))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
