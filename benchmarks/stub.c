/* The server that the benchmarks send to: stamps each request, plays enough of WeChat and Weibo for Tongfa as shipped.
 *
 *     stub [--delay-ms N] [--delay-all-ms N] [--tls CERT KEY]
 *
 * One thread, epoll. Prints "PORT TLSPORT" (TLSPORT 0 without --tls) and ends when its standard input closes.
 *
 * Stamp: the kernel's receive time (SO_TIMESTAMPING, CLOCK_REALTIME) of the segment with a request's first byte, so
 * neither this process's turn on the processor nor its other work makes a request look late. Where the kernel gives
 * none, the clock is read before the bytes are. Under TLS: of the segment with the first byte of the record in which the
 * request begins, although it can be read only when the record is whole.
 *
 * Account: the first segment of the path, a number: /17/cgi-bin/draft/add, /17/2/statuses/share.json, /17/send.
 * Answers: at once (when nothing is left to read, so that answering delays no reading), or after --delay-ms for the
 * public calls and --delay-all-ms for the others.
 *
 * Control (plain port):
 *     GET  /_stub/journal            one line per request: NANOSECONDS ACCOUNT CALL BYTES
 *     POST /_stub/clear              forget the journal
 *     POST /_stub/delay?P,A          public and other calls' delay in ms from now on
 *     GET  /_stub/about              {"by_kernel": SEGMENTS, "by_clock": SEGMENTS}: whose stamps they were
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/net_tstamp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

#define CHUNK 65536
#define RECENT 5

typedef struct { char *at; size_t len, room; } Text;

typedef struct Conn {
    int fd;
    bool secure, closing, writing;
    unsigned waiting; /* answers on their way */
    Text in, out;
    int64_t stamp; /* of the first byte of the request being read; 0: none yet */
    int64_t begun; /* under TLS: of the first byte of the record being read; 0: none */
#ifdef WITH_TLS
    SSL *ssl;
    BIO *from, *to;
#endif
    struct Conn *next_dead;
} Conn;

typedef struct { int64_t ns; uint32_t account, bytes; uint8_t call; } Line;
typedef struct { int64_t due; Conn *conn; char *answer; size_t len; } Reply;
typedef struct { Reply *at; size_t first, count, room; } Queue;
typedef struct { uint64_t id; char *text, created[40]; bool picture; } Status;
typedef struct { Status recent[RECENT]; unsigned posts; } Owner;
typedef struct { char *articles; size_t len; } Draft;

typedef struct { const char *path, *name; bool public; } Call;
static const Call CALLS[] = {
    {"/send", "send", true},
    {"/cgi-bin/message/mass/sendall", "message/mass/sendall", true},
    {"/cgi-bin/freepublish/submit", "freepublish/submit", true},
    {"/2/statuses/share.json", "statuses/share", true},
    {"/cgi-bin/stable_token", "stable_token", false},
    {"/cgi-bin/media/uploadimg", "media/uploadimg", false},
    {"/cgi-bin/material/add_material", "material/add_material", false},
    {"/cgi-bin/draft/add", "draft/add", false},
    {"/cgi-bin/draft/get", "draft/get", false},
    {"/cgi-bin/draft/batchget", "draft/batchget", false},
    {"/cgi-bin/draft/delete", "draft/delete", false},
    {"/cgi-bin/draft/count", "draft/count", false},
    {"/cgi-bin/freepublish/getarticle", "freepublish/getarticle", false},
    {"/cgi-bin/freepublish/get", "freepublish/get", false},
    {"/cgi-bin/freepublish/batchget", "freepublish/batchget", false},
    {"/cgi-bin/message/mass/get", "message/mass/get", false},
    {"/cgi-bin/openapi/quota/get", "openapi/quota/get", false},
    {"/2/statuses/user_timeline.json", "statuses/user_timeline", false},
    {"/2/statuses/show.json", "statuses/show", false},
    {"/2/statuses/count.json", "statuses/count", false},
    {"/2/account/rate_limit_status.json", "account/rate_limit_status", false},
    {"/oauth2/get_token_info", "oauth2/get_token_info", false},
    {"", "other", false},
};
enum { SEND, SENDALL, SUBMIT, SHARE, TOKEN, UPLOADIMG, MATERIAL, DRAFT_ADD, DRAFT_GET, DRAFT_BATCHGET, DRAFT_DELETE,
       DRAFT_COUNT, GETARTICLE, PUBLISH_GET, PUBLISH_BATCHGET, MASS_GET, QUOTA, TIMELINE, SHOW, COUNT, LIMITS, INFO,
       OTHER };

