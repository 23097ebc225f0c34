#include "exporter_page.h"

#include <string.h>

/* .incbin looks from where the compiler runs, the top of the tree. */
__asm__(".pushsection .rodata\n"
	".globl kumilter_exporter_html\n"
	".hidden kumilter_exporter_html\n"
	"kumilter_exporter_html:\n"
	".incbin \"milter/exporter.html\"\n"
	".byte 0\n"
	".popsection\n");
extern const char kumilter_exporter_html[]
    __attribute__((visibility("hidden")));

void
exporter_page(struct str *out, const char *nonce)
{
	static const char mark[] = "@NONCE@";
	const char *at = kumilter_exporter_html, *next;

	for (; (next = strstr(at, mark)) != NULL; at = next + sizeof mark - 1) {
		str_add(out, at, (size_t)(next - at));
		str_adds(out, nonce);
	}
	str_adds(out, at);
}
