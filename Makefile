# kumilter - a milter for Postfix and Sendmail whose policy is Lua
#
##@ Use
## help            this list
## all             build build/kumilter (the default)
## demo            install what is missing, build, show real SMTP sessions
##                 through a private Postfix, clean up
## run             as demo, but leave the Postfix and kumilter running
## deps            install the Debian packages to build and test (as root)
## install         install below $(DESTDIR)$(PREFIX)
## deb             a Debian package in build/deb, and a look at it
## deps-deb        install what that needs (as root)
## uninstall       remove what install put there
##@ Work
## check           install what is missing, build, run every test
## check-unit      Check suites only
## check-proto     the daemon against a scripted MTA
## check-fuzz      the fuzzers' corpora once again
## check-mta       real Postfix and real Sendmail
## check-conf      samples, snippets and units load
## check-dkim-cross 1000 messages signed by dkimpy and Mail::DKIM, and 1000
##                 of ours verified by them
## check-extras    KumoMTA's own helpers, from EXTRAS=DIR (not in check)
## asan tsan       rebuild with sanitizers, run unit and protocol tests
## valgrind        a short session under valgrind
## lint            borders between the rooms, sizes, headers, docs, man pages
## manual          man/kumilter-api.3lua, of the comments in lua-bindings
## format          clang-format in place;  format-check only looks
## bench           kumilter beside a bare libmilter filter (slow)
## bench-library   what calls of the policy library cost
## bench-rbl       2000 sessions that wait for a block list
## bench-trace     what being watched by kumilter trace costs
## bench-decision  what the decision log and metrics cost
## bench-recording what it costs to be recorded
## bench-dkim      signatures verified and made, beside libopendkim
## bench-spf       checks of SPF and DMARC, with a DNS that knows all
## bench-parsers   is the parsers' time linear in what a client sends?
## soak            10^6 messages, 1000 reloads: memory and fds stay flat (slow)
## clean           remove build/

PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= /etc
BINDIR ?= $(PREFIX)/sbin
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/kumilter
UNITDIR ?= /lib/systemd/system
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions
VERSION := $(shell cat VERSION)

CC ?= gcc
VARIANT ?= release
BUILD := build
OUT := $(BUILD)/$(VARIANT)

PKGS := luajit jansson
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
CHECK_CFLAGS := $(shell pkg-config --cflags check 2>/dev/null)
CHECK_LIBS := $(shell pkg-config --libs check 2>/dev/null)
# optional libraries: used when pkg-config knows them
define optional
ifeq ($$(shell pkg-config --exists $(1) && echo yes),yes)
PKG_CFLAGS += -DHAVE_$(2) $$(shell pkg-config --cflags $(1))
PKG_LIBS += $$(shell pkg-config --libs $(1))
endif
endef
$(eval $(call optional,libsystemd,SYSTEMD))
$(eval $(call optional,libidn2,IDN2))
$(eval $(call optional,libunbound,UNBOUND))
$(eval $(call optional,libpcre2-8,PCRE2))
$(eval $(call optional,sqlite3,SQLITE3))
$(eval $(call optional,libpsl,PSL))
$(eval $(call optional,libcrypto,OPENSSL))
$(eval $(call optional,libssl libcrypto,LIBSSL))
$(eval $(call optional,hiredis,HIREDIS))
$(eval $(call optional,yaml-0.1,YAML))
$(eval $(call optional,libcurl,CURL))
$(eval $(call optional,libmagic,MAGIC))
$(eval $(call optional,libzstd,ZSTD))
$(eval $(call optional,libmicrohttpd,MICROHTTPD))

CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wformat=2 -Wno-format-nonliteral $(if $(WERROR),-Werror)
HARDEN_release := -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
	-fstack-clash-protection -fPIE