static int poller;
static int64_t delay_public, delay_other;
static uint64_t by_kernel, by_clock;
static Queue at_once, late_public, late_other;
static Line *journal;
static size_t lines, journal_room;
static Draft *drafts;
static size_t draft_count, draft_room;
static Owner *owners;
static size_t owner_room;
static uint64_t serial = 1000000;
static Conn *dead;
#ifdef WITH_TLS
static SSL_CTX *context;
#endif

static void die(const char *what) { perror(what); exit(1); }

static void *grown(void *at, size_t count) {
    void *result = realloc(at, count);
    if (!result) die("memory");
    return result;
}

static void room_for(Text *text, size_t more) {
    if (text->len + more <= text->room) return;
    while (text->len + more > text->room) text->room = text->room ? text->room * 2 : 4096;
    text->at = grown(text->at, text->room);
}

static void add(Text *text, const char *bytes, size_t count) {
    room_for(text, count);
    memcpy(text->at + text->len, bytes, count);
    text->len += count;
}

static void say(Text *text, const char *format, ...) {
    char line[1024];
    va_list values;
    va_start(values, format);
    int count = vsnprintf(line, sizeof line, format, values);
    va_end(values);
    add(text, line, count < (int)sizeof line ? (size_t)count : sizeof line - 1);
}

static int64_t nanoseconds(struct timespec at) { return at.tv_sec * 1000000000LL + at.tv_nsec; }

static int64_t read_clock(clockid_t which) {
    struct timespec at;
    clock_gettime(which, &at);
    return nanoseconds(at);
}

/* --- the platforms ---------------------------------------------------------------------------------------------- */

static Owner *owner_of(uint32_t account) {
    if (account >= owner_room) {
        size_t before = owner_room;
        owner_room = account + 1024;
        owners = grown(owners, owner_room * sizeof *owners);
        memset(owners + before, 0, (owner_room - before) * sizeof *owners);
    }
    return owners + account;
}

