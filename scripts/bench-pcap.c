/*
 * For scripts/bench-replay: reads a capture with nothing but libpcap, and times commands.
 *
 *     bench-pcap read FILE
 *     bench-pcap time COMMAND...      the command's processor seconds; what it prints is thrown away
 */
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int read_all(const char *path)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *p = pcap_open_offline(path, error);
    if (!p) return fprintf(stderr, "%s\n", error), 1;
    struct pcap_pkthdr *h;
    const uint8_t *data;
    uint64_t packets = 0, bytes = 0;
    while (pcap_next_ex(p, &h, &data) == 1) packets++, bytes += h->len;
    pcap_close(p);
    printf("%llu packets, %llu bytes\n", (unsigned long long)packets, (unsigned long long)bytes);
    return 0;
}

static int time_command(char **command)
{
    struct rusage used;
    int status;
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(127);
        execvp(command[0], command);
        perror(command[0]);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || getrusage(RUSAGE_CHILDREN, &used) != 0)
        return perror("bench-pcap"), 1;
    printf("%.3f\n", (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6);
    return status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "time") == 0) return time_command(argv + 2);
    if (argc == 3 && strcmp(argv[1], "read") == 0) return read_all(argv[2]);
    fprintf(stderr, "usage: bench-pcap read FILE | time COMMAND...\n");
    return 2;
}
