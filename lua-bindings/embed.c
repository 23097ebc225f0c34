#include "embed.h"

#include <stdint.h>
#include <string.h>

/* One row for each file: an identifier of its own, its path from here. */
#define EMBEDDED(FILE)                                                         \
	FILE(arc_seal, "arc_seal.lua")                                         \
	FILE(clamd, "clamd.lua")                                               \
	FILE(config, "config.lua")                                             \
	FILE(coroutine, "coroutine.lua")                                       \
	FILE(dkim_sign, "dkim_sign.lua")                                       \
	FILE(dkim_verify, "dkim_verify.lua")                                   \
	FILE(dns, "dns.lua")                                                   \
	FILE(spf, "spf.lua")                                                   \
	FILE(dmarc, "dmarc.lua")                                               \
	FILE(http, "http.lua")                                                 \
	FILE(kumo, "kumo.lua")                                                 \
	FILE(map_file, "map_file.lua")                                         \
	FILE(memoize, "memoize.lua")                                           \
	FILE(mpsc, "mpsc.lua")                                                 \
	FILE(monitor, "monitor.lua")                                           \
	FILE(msys_accept, "msys/accept.lua")                                   \
	FILE(msys_audit, "msys/audit.lua")                                     \
	FILE(msys_cidr, "msys/cidr.lua")                                       \
	FILE(msys_counter, "msys/counter.lua")                                 \
	FILE(msys_series, "msys/series.lua")                                   \
	FILE(msys_share, "msys/share.lua")                                     \
	FILE(msys_codec, "msys/codec.lua")                                     \
	FILE(msys_dumper, "msys/dumper.lua")                                   \
	FILE(msys_json, "msys/json.lua")                                       \
	FILE(msys_macro, "msys/macro.lua")                                     \
	FILE(msys_pcre, "msys/pcre.lua")                                       \
	FILE(msys_build, "msys/build.lua")                                     \
	FILE(msys_constant, "msys/constant.lua")                               \
	FILE(msys_content, "msys/content.lua")                                 \
	FILE(msys_dkim, "msys/dkim.lua")                                       \
	FILE(msys_core, "msys/core.lua")                                       \
	FILE(msys_db, "msys/db.lua")                                           \
	FILE(msys_file, "msys/file.lua")                                       \
	FILE(msys_dns, "msys/dns.lua")                                         \
	FILE(msys_message, "msys/message.lua")                                 \
	FILE(msys_module, "msys/module.lua")                                   \
	FILE(msys_operator, "msys/operator.lua")                               \
	FILE(msys_source, "msys/source.lua")                                   \
	FILE(msys_policyeditor, "msys/policyeditor.lua")                       \
	FILE(msys_header, "msys/header.lua")                                   \
	FILE(msys_msgpart, "msys/msgpart.lua")                                 \
	FILE(msys_spf, "msys/spf.lua")                                         \
	FILE(msys_string, "msys/string.lua")                                   \
	FILE(msys_stubs, "msys/stubs.lua")                                     \
	FILE(msys_submit, "msys/submit.lua")                                   \
	FILE(msys_timer, "msys/timer.lua")                                     \
	FILE(msys_http, "msys/http.lua")                                       \
	FILE(msys_vctx, "msys/vctx.lua")                                       \
	FILE(objects, "objects.lua")                                           \
	FILE(prelude, "prelude.lua")                                           \
	FILE(redis, "redis.lua")                                               \
	FILE(sqlite, "sqlite.lua")                                             \
	FILE(test_answer, "test/answer.lua")                                   \
	FILE(test_expect, "test/expect.lua")                                   \
	FILE(test_fake, "test/fake.lua")                                       \
	FILE(test_pretend, "test/pretend.lua")                                 \
	FILE(test_session, "test/session.lua")                                 \
	FILE(test_test, "test/test.lua")                                       \
	FILE(throttle, "throttle.lua")                                         \
	FILE(utf8, "utf8.lua")                                                 \
	FILE(vault, "vault.lua")

/* .incbin looks from where the compiler runs, the top of the tree. */
#define INCLUDE(id, path)                                                      \
	__asm__(".pushsection .rodata\n"                                       \
		".globl kumilter_embed_" #id "\n"                              \
		".hidden kumilter_embed_" #id "\n"                             \
		".globl kumilter_embed_" #id "_end\n"                          \
		".hidden kumilter_embed_" #id "_end\n"                         \
		"kumilter_embed_" #id ":\n"                                    \
		".incbin \"lua-bindings/" path "\"\n"                          \
		"kumilter_embed_" #id "_end:\n"                                \
		".byte 0\n"                                                    \
		".popsection\n");                                              \
	extern const char kumilter_embed_##id[]                                \
	    __attribute__((visibility("hidden")));                             \
	extern const char kumilter_embed_##id##_end[]                          \
	    __attribute__((visibility("hidden")));

/* clang-format off: a list, not calls */
EMBEDDED(INCLUDE)
/* clang-format on */

#define ROW(id, path) { path, kumilter_embed_##id, 0 },
static struct embed files[] = { EMBEDDED(ROW) };

#define END(id, path) kumilter_embed_##id##_end,
static const char *const ends[] = { EMBEDDED(END) };

#define FILES (sizeof(files) / sizeof(files[0]))

/* How far two places are apart is known when the program is linked. */
__attribute__((constructor)) static void
measure(void)
{
	for (size_t i = 0; i < FILES; i++)
		files[i].len =
		    (size_t)((uintptr_t)ends[i] - (uintptr_t)files[i].data);
}

const struct embed *
embed_find(const char *name)
{
	for (size_t i = 0; i < FILES; i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}