static int hex(int c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

/* A value's bytes, percent-decoded where `form`, as the inside of a JSON string. */
static char *as_json(const char *from, const char *end, bool form) {
    Text text = {0};
    for (; from < end; from++) {
        int c = (unsigned char)*from;
        if (form && c == '+') c = ' ';
        else if (form && c == '%' && end - from > 2) { c = hex(from[1]) * 16 + hex(from[2]); from += 2; }
        char byte = (char)c;
        if (c == '"' || c == '\\') say(&text, "\\%c", c);
        else if (c < 32) say(&text, "\\u%04x", c);
        else add(&text, &byte, 1);
    }
    add(&text, "", 1);
    return text.at;
}

static char *status_text(const char *body, size_t length, bool form) {
    const char *end = body + length;
    if (form) {
        const char *from = memmem(body, length, "status=", 7);
        if (!from) return NULL;
        from += 7;
        const char *to = memchr(from, '&', end - from);
        return as_json(from, to ? to : end, true);
    }
    const char *name = memmem(body, length, "name=\"status\"", 13);
    const char *from = name ? memmem(name, end - name, "\r\n\r\n", 4) : NULL;
    const char *to = from ? memmem(from + 4, end - from - 4, "\r\n--", 4) : NULL;
    return to ? as_json(from + 4, to, false) : NULL;
}

static void show(Text *to, uint32_t account, const Status *status) {
    say(to, "{\"idstr\":\"%llu\",\"created_at\":\"%s\",\"uid\":%u,\"text\":\"", (unsigned long long)status->id,
        status->created, account);
    add(to, status->text, strlen(status->text));
    say(to, "\"%s}", status->picture ? ",\"thumbnail_pic\":\"http://127.0.0.1/pic.jpg\"" : "");
}

static void share(Text *to, uint32_t account, const char *head, const char *body, size_t length) {
    bool form = !strcasestr(head, "content-type: multipart/");
    char *text = status_text(body, length, form);
    if (!text) { say(to, "{\"error\":\"no status\",\"error_code\":10008}"); return; }
    Owner *owner = owner_of(account);
    Status *status = &owner->recent[owner->posts++ % RECENT];
    free(status->text);
    time_t now = time(NULL) + 8 * 3600;
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(status->created, sizeof status->created, "%a %b %d %H:%M:%S +0800 %Y", &parts);
    status->id = 5000000000000000ULL + serial++;
    status->text = text;
    status->picture = !form;
    show(to, account, status);
}

static void timeline(Text *to, uint32_t account) {
    Owner *owner = owner_of(account);
    say(to, "{\"statuses\":[");
    unsigned kept = owner->posts < RECENT ? owner->posts : RECENT;
    for (unsigned i = 0; i < kept; i++) {
        if (i) add(to, ",", 1);
        show(to, account, &owner->recent[(owner->posts - 1 - i) % RECENT]);
    }
    say(to, "],\"total_number\":%u}", owner->posts);
}

static void show_one(Text *to, uint32_t account, const char *target) {
    const char *found = strstr(target, "id=");
    uint64_t id = found ? strtoull(found + 3, NULL, 10) : 0;
    Owner *owner = owner_of(account);
    for (unsigned i = 0; i < RECENT; i++)
        if (owner->recent[i].text && owner->recent[i].id == id) { show(to, account, &owner->recent[i]); return; }
    say(to, "{\"error\":\"target weibo does not exist\",\"error_code\":20101}");
}

static void keep_draft(Text *to, const char *body, size_t length) {
    const char *from = memchr(body, '[', length), *end = body + length;
    while (end > body && end[-1] != ']') end--;
    if (!from || end <= from) { say(to, "{\"errcode\":47001,\"errmsg\":\"data format error\"}"); return; }
    if (draft_count == draft_room) {
        draft_room = draft_room ? draft_room * 2 : 1024;
        drafts = grown(drafts, draft_room * sizeof *drafts);
    }
    Draft *draft = drafts + draft_count;
    draft->len = end - from;
    draft->articles = grown(NULL, draft->len);
    memcpy(draft->articles, from, draft->len);
    say(to, "{\"media_id\":\"draft-%zu\"}", draft_count++);
}

/* The number behind `name` in a body, e.g. draft-17 or "msg_id": 17 -> 17; SIZE_MAX if there is none. */
static size_t number_in(const char *body, size_t length, const char *name) {
    const char *found = memmem(body, length, name, strlen(name)), *end = body + length;
    if (!found) return SIZE_MAX;
    for (found += strlen(name); found < end && strchr(": \"", *found); found++) {}
    return strtoull(found, NULL, 10);
}

static void read_draft(Text *to, size_t number, int missing) {
    if (number >= draft_count) { say(to, "{\"errcode\":%d,\"errmsg\":\"invalid id\"}", missing); return; }
    say(to, "{\"news_item\":");
    add(to, drafts[number].articles, drafts[number].len);
    say(to, "}");
}

static void published(Text *to, const char *body, size_t length) {
    size_t number = number_in(body, length, "\"publish_id\"");
    if (number == SIZE_MAX || number - 1 >= draft_count) { say(to, "{\"errcode\":53502,\"errmsg\":\"publish_id\"}"); return; }
    say(to, "{\"publish_id\":\"%zu\",\"publish_status\":0,\"article_id\":\"article-%zu\",\"article_detail\":{\"count\":1,"
        "\"item\":[{\"idx\":1,\"article_url\":\"http://127.0.0.1/s/%zu\"}]},\"fail_idx\":[]}", number, number - 1, number);
}

static void answer_to(int call, Text *to, uint32_t account, const char *head, const char *body, size_t length) {
    switch (call) {
    case SENDALL:
        serial++;
        say(to, "{\"errcode\":0,\"errmsg\":\"send job submission success\",\"msg_id\":%llu,\"msg_data_id\":%llu}",
            (unsigned long long)serial, (unsigned long long)serial + 2247000000);
        break;
    case SUBMIT:
        say(to, "{\"errcode\":0,\"errmsg\":\"ok\",\"publish_id\":\"%zu\"}", number_in(body, length, "draft-") + 1);
        break;
    case SHARE: share(to, account, head, body, length); break;
    case TOKEN: say(to, "{\"access_token\":\"token-of-%u\",\"expires_in\":7200}", account); break;
    case UPLOADIMG: say(to, "{\"url\":\"http://mmbiz.qpic.cn/stub/%llu\"}", (unsigned long long)++serial); break;
    case MATERIAL:
        serial++;
        say(to, "{\"media_id\":\"cover-%llu\",\"url\":\"http://mmbiz.qpic.cn/stub/%llu\"}", (unsigned long long)serial,
            (unsigned long long)serial);
        break;
    case DRAFT_ADD: keep_draft(to, body, length); break;
    case DRAFT_GET: read_draft(to, number_in(body, length, "draft-"), 40007); break;
    case GETARTICLE: read_draft(to, number_in(body, length, "article-"), 53600); break;
    case DRAFT_BATCHGET:
    case PUBLISH_BATCHGET: say(to, "{\"total_count\":0,\"item_count\":0,\"item\":[]}"); break;
    case DRAFT_COUNT: say(to, "{\"total_count\":%zu}", draft_count); break;
    case PUBLISH_GET: published(to, body, length); break;
    case MASS_GET:
        say(to, "{\"msg_id\":%zu,\"msg_status\":\"SEND_SUCCESS\"}", number_in(body, length, "\"msg_id\""));
        break;
    case QUOTA: say(to, "{\"errcode\":0,\"errmsg\":\"ok\",\"quota\":{\"daily_limit\":100,\"used\":1,\"remain\":99}}"); break;
    case TIMELINE: timeline(to, account); break;
    case SHOW: show_one(to, account, head); break;
    case COUNT: say(to, "[]"); break;
    case LIMITS: say(to, "{\"remaining_user_hits\":90,\"remaining_ip_hits\":9000}"); break;
    case INFO:
        say(to, "{\"uid\":\"%u\",\"appkey\":\"key\",\"scope\":null,\"create_at\":\"%lld\",\"expire_in\":\"2591000\"}", account,
            (long long)time(NULL) - 1000);
        break;
    default: say(to, "{\"errcode\":0,\"errmsg\":\"ok\",\"list\":[]}");
    }
}

/* --- journal and control ---------------------------------------------------------------------------------------- */

static void note(int64_t ns, uint32_t account, int call, size_t bytes) {
    if (lines == journal_room) {
        journal_room = journal_room ? journal_room * 2 : 65536;
        journal = grown(journal, journal_room * sizeof *journal);
    }
    journal[lines++] = (Line){ns, account, (uint32_t)bytes, (uint8_t)call};
}

static void control(const char *target, Text *to) {
    if (!strncmp(target, "/_stub/journal", 14)) {
        for (size_t i = 0; i < lines; i++)
            say(to, "%lld %u %s %u\n", (long long)journal[i].ns, journal[i].account, CALLS[journal[i].call].name,
                journal[i].bytes);
    } else if (!strncmp(target, "/_stub/clear", 12)) {
        lines = 0;
        say(to, "{}");
    } else if (!strncmp(target, "/_stub/delay?", 13)) {
        char *rest;
        delay_public = strtoll(target + 13, &rest, 10) * 1000000;
        delay_other = *rest == ',' ? strtoll(rest + 1, NULL, 10) * 1000000 : 0;
        say(to, "{}");
    } else {
        say(to, "{\"by_kernel\": %llu, \"by_clock\": %llu}", (unsigned long long)by_kernel, (unsigned long long)by_clock);
    }
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

static void queue(Queue *to, Reply reply) {
    if (to->count == to->room) {
        if (to->first) {
            memmove(to->at, to->at + to->first, (to->count - to->first) * sizeof *to->at);
            to->count -= to->first;
            to->first = 0;
        }
        if (to->count * 2 >= to->room) {
            to->room = to->room ? to->room * 2 : 1024;
            to->at = grown(to->at, to->room * sizeof *to->at);
        }
    }
    to->at[to->count++] = reply;
}

static const char *date_line(void) {
    static time_t known;
    static char line[64];
    time_t now = time(NULL);
    if (now != known) {
        struct tm parts;
        gmtime_r(&now, &parts);
        strftime(line, sizeof line, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        known = now;
    }
    return line;
}

static void watch(Conn *conn, bool writing) {
    if (conn->writing == writing) return;
    conn->writing = writing;
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = conn};
    epoll_ctl(poller, EPOLL_CTL_MOD, conn->fd, &event);
}

static void hang_up(Conn *conn) {
    if (conn->fd < 0) return;
    close(conn->fd);
    conn->fd = -1;
    conn->next_dead = dead;
    dead = conn;
}

static void flush_out(Conn *conn) {
    if (conn->fd < 0) return;
#ifdef WITH_TLS
    if (conn->secure) {
        char bytes[CHUNK];
        int count;
        while ((count = BIO_read(conn->to, bytes, sizeof bytes)) > 0) add(&conn->out, bytes, (size_t)count);
    }
#endif
    size_t done = 0;
    while (done < conn->out.len) {
        ssize_t count = send(conn->fd, conn->out.at + done, conn->out.len - done, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN) break;
            hang_up(conn);
            return;
        }
        done += (size_t)count;
    }
    memmove(conn->out.at, conn->out.at + done, conn->out.len - done);
    conn->out.len -= done;
    watch(conn, conn->out.len > 0);
    if (conn->closing && !conn->waiting && !conn->out.len) hang_up(conn);
}

static void transmit(Reply *reply) {
    Conn *conn = reply->conn;
    conn->waiting--;
    if (conn->fd >= 0) {
#ifdef WITH_TLS
        if (conn->secure) SSL_write(conn->ssl, reply->answer, (int)reply->len);
        else
#endif
            add(&conn->out, reply->answer, reply->len);
#ifdef WITH_TLS
        if (conn->secure && conn->closing) SSL_shutdown(conn->ssl);
#endif
        flush_out(conn);
    }
    free(reply->answer);
}

static void serve_due(Queue *from, int64_t now) {
    while (from->first < from->count && from->at[from->first].due <= now) {
        Reply reply = from->at[from->first++];
        transmit(&reply);
    }
    if (from->first == from->count) from->first = from->count = 0;
}

/* --- requests --------------------------------------------------------------------------------------------------- */

static int call_of(const char *path) {
    for (int call = 0;; call++)
        if (!strncmp(path, CALLS[call].path, strlen(CALLS[call].path))) return call;
}

/* One whole request at the head of `in`: answer it. */
static void request(Conn *conn, size_t head, size_t body) {
    char *start = conn->in.at, *target = memchr(start, ' ', head);
    Text said = {0}, whole = {0};
    int call = OTHER;
    bool ours = false, close_after = false;
    start[head - 1] = 0; /* the head's last byte, a newline: the head is a string now */
    if (target) {
        target++;
        close_after = strcasestr(target, "\r\nconnection: close") != NULL;
        ours = !strncmp(target, "/_stub/", 7);
        char *path = target;
        uint32_t account = (uint32_t)strtoul(target + 1, &path, 10);
        if (ours) control(target, &said);
        else {
            call = call_of(path);
            note(conn->stamp, account, call, head + body);
            answer_to(call, &said, account, target, start + head, body);
        }
    }
    say(&whole, "HTTP/1.1 200 OK\r\nDate: %s\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %zu\r\n%s\r\n",
        date_line(), said.len, close_after ? "Connection: close\r\n" : "");
    add(&whole, said.at ? said.at : "", said.len);
    free(said.at);
    if (close_after) conn->closing = true;
    int64_t wait = ours ? 0 : CALLS[call].public ? delay_public : delay_other;
    Queue *where = !wait ? &at_once : CALLS[call].public ? &late_public : &late_other;
    conn->waiting++;
    queue(where, (Reply){wait ? read_clock(CLOCK_MONOTONIC) + wait : 0, conn, whole.at, whole.len});
}

static void take_requests(Conn *conn) {
    for (;;) {
        char *end = conn->in.len ? memmem(conn->in.at, conn->in.len, "\r\n\r\n", 4) : NULL;
        if (!end) return;
        size_t head = (size_t)(end - conn->in.at) + 4;
        *end = 0;
        char *length = strcasestr(conn->in.at, "\r\ncontent-length:");
        *end = '\r';
        size_t body = length && length < end ? strtoull(length + 17, NULL, 10) : 0;
        if (conn->in.len < head + body) return;
        request(conn, head, body);
        memmove(conn->in.at, conn->in.at + head + body, conn->in.len - head - body);
        conn->in.len -= head + body;
        if (!conn->in.len) conn->stamp = 0;
    }
}

/* Application bytes that came with the segment stamped `ns`. */
static void heard(Conn *conn, const char *bytes, size_t count, int64_t ns) {
    if (!count) return;
    if (!conn->stamp) conn->stamp = ns;
    add(&conn->in, bytes, count);
}

static int64_t stamp_of(struct msghdr *message, int64_t otherwise) {
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part))
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SO_TIMESTAMPING) {
            struct timespec at;
            memcpy(&at, CMSG_DATA(part), sizeof at);
            if (at.tv_sec) {
                by_kernel++;
                return nanoseconds(at);
            }
        }
    by_clock++;
    return otherwise;
}

