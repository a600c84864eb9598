/* SPDX-License-Identifier: ISC */
#include "node/uv_genesis.h"

#include "crypto/hash.h"
#include "os/file.h"

#include <limits.h>
#include <stdio.h>

#define HEX_CHARS  64
#define FILE_BYTES (2 * HEX_CHARS + 2) /* two hashes, a blank, the line's end */

static bool path_of(char out[PATH_MAX], const char *folder)
{
	return snprintf(out, PATH_MAX, "%s/genesis", folder) < PATH_MAX;
}

static struct hash256 digest_of(const struct genesis *g, const struct hash256 *hash)
{
	struct buf text = BUF_INIT;
	struct hash256 digest;

	genesis_print(g, &text);
	buf_put(&text, hash->b, sizeof(hash->b));
	sha512_half(&digest, text.p, text.n);
	buf_close(&text);
	return digest;
}

bool uv_genesis_recall(struct hash256 *hash, const struct genesis *g, const char *folder)
{
	struct hash256 digest, written;
	struct buf b = BUF_INIT;
	char path[PATH_MAX];
	bool known;

	known = path_of(path, folder) && file_read(&b, path, FILE_BYTES, NULL) == ERR_NONE &&
		b.n == FILE_BYTES &&
		hex_decode(written.b, sizeof(written.b), (char *)b.p, HEX_CHARS) &&
		hex_decode(hash->b, sizeof(hash->b), (char *)b.p + HEX_CHARS + 1, HEX_CHARS);
	if (known) {
		digest = digest_of(g, hash);
		known = hash256_eq(&written, &digest);
	}
	buf_close(&b);
	return known;
}

enum err uv_genesis_remember(const struct genesis *g, const char *folder,
			     const struct hash256 *hash, struct why *why)
{
	struct hash256 digest = digest_of(g, hash);
	char path[PATH_MAX], line[FILE_BYTES + 1];

	if (!path_of(path, folder))
		return why_set(why, ERR_TOO_LARGE, "%.100s...: the path is too long", folder);
	snprintf(line, sizeof(line), "%s %s\n", hash256_hex(&digest).s, hash256_hex(hash).s);
	return file_write(path, bytes_str(line), 0640, why);
}
