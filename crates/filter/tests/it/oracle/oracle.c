/*
 * Asks libpcap. Each line of the input is
 *     link-type netmask expression packet,packet,...
 * with expression and packets in hexadecimal, and "wire:" before a packet that was longer on the wire. The answer is a
 * line with the verdicts of the unoptimised program, those of the optimised one ('-' where it does not compile, '?'
 * where it does not end), and the errors.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <pcap.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int lookup(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* Names that the test knows; libpcap finds this function before the C library's. */
static const char *const names[][3] = {
    {"alpha", "10.0.0.1", NULL}, {"beta", "10.0.0.1", "10.0.0.2"}, {"gamma", "2001:db8::1", "10.0.0.2"},
    {"delta", "2001:db8::1", NULL}};

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    lookup *real = (lookup *)dlsym(RTLD_NEXT, "getaddrinfo");
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};
    if (node == NULL) return real(node, service, hints, result);
    numeric.ai_flags |= AI_NUMERICHOST;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i][0], node) != 0) continue;
        int error = real(names[i][1], service, &numeric, result);
        if (error == 0 && names[i][2]) error = real(names[i][2], service, &numeric, &(*result)->ai_next);
        return error;
    }
    return real(node, service, &numeric, result);
}

static sigjmp_buf endless;

static void on_alarm(int number) {
    (void)number;
    siglongjmp(endless, 1);
}

static size_t unhex(char *text) {
    size_t length = 0;
    for (unsigned byte; sscanf(text + 2 * length, "%2x", &byte) == 1; length++) text[length] = (char)byte;
    text[length] = 0;
    return length;
}

static pcap_t *savefile(unsigned link_type) {
    static unsigned header[6] = {0xa1b2c3d4, 0x00040002, 0, 0, 262144, 0};
    char error[PCAP_ERRBUF_SIZE];
    header[5] = link_type;
    return pcap_fopen_offline(fmemopen(header, sizeof header, "rb"), error);
}

int main(void) {
    static char line[1 << 22];
    signal(SIGALRM, on_alarm);
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    while (fgets(line, sizeof line, stdin)) {
        char *rest = line, *link = strsep(&rest, " "), *mask = strsep(&rest, " ");
        char *expression = strsep(&rest, " "), *packets = strsep(&rest, "\n");
        unhex(expression);
        pcap_t *capture = savefile((unsigned)strtoul(link, NULL, 10));
        if (!capture) { puts("- - no such link type"); continue; }
        struct bpf_program programs[2];
        char errors[2][PCAP_ERRBUF_SIZE] = {"", ""};
        int compiled[2];
        for (int optimise = 0; optimise < 2; optimise++) {
            compiled[optimise] = pcap_compile(capture, &programs[optimise], expression, optimise,
                                              (bpf_u_int32)strtoul(mask, NULL, 16)) == 0;
            if (!compiled[optimise]) snprintf(errors[optimise], sizeof *errors, "%s", pcap_geterr(capture));
            for (char *end; (end = strchr(errors[optimise], '\n')) != NULL;) *end = ' ';
        }
        static char verdicts[2][4096];
        volatile size_t count = 0;
        for (char *packet; (packet = strsep(&packets, ",")) != NULL && count < 4000;) {
            char *colon = strchr(packet, ':');
            struct pcap_pkthdr header = {.len = 0};
            char *bytes = colon ? colon + 1 : packet;
            if (colon) header.len = (bpf_u_int32)strtoul(packet, NULL, 10);
            header.caplen = (bpf_u_int32)unhex(bytes);
            if (!colon) header.len = header.caplen;
            for (int optimise = 0; optimise < 2; optimise++) {
                char verdict = '-';
                if (compiled[optimise]) {
                    verdict = '?';
                    if (sigsetjmp(endless, 1) == 0) {
                        if (compiled[0] && strstr(expression, "protochain")) alarm(1);
                        verdict = pcap_offline_filter(&programs[optimise], &header, (const u_char *)bytes) ? '1' : '0';
                    }
                    alarm(0);
                }
                verdicts[optimise][count] = verdict;
            }
            count++;
        }
        verdicts[0][count] = verdicts[1][count] = 0;
        printf("%s %s %s | %s\n", verdicts[0], verdicts[1], errors[0], errors[1]);
        for (int optimise = 0; optimise < 2; optimise++)
            if (compiled[optimise]) pcap_freecode(&programs[optimise]);
        pcap_close(capture);
    }
    return 0;
}