static void feed(Conn *conn, const char *bytes, size_t count, int64_t ns) {
#ifdef WITH_TLS
    if (conn->secure) {
        char plain[CHUNK];
        int got;
        if (!conn->begun) conn->begun = ns;
        BIO_write(conn->from, bytes, (int)count);
        if (!SSL_is_init_finished(conn->ssl)) SSL_do_handshake(conn->ssl);
        while (SSL_is_init_finished(conn->ssl) && (got = SSL_read(conn->ssl, plain, sizeof plain)) > 0) {
            heard(conn, plain, (size_t)got, conn->begun);
            conn->begun = ns;
        }
        if (!SSL_is_init_finished(conn->ssl) || !SSL_has_pending(conn->ssl)) conn->begun = 0;
        ERR_clear_error();
        flush_out(conn);
        return;
    }
#endif
    heard(conn, bytes, count, ns);
}

/* Read all that is there. The first read of a request is short, so that its stamp is that of the first segment. */
static void receive(Conn *conn) {
    static char bytes[CHUNK];
    for (;;) {
        char extra[256];
        struct iovec piece = {bytes, conn->in.len || conn->begun ? sizeof bytes : 512};
        struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = extra, .msg_controllen = sizeof extra};
        int64_t now = read_clock(CLOCK_REALTIME);
        ssize_t count = recvmsg(conn->fd, &message, 0);
        if (count <= 0) {
            if (count == 0 || errno != EAGAIN) hang_up(conn);
            break;
        }
        feed(conn, bytes, (size_t)count, stamp_of(&message, now));
        if (conn->fd < 0) return;
        if ((size_t)count < piece.iov_len) break;
    }
    if (conn->fd >= 0) take_requests(conn);
}