LDHARDEN_release := -pie -Wl,-z,relro,-z,now,-z,noexecstack
SAN_asan := -fsanitize=address,undefined -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined
SAN_tsan := -fsanitize=thread -fno-omit-frame-pointer
SAN_fuzz := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-omit-frame-pointer -fno-sanitize-recover=undefined
ifneq ($(VARIANT),release)
CFLAGS := -O1 -g
endif
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -pthread $(WARN) $(CFLAGS) \
	$(HARDEN_$(VARIANT)) $(SAN_$(VARIANT)) $(PKG_CFLAGS) -I. \
	-DKUMILTER_VERSION='"$(VERSION)"' -DKUMILTER_DATADIR='"$(DATADIR)"' \
	-DKUMILTER_SYSCONFDIR='"$(SYSCONFDIR)"'
ALL_LDFLAGS = -pthread $(LDFLAGS) $(LDHARDEN_$(VARIANT)) $(SAN_$(VARIANT))
# our own list of exported names: LuaJIT modules in C may look for lua_*
LIBS = $(PKG_LIBS) -lm -ldl

Q := $(if $(V),,@)
say = $(if $(V),:,@printf '  %-8s%s\n')

# what runs without an MTA, and the doors to one
DOOR_SRC := milter/main.c milter/serve.c milter/glue.c milter/glue_guard.c
LIB_SRC := $(filter-out $(DOOR_SRC),$(wildcard milter/*.c)) \
	$(wildcard lua-bindings/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(OUT)/%.o)
DAEMON_OBJ := $(LIB_OBJ) $(DOOR_SRC:%.c=$(OUT)/%.o)
UNIT_SRC := $(wildcard t/unit/check_*.c)
UNIT_BIN := $(UNIT_SRC:t/unit/%.c=$(OUT)/t/%)
UNIT_OBJ := $(UNIT_SRC:%.c=$(OUT)/%.o)
FUZZ_SRC := $(wildcard t/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:t/fuzz/%.c=$(OUT)/fuzz/%)
LUA_PARTS := $(wildcard lua-bindings/*.lua lua-bindings/*/*.lua)

all: $(OUT)/kumilter $(if $(filter release,$(VARIANT)),$(BUILD)/kumilter)

help:
	@sed -n 's/^##@ \(.*\)/\n\1:/p; s/^## /  make /p' Makefile | \
		sed 's/^  make                 /                       /'

# ---- build -----------------------------------------------------------------
$(BUILD)/kumilter: $(OUT)/kumilter
	$(Q)ln -sf $(VARIANT)/kumilter $@

$(OUT)/kumilter: $(DAEMON_OBJ)
	$(say) LD $@
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(DAEMON_OBJ) -lmilter $(LIBS)

$(OUT)/%.o: %.c $(OUT)/flags | need-packages
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# the Lua parts are in the program: it needs no files of its own to run
$(OUT)/lua-bindings/embed.o: $(LUA_PARTS)
$(OUT)/milter/exporter_page.o: milter/exporter.html

# a change of compiler or flags rebuilds
.PHONY: force
$(OUT)/flags: force
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS)' > $@

.PHONY: need-packages
need-packages:
	@pkg-config --exists $(PKGS) && [ -e /usr/include/libmilter/mfapi.h ] || \
	{ echo "make: libmilter, LuaJIT or jansson is missing;" \
	  "as root: make deps"; exit 1; }

# all suites are one program, linked once; each has its name there
$(OUT)/t/unit/check_%.o: t/unit/check_%.c $(OUT)/flags | need-packages
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -It/unit -DUNIT_NAME=check_$* \
		$(CHECK_CFLAGS) -MMD -MP -c -o $@ $<
$(OUT)/t/units: t/unit/main.c $(OUT)/t/suites.h $(UNIT_OBJ) $(LIB_OBJ)
	$(say) LD $@
	$(Q)$(CC) $(ALL_CFLAGS) -I$(@D) -o $@ $< $(UNIT_OBJ) $(LIB_OBJ) \
		$(ALL_LDFLAGS) $(CHECK_LIBS) $(LIBS)
