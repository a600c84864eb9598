/* SPDX-License-Identifier: ISC */
#include "rpc/errors.h"

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct row {
	enum rpc_error error;
	const char *token;
	int http;
	const char *message;
};

static const struct row *row_of(enum rpc_error e)
{
	static const struct row rows[] = {
#define E(constant, token, code, http, message) {constant, token, http, message},
#include "rpc/errors.def"
#undef E
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].error == e)
			return &rows[i];
	must(false); /* an error that is not in the table */
	return NULL;
}

const char *rpc_error_token(enum rpc_error e)
{
	return row_of(e)->token;
}

const char *rpc_error_message(enum rpc_error e)
{
	return row_of(e)->message;
}

int rpc_error_http(enum rpc_error e)
{
	return row_of(e)->http;
}