/* --- connections ------------------------------------------------------------------------------------------------ */

static void stamped(int fd) {
    int flags = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, one = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof flags); /* refused: then the clock stamps */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* What follows a segment that nobody has read is joined to it, and the stamp of the later one is kept: a picture would
 * date its request to its own end. A segment that is not acknowledged yet, its sender still holds; it is not joined. */
static void unhurried(int fd) {
    int zero = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &zero, sizeof zero);
}

static int listen_on(int *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    if (bind(fd, (struct sockaddr *)&at, size) || listen(fd, 8192)) die("listen");
    stamped(fd);
    getsockname(fd, (struct sockaddr *)&at, &size);
    *port = ntohs(at.sin_port);
    return fd;
}

static void welcome(int listener, bool secure) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        Conn *conn = calloc(1, sizeof *conn);
        if (!conn) die("memory");
        conn->fd = fd;
        conn->secure = secure;
        stamped(fd);
        unhurried(fd);
#ifdef WITH_TLS
        if (secure) {
            conn->ssl = SSL_new(context);
            conn->from = BIO_new(BIO_s_mem());
            conn->to = BIO_new(BIO_s_mem());
            SSL_set_bio(conn->ssl, conn->from, conn->to);
            SSL_set_accept_state(conn->ssl);
        }