$(OUT)/t/suites.h: force
	@mkdir -p $(@D)
	@printf 'UNIT(%s)\n' $(UNIT_SRC:t/unit/%.c=%) >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$(UNIT_BIN): $(OUT)/t/units
	@ln -sf units $@

-include $(DAEMON_OBJ:.o=.d) $(UNIT_OBJ:.o=.d) $(FUZZ_BIN:%=%.d)

# ---- tests -----------------------------------------------------------------
CHECKS := check-unit check-fuzz check-conf lint check-proto check-mta asan tsan

deps:
	@t/deps.sh

# pkg-config is asked when make starts: what deps installs is seen by a new one
check: deps
	@MAKE='$(MAKE)' t/check.sh all $(CHECKS)

check-unit: $(UNIT_BIN)
	@t/unit/run.sh $(UNIT_BIN)

check-conf: all
	@t/conf/check_conf.py

# nothing of them is here: who has KumoMTA says where
check-extras: all
	@t/conf/extras.py $(or $(EXTRAS),$(error make check-extras EXTRAS=DIR))
	@KUMILTER=$(OUT)/kumilter EXTRAS='$(abspath $(EXTRAS))' t/mta/run.py --only mail_auth

check-proto: all
	@KUMILTER=$(OUT)/kumilter t/proto/run.py $(if $(ONLY),--only '$(ONLY)')

# what dkimpy and Mail::DKIM sign; check-proto has a few of them
check-dkim-cross: all
	@KUMILTER=$(OUT)/kumilter KUMILTER_DKIM_CROSS=$(or $(CROSS),1000) \
		t/proto/run.py --only '^dkim_verify.signed_by_others|^dkim_sign'

check-mta: all
	@KUMILTER=$(OUT)/kumilter t/mta/run.py $(if $(ONLY),--only '$(ONLY)')

# the unit and protocol tests again, in a build that watches itself
asan tsan:
	@$(MAKE) VARIANT=$@ sanitized

ASAN_OPTIONS := detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=0
# without the second that each process would sleep before it ends
TSAN_OPTIONS := halt_on_error=0:second_deadlock_stack=1:atexit_sleep_ms=50
UBSAN_OPTIONS := print_stacktrace=1
sanitized: export ASAN_OPTIONS := $(ASAN_OPTIONS)
sanitized: export LSAN_OPTIONS := \
	suppressions=$(CURDIR)/t/lsan.supp:print_suppressions=0
sanitized: export TSAN_OPTIONS := $(TSAN_OPTIONS)
sanitized: export UBSAN_OPTIONS := $(UBSAN_OPTIONS)
sanitized: export CK_FORK := no
sanitized: $(OUT)/kumilter $(UNIT_BIN) $(FUZZ_BIN)
	@TEST_NAME=$(VARIANT)-unit t/unit/run.sh $(UNIT_BIN)
	@TEST_NAME=$(VARIANT)-fuzz t/fuzz/run.sh $(FUZZ_BIN)
	@TEST_NAME=$(VARIANT)-proto KUMILTER=$(OUT)/kumilter t/proto/run.py

# a fuzzer with clang in VARIANT=fuzz, else its corpus once again:
#	make VARIANT=fuzz CC=clang build/fuzz/fuzz/fuzz_mailbox
FUZZ_MAIN = $(if $(filter fuzz,$(VARIANT)),-fsanitize=fuzzer,t/fuzz/replay.c)
$(OUT)/fuzz/%: t/fuzz/%.c t/fuzz/replay.c t/fuzz/fuzz.h $(LIB_OBJ) $(OUT)/flags
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(FUZZ_MAIN) \
		$(LIB_OBJ) $(ALL_LDFLAGS) $(LIBS)
check-fuzz: $(FUZZ_BIN)
	@t/fuzz/run.sh $(FUZZ_BIN)

lint:
	@t/lint/run.sh

manual:
	@t/lint/api.py --write

VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full \
	--errors-for-leak-kinds=definite
