#include "fuzz.h"

#include "milter/dkim_key.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char sig[DKIM_KEY_BITS_MAX / 8];
	struct dkim_key k;
	struct err err = { "" };
	enum dkim_key_status status =
	    dkim_key_read(&k, (const char *)data, size, &err);

	must((status == DKIM_KEY_OK) == (k.pkey != NULL));
	must((status == DKIM_KEY_OK) == (err.msg[0] == '\0'));
	must(k.ed25519 || k.pkey == NULL ||
	     (k.bits >= DKIM_KEY_BITS_MIN && k.bits <= DKIM_KEY_BITS_MAX));
	for (size_t n = 0; n <= sizeof sig; n += 64)
		for (int alg = 0; alg <= DKIM_RSA_SHA1; alg++)
			must(k.ed25519 || /* has keys that sign anything */
			     dkim_key_verify(&k, (enum dkim_alg)alg, data, size,
				 sig, n, &err) <= 0);
	dkim_key_fini(&k);
	return 0;
}
