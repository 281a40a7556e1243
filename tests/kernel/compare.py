"""Holds `natpulse replay` against what a real router did with the same packets.

    compare.py --natpulse PROGRAM DIR...

Each DIR is what `inject` left, and `setting` and `timeouts` beside it. Prints the share of packets on which both agree,
by class, and for each disagreement the history of its group of flows. Fails below 99.9 % of all packets, or below 99 %
of a class of MANY packets. On the kernel that natpulse's rules were held against it asks for more, so that a rule that
few packets meet is missed too.

Where both boxes gave a flow some other port than its own, each drew its own at random: that they did so is compared,
and the class of port, and that it then stays; not the number. Packets from outside to such a port are readdressed to
the port that natpulse drew, which takes some rounds of replay until nothing changes any more.
"""

import argparse
import csv
import os
import platform
import struct
import subprocess
import sys

LEAST = 99.9  # per cent
LEAST_OF_KNOWN, KNOWN = 99.99, (6, 18)
LEAST_OF_CLASS = 99.0
NEW = ("created", "adopted")  # natpulse's reasons where a mapping was made
MANY = 200
EDGES = 20  # packets, on either side of each timeout
ROUNDS = 60
PUBLIC = "192.0.2.1"
PROTO = {1: "icmp", 6: "tcp", 17: "udp"}
FLAGS = "FSRPAU"


def read_pcap(path):
    data = open(path, "rb").read()
    records, at = [], 24
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        records.append((data[at : at + 16], bytearray(data[at + 16 : at + 16 + size])))
        at += 16 + size
    return data[:24], records


def write_pcap(path, head, records):
    with open(path, "wb") as f:
        f.write(head)
        for record, packet in records:
            f.write(record)
            f.write(packet)


def port_places(packet):
    """Where the router's own port stands in a packet that reached it from outside."""
    if packet[9] != 1:
        return [22]
    if packet[20] in (0, 8):
        return [24]
    return [28 + (24 if packet[28 + 9] == 1 else 20)]  # in the packet that an error quotes


def port_class(port):
    return 0 if port < 512 else 1 if port < 1024 else 2


class Run:
    def __init__(self, directory, natpulse):
        self.directory, self.natpulse = directory, natpulse
        words = open(os.path.join(directory, "setting")).read().split()
        self.setting = dict(zip(words[0::2], words[1::2]))
        self.kernel = list(csv.DictReader(open(os.path.join(directory, "kernel.csv"))))
        self.head, self.records = read_pcap(os.path.join(directory, "arrived.pcap"))
        assert len(self.kernel) == len(self.records)
        self.own = [self.records[i][1][:] for i in range(len(self.records))]
        self.sim = {}

    def replay(self):
        arrived = os.path.join(self.directory, "replayed.pcap")
        verdicts = os.path.join(self.directory, "natpulse.csv")
        write_pcap(arrived, self.head, self.records)
        kind = self.setting["kind"]
        sets = {
            "loose": "true" if self.setting["loose"] == "1" else "false",
            "be_liberal": "true" if self.setting["liberal"] == "1" else "false",
            "invalid": "leak" if kind == "leak" else "drop",
            "unknown_inbound": "drop" if kind == "drop" else "reset",
            "expiry": "exact",  # inject buries the dead where it matters
        }
        for line in open(os.path.join(self.directory, "timeouts")):
            name, seconds = line.split()
            sets["timeouts." + name] = seconds + "s"
        command = [self.natpulse, "replay", arrived, "--nat", "linux", "--public", PUBLIC, "--inside", "10.77.0.0/16"]
        for key, value in sets.items():
            command += ["--set", "nat.%s=%s" % (key, value)]
        command += ["--verdicts", verdicts, "-o", os.devnull, "--format", "json"]
        done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit("%s\nfailed with status %d:\n%s" % (" ".join(command), done.returncode, done.stderr))
        self.sim = {int(row["n"]): row for row in csv.DictReader(open(verdicts))}

    def judge_ports(self, k, s, before):
        """Whether the ports that both boxes gave a flow go together. A choice is judged once, and stands while both keep to it."""
        kernel, ours, inside = int(k["out_sport"]), int(s["out_sport"]), int(k["sport"])
        if before and before[:2] == (kernel, ours):
            return before
        drawn = kernel != inside and ours != inside and (k["proto"] == "1" or port_class(kernel) == port_class(ours))
        return kernel, ours, kernel == ours or (drawn and s["reason"] in NEW)

    def walk_ports(self):
        """The pair of ports of each packet's flow at its time."""
        pairs, self.pair = {}, []
        for n, k in enumerate(self.kernel):
            s, talk = self.sim.get(n), k["talk"]
            if k["dir"] == "out" and s and k["what"] != "icmp error" and k["out_src"] == s["out_src"] == PUBLIC:
                pairs[talk] = self.judge_ports(k, s, pairs.get(talk))
            self.pair.append(pairs.get(talk))

    def readdress(self):
        """Gives packets from outside the port that natpulse chose for their flow. True when that changed one."""
        changed = False
        for n, k in enumerate(self.kernel):
            if k["dir"] == "out" or not self.pair[n]:
                continue
            kernel, ours, fine = self.pair[n]
            packet, original = self.records[n][1], self.own[n]
            for at in port_places(original):
                wanted = struct.unpack_from(">H", original, at)[0]
                if wanted == kernel and fine:
                    wanted = ours
                if struct.unpack_from(">H", packet, at)[0] != wanted:
                    struct.pack_into(">H", packet, at, wanted)
                    changed = True
        return changed

    def settle(self):
        self.rounds, changed = 0, True
        while changed and self.rounds < ROUNDS:
            self.replay()
            self.walk_ports()
            self.rounds += 1
            changed = self.readdress()

    def agrees(self, n, k):
        s = self.sim.get(n)
        if s is None or s["verdict"] != k["verdict"]:
            return False
        if k["verdict"] != "forward":
            return True
        if s["out_src"] != k["out_src"] or s["out_dst"] != k["out_dst"]:
            return False
        if k["what"] == "icmp error":
            return True
        if k["dir"] == "out" and k["out_src"] == PUBLIC:
            return self.pair[n][2] and (k["proto"] == "1" or s["out_dport"] == k["out_dport"])
        return s["out_dport"] == k["out_dport"] and (k["proto"] == "1" or s["out_sport"] == k["out_sport"])

    def compare(self):
        self.wrong = [n for n, k in enumerate(self.kernel) if not self.agrees(n, k)]

    def show_ends(self, row):
        if row is None:
            return "nothing"
        if row["verdict"] != "forward":
            return row["verdict"]
        return "%s %s:%s>%s:%s" % (row["verdict"], row["out_src"], row["out_sport"], row["out_dst"], row["out_dport"])

    def show(self, n, start, wrong):
        k, s = self.kernel[n], self.sim.get(n)
        flags = int(k["flags"])
        if k["proto"] == "6":
            text = "".join(c for i, c in enumerate(FLAGS) if flags >> i & 1) or "-"
            text += " seq %s ack %s win %s len %s" % (k["seq"], k["ack"], k["window"], k["length"])
        else:
            text = "%s %d len %s" % (PROTO[int(k["proto"])], flags, k["length"])
        ends = "%s:%s>%s:%s" % (k["src"], k["sport"], k["dst"], k["dport"])
        verdict = "both " + self.show_ends(k)
        if self.pair[n] and self.pair[n][0] != self.pair[n][1]:
            verdict += " (natpulse: %d)" % self.pair[n][1]
        if n in wrong:
            verdict = "kernel %s; natpulse %s (%s)" % (self.show_ends(k), self.show_ends(s), s["reason"] if s else "not judged")
        mark = "!!" if n in wrong else "  "
        print("  %s %9.4f %-3s %s %s (%s): %s" % (mark, float(k["time"]) - start, k["dir"], ends, text, k["what"], verdict))

    def explain(self):
        wrong = set(self.wrong)
        groups = {}
        for n, k in enumerate(self.kernel):
            groups.setdefault(k["group"], []).append(n)
        for group in sorted({self.kernel[n]["group"] for n in self.wrong}, key=int):
            print("flow group %s of seed %s (%s):" % (group, self.setting["seed"], self.name()))
            start = float(self.kernel[groups[group][0]]["time"])
            for n in groups[group]:
                self.show(n, start, wrong)

    def name(self):
        liberal = ", tcp_be_liberal 1" if self.setting["liberal"] == "1" else ""
        return "tcp_loose %s, unknown %s%s" % (self.setting["loose"], self.setting["kind"], liberal)