valgrind: all
	@TEST_NAME=valgrind KUMILTER=$(OUT)/kumilter \
		KUMILTER_WRAP='$(VALGRIND)' \
		t/proto/run.py -j 2 --only '^data'

C_FILES = $(wildcard milter/*.[ch] lua-bindings/*.[ch] t/unit/*.[ch] \
	t/bench/*.[ch] t/mta/*.c)
format:
	clang-format -i $(C_FILES)
format-check:
	@clang-format --dry-run -Werror $(C_FILES)

# ---- demo ------------------------------------------------------------------
demo: deps
	@$(MAKE) --no-print-directory -j"$$(nproc)" all
	@t/mta/demo.py
run: deps
	@$(MAKE) --no-print-directory -j"$$(nproc)" all
	@t/mta/demo.py --keep

# ---- speed -----------------------------------------------------------------
BENCH_CFLAGS := -std=gnu11 -O2 -D_GNU_SOURCE -pthread $(WARN)
$(BUILD)/bench/bare_filter: t/bench/bare_filter.c
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $< -lmilter -lpthread
$(BUILD)/bench/loadgen: $(wildcard t/bench/lg_*.c t/bench/lg.h) t/bench/loadgen.c
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/bench/slow_dns: t/bench/slow_dns.c
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -o $@ $<

$(BUILD)/bench/parsers: t/bench/parsers.c $(LIB_OBJ)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(ALL_LDFLAGS) $(LIBS)

$(BUILD)/bench/library: t/bench/library.c $(LIB_OBJ)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(ALL_LDFLAGS) $(LIBS)

# libopendkim, where it is, in an object of its own: it has names of ours
$(BUILD)/bench/dkim_other.so: t/bench/dkim_other.c t/bench/dkim_other.h
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -fPIC -shared -o $@ $< \
		$(shell pkg-config --cflags --libs opendkim)
$(BUILD)/bench/dkim: t/bench/dkim.c t/bench/dkim_other.h $(LIB_OBJ)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(ALL_LDFLAGS) $(LIBS)
DKIM_OTHER := $(if $(shell pkg-config --exists opendkim && echo yes),\
	$(BUILD)/bench/dkim_other.so)

bench-dkim: $(BUILD)/bench/dkim $(DKIM_OTHER)
	@$(BUILD)/bench/dkim $(or $(strip $(DKIM_OTHER)),'') $(DKIM_ARGS)
$(BUILD)/bench/spf: t/bench/spf.c t/unit/dns_server.h $(LIB_OBJ)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(LIB_OBJ) $(ALL_LDFLAGS) $(LIBS)

bench-library: $(BUILD)/bench/library
	@$(BUILD)/bench/library $(LIBRARY_ARGS)
bench-rbl: all $(BUILD)/bench/loadgen $(BUILD)/bench/slow_dns
	@t/bench/rbl.py $(RBL_ARGS)
bench-trace: all $(BUILD)/bench/loadgen
	@t/bench/trace.py $(TRACE_ARGS)
bench-decision: all $(BUILD)/bench/loadgen
	@t/bench/decision.py $(DECISION_ARGS)
bench-recording: all $(BUILD)/bench/loadgen
	@t/bench/recording.py $(RECORDING_ARGS)
bench-spf: $(BUILD)/bench/spf
	@$(BUILD)/bench/spf $(SPF_ARGS)
bench-parsers: $(BUILD)/bench/parsers
	@$(BUILD)/bench/parsers t/fuzz/corpus
bench: all $(BUILD)/bench/bare_filter $(BUILD)/bench/loadgen \
		$(BUILD)/bench/library $(BUILD)/bench/slow_dns $(BUILD)/bench/spf
	@t/bench/bench.py $(BENCH_ARGS)
	@$(BUILD)/bench/library $(LIBRARY_ARGS)
	@$(BUILD)/bench/spf $(SPF_ARGS)
	@t/bench/rbl.py $(RBL_ARGS)
soak: all $(BUILD)/bench/loadgen
	@t/bench/soak.py $(SOAK_ARGS)

# ---- install ---------------------------------------------------------------
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man8 \
		$(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/man3 \
		$(DESTDIR)$(SYSCONFDIR)/kumilter \
		$(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/share/doc/kumilter \
		$(DESTDIR)$(COMPLETIONDIR)
	install -m 755 $(BUILD)/kumilter $(DESTDIR)$(BINDIR)/kumilter
	install -m 644 man/*.8 $(DESTDIR)$(MANDIR)/man8
	install -m 644 man/*.7 $(DESTDIR)$(MANDIR)/man7
	install -m 644 man/*.3lua $(DESTDIR)$(MANDIR)/man3
	sed 's|/usr/sbin/kumilter|$(BINDIR)/kumilter|' conf/kumilter.service \
		> $(DESTDIR)$(UNITDIR)/kumilter.service
	install -m 644 conf/kumilter.socket $(DESTDIR)$(UNITDIR)
	install -m 644 conf/kumilter.bash $(DESTDIR)$(COMPLETIONDIR)/kumilter
	install -m 644 conf/policy.lua conf/policy_test.lua conf/postfix.cf conf/sendmail.mc \
		$(DESTDIR)$(PREFIX)/share/doc/kumilter
	install -d $(DESTDIR)$(DATADIR)/policy-extras \
		$(DESTDIR)$(PREFIX)/share/doc/kumilter/examples
	install -m 644 conf/policy-extras/*.lua \
		$(DESTDIR)$(DATADIR)/policy-extras
	install -m 644 conf/examples/*.lua \
		$(DESTDIR)$(PREFIX)/share/doc/kumilter/examples
	[ -e $(DESTDIR)$(SYSCONFDIR)/kumilter/init.lua ] || \
		install -m 644 conf/policy.lua \
		$(DESTDIR)$(SYSCONFDIR)/kumilter/init.lua

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/kumilter \
		$(patsubst man/%,$(DESTDIR)$(MANDIR)/man8/%,$(wildcard man/*.8)) \
		$(patsubst man/%,$(DESTDIR)$(MANDIR)/man7/%,$(wildcard man/*.7)) \
		$(patsubst man/%,$(DESTDIR)$(MANDIR)/man3/%,$(wildcard man/*.3lua)) \
		$(DESTDIR)$(UNITDIR)/kumilter.service \
		$(DESTDIR)$(UNITDIR)/kumilter.socket \
		$(DESTDIR)$(COMPLETIONDIR)/kumilter
	rm -f $(patsubst conf/%,$(DESTDIR)$(DATADIR)/%,$(wildcard \
		conf/policy-extras/*.lua))
	-rmdir --ignore-fail-on-non-empty $(DESTDIR)$(DATADIR)/policy-extras \
		$(DESTDIR)$(DATADIR)
	rm -rf $(DESTDIR)$(PREFIX)/share/doc/kumilter

# from a copy: dpkg-buildpackage begins with a clean tree
deps-deb:
	@t/deps.sh deb
deb: deps-deb
	rm -rf $(BUILD)/deb
	mkdir -p $(BUILD)/deb/kumilter
	tar --exclude=./$(BUILD) --exclude=./.git -cf - . | \
		tar -xf - -C $(BUILD)/deb/kumilter
	cd $(BUILD)/deb/kumilter && dpkg-buildpackage -us -uc -b
	t/deb/check_deb.sh $(BUILD)/deb/kumilter_$(VERSION)_*.deb
	t/deb/check_install.py $(BUILD)/deb/kumilter_$(VERSION)_*.deb

clean:
	rm -rf $(BUILD)

.PHONY: all help clean deps check check-dkim-cross check-unit check-conf check-extras check-fuzz check-proto check-mta \
	asan tsan sanitized lint manual valgrind format format-check demo run bench bench-library \
	bench-rbl bench-trace bench-decision bench-recording bench-spf bench-parsers soak install uninstall deb deps-deb
.DEFAULT_GOAL := all
