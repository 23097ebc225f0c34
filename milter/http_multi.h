/*
 * http_multi.h - the one thread that moves all bytes of HTTP
 *
 * For http.c alone.  A request is a handle of libcurl; the thread drives all
 * of them at once, with one pool of connections, so a thousand requests need
 * no thousand threads but those that wait for them.  The thread is there from
 * the first request on and ends with the process.
 */
#ifndef KUMILTER_HTTP_MULTI_H
#define KUMILTER_HTTP_MULTI_H

#include "err.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Block until the handle is done or clock_mono() is past the deadline.  After
 * that nothing touches the handle and what it points to any more.  The result
 * is libcurl's; CURLE_OPERATION_TIMEDOUT at the deadline, CURLE_FAILED_INIT
 * with *err where there is no thread.
 */
CURLcode http_multi_run(CURL *easy, int64_t deadline, struct err *err);

#endif
