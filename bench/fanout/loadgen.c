/*
 * The load generator of `fanout`: one thread, epoll, no copies, so that it is never the limit.
 *
 * It knows no protocol but WebSocket's frames (to answer pings): what to say when connecting, when subscribing
 * and when publishing comes ready-made in files. A message carries its number as "~00000042~"; counting those
 * marks is all that a reader does, and each reader checks that they come in order.
 *
 * usage: loadgen PORT READERS STUCK WS OPEN HELLO READY PUB_PORT PUB_OPEN PUB_HELLO PUB_READY MESSAGE PHASE...
 *   STUCK: so many of the readers stop reading at the first phase that says so, and are not waited for from then on.
 *   WS: 1 if readers get WebSocket frames. OPEN, HELLO: files with what a reader says first, and after the
 *   headers of the answer; READY: a file with what it must then get to be ready. MESSAGE: a file with one
 *   message, in which the mark "~00000000~" stands. PHASE: IN_FLIGHT:SECONDS, with an "s" at the end from where on
 *   the stuck readers read no more.
 * Facts leave on stdout as lines of JSON; after each it waits for a line on stdin.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MARK_SIZE 10
#define CONNECTING_MAX 64
#define MESSAGES_MAX (1 << 24)
#define PATIENCE 30.0

enum stage { CONNECTING, HEADERS, SUBSCRIBING, READY };

struct bytes {
    char *data;
    size_t size;
};

struct reader {
    int fd;
    enum stage stage;
    uint32_t expected;     /* number of the next message */
    uint64_t payload_left; /* of the WebSocket frame under way */
    uint8_t head[10], head_size, opcode, carry_size;
    char carry[160]; /* the end of what was read last: part of a mark, of headers or of the ready mark */
    uint8_t control[128], control_size;
};

static struct reader *readers, publisher;
static int count, stuck, reading, websocket, poller, is_ready, connecting, next_reader;
static struct bytes open_text, hello_text, ready_mark, pub_open, pub_hello, pub_ready, message;
static double *sent_at, *latencies;
static int *missing;
static uint32_t published, completed;
static uint64_t deliveries, misordered;
static size_t latency_count;
static char buffer[512 + (1 << 18)];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double own_cpu(void) {
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what) {
    fprintf(stderr, "loadgen: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static struct bytes read_file(const char *path) {
    struct bytes found = {NULL, 0};
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    fseek(file, 0, SEEK_END);
    found.size = (size_t)ftell(file);
    rewind(file);
    found.data = malloc(found.size + 1);
    if (fread(found.data, 1, found.size, file) != found.size) fail(path);
    fclose(file);
    return found;
}

/* What is said here is small and the other side reads: no partial write is worth handling. */
static void say(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (written < 0) fail("writing");
        data += written;
        size -= (size_t)written;
    }
}

static void start(struct reader *reader, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = reader};
    struct linger drop = {1, 0};
    int one = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    reader->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (reader->fd < 0) fail("socket");
    setsockopt(reader->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(reader->fd, SOL_SOCKET, SO_LINGER, &drop, sizeof drop);
    if (connect(reader->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail("connect");
    reader->stage = CONNECTING;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, reader->fd, &event) < 0) fail("epoll_ctl");
    connecting++;
}

static void pong(struct reader *reader) {
    uint8_t frame[6 + 128] = {0x8A, (uint8_t)(0x80 | reader->control_size)};
    memcpy(frame + 6, reader->control, reader->control_size);
    say(reader->fd, (char *)frame, 6u + reader->control_size);
}

/* Follow the frames just far enough to see pings and closes. */
static void follow_frames(struct reader *reader, const char *data, size_t size) {
    while (size) {
        if (reader->payload_left) {
            size_t part = reader->payload_left < size ? reader->payload_left : size;
            if (reader->opcode == 9 && reader->control_size + part <= sizeof reader->control) {
                memcpy(reader->control + reader->control_size, data, part);
                reader->control_size += (uint8_t)part;
            }
            data += part, size -= part, reader->payload_left -= part;
            if (!reader->payload_left && reader->opcode == 9) pong(reader);
            continue;
        }
        reader->head[reader->head_size++] = (uint8_t)*data++, size--;
        if (reader->head_size < 2) continue;
        uint8_t length = reader->head[1] & 0x7F, needed = length < 126 ? 2 : length == 126 ? 4 : 10;
        if (reader->head_size < needed) continue;
        reader->payload_left = length;
        if (length >= 126) {
            reader->payload_left = 0;
            for (int i = 2; i < needed; i++) reader->payload_left = reader->payload_left << 8 | reader->head[i];
        }
        reader->opcode = reader->head[0] & 0x0F;
        reader->head_size = 0, reader->control_size = 0;
        if (reader->opcode == 8) fail("the server closed a socket");
        if (!reader->payload_left && reader->opcode == 9) pong(reader);
    }
}

