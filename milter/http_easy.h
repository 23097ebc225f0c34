/*
 * http_easy.h - a request as libcurl has it
 *
 * For http_transfer.c alone.  All that is sent, and over which connection;
 * nothing about what comes back.
 */
#ifndef KUMILTER_HTTP_EASY_H
#define KUMILTER_HTTP_EASY_H

#include "http_transfer.h"

#include <curl/curl.h>

/*
 * Both must outlive the handle's use, and so must the list of headers that
 * this returns: the caller frees it with curl_slist_free_all().
 */
struct curl_slist *http_easy_set(
    CURL *easy, const struct http_request *r, const struct http_hop *hop);

/* In any case of letters. */
bool http_has_field(const struct http_request *r, const char *name);

#endif
