/*
 * The floor: what the kernel asks for a delivery, and nothing else. One thread; what has come from the
 * publisher by now leaves in one write(2) to each reader. No limits, no pings, no partial writes: not a server.
 *
 * usage: floor PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int readers[65536], count, publisher = -1;
static uint8_t in[1 << 20], out[1 << 20];
static size_t held;

static void answer(int fd) {
    static const char upgrade[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    char request[4096];
    ssize_t got = read(fd, request, sizeof request - 1);
    if (got <= 0) return;
    request[got] = 0;
    if (write(fd, upgrade, sizeof upgrade - 1) < 0) return;
    if (strstr(request, "GET /publish")) publisher = fd;
    else readers[count++] = fd;
}

/* Turn the publisher's masked frames (with a mask of zeros) into unmasked ones; how many bytes those are. */
static size_t unmask(void) {
    size_t at = 0, made = 0;
    while (held - at >= 8) {
        size_t length = in[at + 1] & 0x7F, head = 2;
        if (length == 126) length = (size_t)in[at + 2] << 8 | in[at + 3], head = 4;
        if (held - at < head + 4 + length) break;
        out[made] = in[at], out[made + 1] = in[at + 1] & 0x7F;
        memcpy(out + made + 2, in + at + 2, head - 2);
        memcpy(out + made + head, in + at + head + 4, length);
        made += head + length, at += head + 4 + length;
    }
    memmove(in, in + at, held -= at);
    return made;
}

int main(int argc, char **argv) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[argc - 1]))};
    int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0), one = 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    signal(SIGPIPE, SIG_IGN);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return 1;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int found = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < found; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                epoll_ctl(poller, EPOLL_CTL_ADD, event.data.fd, &event);
            } else if (fd != publisher) {
                answer(fd);
                if (fd != publisher) epoll_ctl(poller, EPOLL_CTL_DEL, fd, NULL);
            } else {
                ssize_t got = read(fd, in + held, sizeof in - held);
                if (got <= 0) return 0;
                held += (size_t)got;
                size_t size = unmask();
                for (int r = 0; size && r < count; r++)
                    if (write(readers[r], out, size) < 0) continue;
            }
        }
    }
}