static void count_mark(struct reader *reader, const char *mark) {
    uint32_t number = 0;
    for (int i = 1; i < MARK_SIZE - 1; i++) number = number * 10 + (uint32_t)(mark[i] - '0');
    if (number >= published) fail("a message that was never sent");
    misordered += number != reader->expected;
    reader->expected = number + 1;
    deliveries++;
    if (--missing[number] == 0) {
        latencies[latency_count++] = now() - sent_at[number];
        completed++;
    }
}

/* Count the marks in `data`; how many bytes of an unfinished one are left at its end. */
static size_t count_marks(struct reader *reader, const char *data, size_t size) {
    const char *end = data + size, *at = data;
    while ((at = memchr(at, '~', (size_t)(end - at)))) {
        if (end - at < MARK_SIZE) return (size_t)(end - at);
        if (at[MARK_SIZE - 1] == '~') {
            count_mark(reader, at);
            at += MARK_SIZE;
        } else {
            at++;
        }
    }
    return 0;
}

static void become_ready(struct reader *reader) {
    reader->stage = READY;
    reader->carry_size = 0;
    is_ready++;
    connecting--;
}

/* Bytes before the reader is ready: the headers, then whatever the dialect has up to its ready mark. */
static size_t prepare(struct reader *reader, char *data, size_t size, size_t fresh) {
    int is_publisher = reader == &publisher;
    struct bytes *hello = is_publisher ? &pub_hello : &hello_text;
    struct bytes *mark = is_publisher ? &pub_ready : &ready_mark;
    char *from = data;
    (void)fresh;
    if (reader->stage == HEADERS) {
        char *end = memmem(data, size, "\r\n\r\n", 4);
        if (!end) return size < 3 ? size : 3;
        if (!memmem(data, size < 64 ? size : 64, " 101 ", 5) && !memmem(data, size < 64 ? size : 64, " 200 ", 5)) {
            fprintf(stderr, "loadgen: %.*s\n", (int)(size < 200 ? size : 200), data);
            fail("refused");
        }
        say(reader->fd, hello->data, hello->size);
        reader->stage = SUBSCRIBING;
        from = end + 4;
        if (!mark->size) {
            become_ready(reader);
            if (websocket && !is_publisher) follow_frames(reader, from, (size_t)(data + size - from));
            return 0;
        }
    }
    size_t left = (size_t)(data + size - from);
    if (memmem(from, left, mark->data, mark->size)) {
        become_ready(reader); /* nothing but the answer is under way now, so frames begin after it */
        return 0;
    }
    return left < mark->size - 1 ? left : mark->size - 1;
}

static void receive(struct reader *reader) {
    char *fresh = buffer + 512, *data = fresh - reader->carry_size;
    ssize_t got = recv(reader->fd, fresh, sizeof buffer - 512, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) fail("a connection was closed");
    memcpy(data, reader->carry, reader->carry_size);
    size_t size = (size_t)got + reader->carry_size, left = 0;
    if (reader->stage != READY) {
        left = prepare(reader, data, size, (size_t)got);
    } else if (reader != &publisher) {
        left = count_marks(reader, data, size);
        if (websocket) follow_frames(reader, fresh, (size_t)got);
    } else if (pub_open.size > 3 && memmem(data, size, "HTTP/1.1 4", 10)) {
        fail("publishing was refused");
    }
    if (left > sizeof reader->carry) fail("carry");
    memcpy(reader->carry, data + size - left, left);
    reader->carry_size = (uint8_t)left;
}

static void turn(int timeout) {
    struct epoll_event events[512];
    int found = epoll_wait(poller, events, 512, timeout);
    for (int i = 0; i < found; i++) {
        struct reader *reader = events[i].data.ptr;
        if (reader->stage == CONNECTING) {
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = reader};
            struct bytes *text = reader == &publisher ? &pub_open : &open_text;
            struct bytes *hello = reader == &publisher ? &pub_hello : &hello_text;
            epoll_ctl(poller, EPOLL_CTL_MOD, reader->fd, &event);
            reader->stage = text->size ? HEADERS : SUBSCRIBING;
            say(reader->fd, text->data, text->size);
            if (!text->size) say(reader->fd, hello->data, hello->size);
            /* A publisher over plain HTTP has nothing to open. */
            if (!text->size && reader == &publisher && !pub_ready.size) become_ready(reader);
        } else {
            receive(reader);
        }
    }
}

