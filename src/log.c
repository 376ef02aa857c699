// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ring behind /ckpt/log. It is kept as one plain text, so that a reader needs one copy;
 * the price is a move of the rest when the oldest lines go.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "log.h"

#define LOG_SIZE  (256u << 10)
#define LINE_SIZE 4096u

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char ring[LOG_SIZE];
static size_t ring_len;
static bool echo;

/* Drops the oldest lines until len more bytes fit. */
static void make_room(size_t len)
{
	size_t drop;

	if (len <= LOG_SIZE - ring_len)
		return;
	drop = len - (LOG_SIZE - ring_len);
	while (drop < ring_len && ring[drop - 1] != '\n')
		drop++;
	memmove(ring, ring + drop, ring_len - drop);
	ring_len -= drop;
}

static size_t stamp(char *line, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + (size_t)snprintf(line + len, size - len, ".%03ldZ ", now.tv_nsec / 1000000);
}

static void write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

void ckpt_log(const char *fmt, ...)
{
	char line[LINE_SIZE];
	size_t head, len;
	va_list ap;
	int n;

	pthread_mutex_lock(&log_lock);
	head = stamp(line, sizeof(line));
	va_start(ap, fmt);
	n = vsnprintf(line + head, sizeof(line) - head - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	len = head + (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	/* One message is one line, whatever is in a file name that it quotes. */
	for (size_t i = head; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	make_room(len);
	memcpy(ring + ring_len, line, len);
	ring_len += len;
	if (echo)
		write_all(STDERR_FILENO, line, len);
	pthread_mutex_unlock(&log_lock);
}

void ckpt_log_echo(bool on)
{
	pthread_mutex_lock(&log_lock);
	echo = on;
	pthread_mutex_unlock(&log_lock);
}

size_t ckpt_log_size(void)
{
	size_t len;

	pthread_mutex_lock(&log_lock);
	len = ring_len;
	pthread_mutex_unlock(&log_lock);
	return len;
}

char *ckpt_log_copy(size_t *len)
{
	char *copy;

	pthread_mutex_lock(&log_lock);
	copy = malloc(ring_len + 1);
	if (copy) {
		memcpy(copy, ring, ring_len);
		copy[ring_len] = '\0';
		*len = ring_len;
	}
	pthread_mutex_unlock(&log_lock);
	return copy;
}