#endif
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event)) die("epoll_ctl");
    }
}

static void bury(void) {
    Conn *kept = NULL;
    while (dead) {
        Conn *conn = dead;
        dead = conn->next_dead;
        if (conn->waiting) { /* an answer still names it */
            conn->next_dead = kept;
            kept = conn;
            continue;
        }
#ifdef WITH_TLS
        if (conn->ssl) SSL_free(conn->ssl);
#endif
        free(conn->in.at);
        free(conn->out.at);
        free(conn);
    }
    dead = kept;
}

#ifdef WITH_TLS
static int http_1_1(SSL *ssl, const unsigned char **out, unsigned char *count, const unsigned char *in, unsigned int given,
                    void *unused) {
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl, (void)unused;
    return SSL_select_next_proto((unsigned char **)out, count, ours, 9, in, given) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}
#endif

static void prepare_tls(const char *certificate, const char *key) {
#ifdef WITH_TLS
    context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1
        || SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1) {
        fprintf(stderr, "cannot read the certificate or its key\n");
        exit(1);
    }
    SSL_CTX_set_alpn_select_cb(context, http_1_1, NULL);
#else
    (void)certificate, (void)key;
    fprintf(stderr, "this stub was built without TLS\n");
    exit(1);
#endif
}

static int patience(void) {
    int64_t soonest = INT64_MAX, now = read_clock(CLOCK_MONOTONIC);
    Queue *queues[] = {&late_public, &late_other};
    for (int i = 0; i < 2; i++)
        if (queues[i]->first < queues[i]->count && queues[i]->at[queues[i]->first].due < soonest)
            soonest = queues[i]->at[queues[i]->first].due;
    if (soonest == INT64_MAX) return -1;
    return soonest <= now ? 0 : (int)((soonest - now + 999999) / 1000000);
}