static void connect_all(int port, int pub_port) {
    double begun = now();
    while (is_ready < count) {
        while (connecting < CONNECTING_MAX && next_reader < count) start(&readers[next_reader++], port);
        turn(100);
        if (now() - begun > 120) fail("not all were connected within two minutes");
    }
    printf("{\"event\": \"connected\", \"seconds\": %.6f}\n", now() - begun);
    fflush(stdout);
    start(&publisher, pub_port);
    while (is_ready < count + 1) turn(100);
}

static void get_stuck(void) {
    reading = count - stuck;
    for (int i = count - stuck; i < count; i++) {
        int small = 4096;
        setsockopt(readers[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        epoll_ctl(poller, EPOLL_CTL_DEL, readers[i].fd, NULL);
    }
}

static void await_word(void) {
    char line[16];
    if (!fgets(line, sizeof line, stdin)) exit(0);
}

static void publish(uint32_t wanted) {
    static char *batch;
    char *mark = memmem(message.data, message.size, "~00000000~", MARK_SIZE), digits[MARK_SIZE + 1];
    if (!batch) batch = malloc(message.size * 256);
    if (wanted > 256) wanted = 256;
    if (published + wanted > MESSAGES_MAX) fail("too many messages");
    for (uint32_t i = 0; i < wanted; i++) {
        snprintf(digits, sizeof digits, "~%08u~", published);
        memcpy(mark, digits, MARK_SIZE);
        memcpy(batch + i * message.size, message.data, message.size);
        missing[published] = reading;
        sent_at[published++] = now();
    }
    memcpy(mark, "~00000000~", MARK_SIZE);
    say(publisher.fd, batch, wanted * message.size);
}

static void run_for(uint32_t in_flight, double seconds) {
    double until = now() + seconds, waited_since = now();
    uint32_t seen = completed;
    while (now() < until || completed < published) {
        if (now() < until && published - completed < in_flight) publish(in_flight - (published - completed));
        turn(100);
        if (completed != seen) seen = completed, waited_since = now();
        if (now() - waited_since > PATIENCE) fail("messages did not reach all readers");
    }
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void run_phase(uint32_t in_flight, double seconds) {
    run_for(in_flight, seconds / 5 < 0.5 ? seconds / 5 : 0.5);
    printf("{\"event\": \"begin\"}\n");
    fflush(stdout);
    await_word();
    uint64_t deliveries_before = deliveries;
    uint32_t published_before = published;
    latency_count = 0;
    double cpu = own_cpu(), begun = now();
    run_for(in_flight, seconds);
    double elapsed = now() - begun;
    cpu = own_cpu() - cpu;
    qsort(latencies, latency_count, sizeof *latencies, by_value);
    printf("{\"event\": \"end\", \"in_flight\": %u, \"elapsed\": %.6f, \"messages\": %u, \"deliveries\": %llu, "
           "\"misordered\": %llu, \"cpu\": %.6f, \"p50\": %.9f, \"p99\": %.9f, \"most\": %.9f}\n",
           in_flight, elapsed, published - published_before,
           (unsigned long long)(deliveries - deliveries_before), (unsigned long long)misordered, cpu,
           latencies[latency_count / 2], latencies[(size_t)((double)latency_count * 0.99)],
           latencies[latency_count - 1]);
    fflush(stdout);
    await_word();
}

int main(int argc, char **argv) {
    if (argc < 14) fail("see the usage at the top of loadgen.c");
    int port = atoi(argv[1]);
    count = reading = atoi(argv[2]), stuck = atoi(argv[3]), websocket = atoi(argv[4]);
    open_text = read_file(argv[5]), hello_text = read_file(argv[6]), ready_mark = read_file(argv[7]);
    pub_open = read_file(argv[9]), pub_hello = read_file(argv[10]), pub_ready = read_file(argv[11]);
    message = read_file(argv[12]);
    readers = calloc((size_t)count, sizeof *readers);
    sent_at = malloc(MESSAGES_MAX * sizeof *sent_at);
    latencies = malloc(MESSAGES_MAX * sizeof *latencies);
    missing = malloc(MESSAGES_MAX * sizeof *missing);
    poller = epoll_create1(0);
    connect_all(port, atoi(argv[8]));
    await_word();
    for (int i = 13; i < argc; i++) {
        char *colon = strchr(argv[i], ':');
        if (!colon) fail("a phase is IN_FLIGHT:SECONDS");
        for (int j = 0; j < count; j++) readers[j].expected = published;
        if (strchr(colon, 's') && reading == count) get_stuck();
        run_phase((uint32_t)atoi(argv[i]), atof(colon + 1));
    }
    return 0;
}
