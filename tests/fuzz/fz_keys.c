/* SPDX-License-Identifier: ISC */
#include "codec/json_list.h"
#include "crypto/base64.h"

/* Manifests from peers, lists from web sites and files, tokens: the first byte says which. What is
 * read is written and read again, and says the same. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_manifest(struct bytes in)
{
	struct manifest m;

	if (manifest_parse(&m, in, NULL) != ERR_NONE)
		return;
	must(bytes_eq(m.bytes, in) && in.n <= MANIFEST_BYTES_MAX);
	must(!m.domain[0] || manifest_domain_valid(m.domain, strlen(m.domain)));
	(void)!manifest_verify(&m);
}

static void check_document(struct arena *a, struct bytes in)
{
	struct list_document d, back;
	struct buf b = BUF_INIT;

	if (list_document_parse(&d, a, in, NULL) == ERR_NONE) {
		must(d.n >= 1 && d.n <= LIST_BLOBS_MAX);
		list_document_print(&b, &d);
		must(list_document_parse(&back, a, buf_bytes(&b), NULL) == ERR_NONE);
		must(back.n == d.n && back.version == d.version);
		must(back.refresh_min == d.refresh_min && bytes_eq(back.manifest, d.manifest));
		for (uint32_t i = 0; i < d.n; i++) {
			must(bytes_eq(back.blobs[i].blob, d.blobs[i].blob));
			must(bytes_eq(back.blobs[i].signature, d.blobs[i].signature));
			must(bytes_eq(back.blobs[i].manifest, d.blobs[i].manifest));
		}
	}
	buf_close(&b);
}

static void check_list(struct arena *a, struct bytes in)
{
	struct list l, back;
	struct buf b = BUF_INIT;

	if (list_parse(&l, a, in, NULL) == ERR_NONE) {
		must(l.n <= UNL_MAX && l.effective.s < l.expiration.s);
		list_print(&b, &l);
		must(list_parse(&back, a, buf_bytes(&b), NULL) == ERR_NONE);
		must(back.seq == l.seq && back.n == l.n);
		for (uint32_t i = 0; i < l.n; i++)
			must(!public_key_cmp(&back.v[i].master, &l.v[i].master) &&
			     bytes_eq(back.v[i].manifest, l.v[i].manifest));
	}
	buf_close(&b);
}

static void check_token(struct bytes in)
{
	struct token t, back;
	struct buf b = BUF_INIT;

	if (token_parse(&t, in, NULL) != ERR_NONE)
		return;
	token_print(&b, buf_bytes(&t.manifest), t.signing);
	must(token_parse(&back, buf_bytes(&b), NULL) == ERR_NONE);
	must(bytes_eq(buf_bytes(&back.manifest), buf_bytes(&t.manifest)));
	token_close(&t);
	token_close(&back);
	buf_close(&b);
}

static void check_base64(struct bytes in)
{
	struct buf b = BUF_INIT, text = BUF_INIT, back = BUF_INIT;

	if (base64_decode(&b, in) == ERR_NONE) {
		base64_encode(&text, buf_bytes(&b));
		must(text.n <= in.n);
		must(base64_decode(&back, buf_bytes(&text)) == ERR_NONE);
		must(bytes_eq(buf_bytes(&back), buf_bytes(&b)));
	}
	buf_close(&b);
	buf_close(&text);
	buf_close(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct arena a = ARENA_INIT;
	struct bytes in = bytes_of(data + (size > 0), size - (size > 0));

	if (!ready)
		must(crypto_init(NULL) == ERR_NONE);
	ready = true;
	switch (size ? data[0] % 8 : 7) {
	case 0:
		check_manifest(in);
		break;
	case 1:
		check_document(&a, in);
		break;
	case 2:
		check_list(&a, in);
		break;
	case 3:
		check_token(in);
		break;
	case 4:
		check_base64(in);
		break;
	default:
		break;
	}
	arena_close(&a);
	return 0;
}
