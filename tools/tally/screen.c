/* SPDX-License-Identifier: ISC */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* The other screen, no cursor, no wrapping; and back. */
#define ENTER "\x1B[?1049h\x1B[?25l\x1B[?7l\x1B[2J"
#define LEAVE "\x1B[0m\x1B[?7h\x1B[?25h\x1B[?1049l"

static struct termios before;
static volatile sig_atomic_t entered, ending, changed;
static bool colors;

static void say(const char *s, size_t n)
{
	while (n) {
		ssize_t put = write(STDOUT_FILENO, s, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return;
		s += put;
		n -= (size_t)put;
	}
}

/* Keys come one by one and are not shown; ^C and ^Z are signals as ever. */
static void take(void)
{
	struct termios raw = before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	say(ENTER, sizeof(ENTER) - 1);
	entered = 1;
}

/* Safe in a signal handler. */
void screen_leave(void)
{
	if (!entered)
		return;
	entered = 0;
	say(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void on_end(int signum)
{
	ending = signum;
}

static void on_size(int signum)
{
	(void)signum;
	changed = 1;
}

/* What ends the program now, or stops it. */
static void on_fatal(int signum)
{
	int saved = errno;
	sigset_t one;

	screen_leave();
	signal(signum, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, signum);
	raise(signum);
	sigprocmask(SIG_UNBLOCK, &one, NULL); /* SIGTSTP: stops here until SIGCONT */
	errno = saved;
}

static void on_signal(int signum, void (*handler)(int))
{
	struct sigaction a = {.sa_handler = handler};

	sigemptyset(&a.sa_mask);
	sigaction(signum, &a, NULL);
}

static void on_continue(int signum)
{
	(void)signum;
	take();
	changed = 1;
	on_signal(SIGTSTP, on_fatal);
}

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term && *term &&
	       strcmp(term, "dumb") != 0;
}

void screen_enter(bool color)
{
	static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGTSTP};
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	size_t i;

	colors = color;
	if (tcgetattr(STDIN_FILENO, &before))
		return;
	atexit(screen_leave);
	for (i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		on_signal(fatal[i], on_fatal);
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		on_signal(ends[i], on_end);
	on_signal(SIGWINCH, on_size);
	on_signal(SIGCONT, on_continue);
	take();
}

void screen_size(int *columns, int *lines)
{
	struct winsize w;

	*columns = 80;
	*lines = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row) {
		*columns = w.ws_col;
		*lines = w.ws_row;
	}
}

static const char *style_on(enum frame_style s)
{
	switch (s) {
	case FRAME_PLAIN:
		return "";
	case FRAME_BOLD:
		return "\x1B[1m";
	case FRAME_DIM:
		return "\x1B[2m";
	case FRAME_GOOD:
		return "\x1B[32m";
	case FRAME_BAD:
		return "\x1B[1;31m";
	case FRAME_HEAD:
		return "\x1B[7m";
	}
	return "";
}

void screen_draw(const struct frame *f)
{
	struct buf b = BUF_INIT;
	int i;

	buf_put(&b, "\x1B[H", 3);
	for (i = 0; i < f->n; i++) {
		const char *on = colors ? style_on(f->line[i].style) : "";

		buf_printf(&b, "%s%s%s%s\x1B[K", i ? "\r\n" : "", on, f->line[i].s,
			   *on ? "\x1B[0m" : "");
	}
	buf_printf(&b, "\x1B[J");
	say((char *)b.p, b.n);
	buf_close(&b);
}

int screen_key(int within_ms)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	unsigned char c;
	ssize_t n;
	int r;

	if (ending)
		return -1;
	r = changed ? 0 : poll(&in, 1, within_ms);
	changed = 0;
	if (ending)
		return -1;
	if (r <= 0)
		return 0;
	n = read(STDIN_FILENO, &c, 1);
	return n == 1 ? c : n == 0 || errno != EINTR ? -1 : 0; /* a terminal that has gone */
}
