/* SPDX-License-Identifier: ISC */
#include "net/wire.h"

/* Any bytes as a message: decoding never crashes, asks for no more memory than the bytes justify,
 * and whatever it accepts encodes back to the very same bytes. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct wire_frame *f;
	struct msg m;
	struct why why;
	enum err e = wire_decode(&m, &a, bytes_of(data, size), &why);

	must(a.total <= 64 + 32 * size); /* a path is 33 bytes for 3, a view 16 for 2 */
	if (!e) {
		f = wire_encode(&m);
		must(f->n == size && !memcmp(f->bytes, data, size));
		wire_frame_unref(f);
	}
	arena_close(&a);
	return 0;
}