def least():
    release = platform.release().split("-")[0].split(".")
    return LEAST_OF_KNOWN if tuple(int(n) for n in release[:2]) == KNOWN else LEAST


def percentage(part, whole):
    return 100.0 * part / whole if whole else 100.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--natpulse", required=True)
    parser.add_argument("directory", nargs="+")
    options = parser.parse_args()
    classes, edges, whole, agreed = {}, {}, 0, 0
    runs = []
    for directory in options.directory:
        run = Run(directory, options.natpulse)
        run.settle()
        run.compare()
        run.explain()
        runs.append(run)
        wrong = set(run.wrong)
        for n, k in enumerate(run.kernel):
            label = (k["what"], k["dir"])
            count = classes.setdefault(label, [0, 0])
            count[0] += 1
            count[1] += n not in wrong
            if k["edge"]:
                count = edges.setdefault(k["edge"][:-1], {"-": [0, 0], "+": [0, 0]})[k["edge"][-1]]
                count[0] += 1
                count[1] += n not in wrong
    print("%-26s %-4s %8s %9s" % ("class", "dir", "packets", "agree %"))
    weak = 0
    for label, (n, good) in sorted(classes.items()):
        weak += n >= MANY and percentage(good, n) < LEAST_OF_CLASS
        print("%-26s %-4s %8d %9.3f" % (label + (n, percentage(good, n))))
    print("%-26s %9s %9s %9s %9s" % ("gaps close to", "below", "agree %", "above", "agree %"))
    for name, sides in sorted(edges.items()):
        (below, good), (above, also) = sides["-"], sides["+"]
        weak += below < EDGES or above < EDGES
        print("%-26s %9d %9.3f %9d %9.3f" % (name, below, percentage(good, below), above, percentage(also, above)))
    for run in runs:
        n, good = len(run.kernel), len(run.kernel) - len(run.wrong)
        whole, agreed = whole + n, agreed + good
        kinds = {}
        for k in run.kernel:
            kinds[k["verdict"]] = kinds.get(k["verdict"], 0) + 1
        said = ", ".join("%d %s" % (kinds[v], v) for v in sorted(kinds))
        print(
            "seed %s, %s: %d packets (%s), agree %.3f %% after %d rounds"
            % (run.setting["seed"], run.name(), n, said, percentage(good, n), run.rounds)
        )
    print("all: %d packets, agree %.3f %%, %d do not" % (whole, percentage(agreed, whole), whole - agreed))
    sys.exit(0 if percentage(agreed, whole) >= least() and not weak else 1)


if __name__ == "__main__":
    main()