int main(int count, char **given) {
    const char *certificate = NULL, *key = NULL;
    for (int i = 1; i < count; i++) {
        if (!strcmp(given[i], "--delay-ms") && i + 1 < count) delay_public = atoll(given[++i]) * 1000000;
        else if (!strcmp(given[i], "--delay-all-ms") && i + 1 < count) delay_other = atoll(given[++i]) * 1000000;
        else if (!strcmp(given[i], "--tls") && i + 2 < count) { certificate = given[++i]; key = given[++i]; }
        else { fprintf(stderr, "unknown option %s\n", given[i]); return 2; }
    }
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (certificate) prepare_tls(certificate, key);

    poller = epoll_create1(EPOLL_CLOEXEC);
    int port, tls_port = 0, plain = listen_on(&port), secure = certificate ? listen_on(&tls_port) : -1;
    static int PLAIN, SECURE, INPUT; /* their addresses are the marks */
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &PLAIN};
    epoll_ctl(poller, EPOLL_CTL_ADD, plain, &event);
    event.data.ptr = &SECURE;
    if (secure >= 0) epoll_ctl(poller, EPOLL_CTL_ADD, secure, &event);
    event.data.ptr = &INPUT;
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    printf("%d %d\n", port, tls_port);
    fflush(stdout);

    static struct epoll_event events[1024];
    for (;;) {
        int ready = epoll_wait(poller, events, 1024, at_once.first < at_once.count ? 0 : patience());
        for (int i = 0; i < ready; i++) {
            void *mark = events[i].data.ptr;
            if (mark == &PLAIN) welcome(plain, false);
            else if (mark == &SECURE) welcome(secure, true);
            else if (mark == &INPUT) {
                char ignored[64];
                if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return 0;
            } else {
                Conn *conn = mark;
                if (conn->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(conn);
                if (conn->fd >= 0 && events[i].events & EPOLLOUT) flush_out(conn);
            }
        }
        int64_t now = read_clock(CLOCK_MONOTONIC);
        if (ready <= 0) serve_due(&at_once, now);
        serve_due(&late_public, now);
        serve_due(&late_other, now);
        bury();
    }
}
