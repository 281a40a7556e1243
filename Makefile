# natpulse. `make` builds, `make test` tests, `make demo` shows, `make install` and `make install-lib` install.
# V=1 prints whole commands. B=DIR builds elsewhere. CC=clang, SAN=1 (ASan and UBSan), LTO=0 as wanted.
# MPI=1 builds (and installs) build/natpulse-mpi, whose sweeps run over the ranks of mpirun or srun (Open MPI).

VERSION := 0.1.0
PREFIX  ?= /usr/local
B       ?= build
V       ?= 0
SAN     ?= 0
MPI     ?= 0
MPICC   ?= mpicc
Q       := $(if $(filter 0,$(V)),@,)
say      = $(if $(filter 0,$(V)),@printf '  %-7s %s\n' $(1) $(2),@:)

CC      ?= cc
ifeq ($(origin CC),default)
CC      := gcc
endif
WARN    := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
OPT     ?= -O2 -g
CFLAGS  ?=
STD     := -std=gnu17 -D_GNU_SOURCE -DNP_VERSION='"$(VERSION)"' -DNP_PREFIX='"$(PREFIX)"'
# A product and a sum are two roundings, whatever the processor could do in one: results are the same everywhere.
SAME    := -ffp-contract=off
ALL_CFLAGS = $(STD) $(OPT) $(WARN) $(SAME) -Iinclude -pthread $(CFLAGS)
LDFLAGS ?=
AR      := gcc-ar

ifeq ($(SAN),1)
override B := $(B)/san
OPT     := -O1 -g -fno-omit-frame-pointer
ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
LTO     ?= 0
endif
ifneq ($(findstring clang,$(CC)),)
LTO     ?= 0
AR      := ar
endif
LTO     ?= 1
ifeq ($(LTO),1)
ALL_CFLAGS += -flto=auto -fno-fat-lto-objects
LDFLAGS += -flto=auto $(OPT)
endif

# ---- the house: each floor is an archive and sees the floors below it ----
FLOORS := report study scenario trace world nat host net core
BELOW_core     :=
BELOW_net      := core
BELOW_nat      := net core
BELOW_host     := net core
BELOW_world    := nat host net core
BELOW_trace    := world nat host net core
BELOW_scenario := world nat host net core
BELOW_study    := scenario world nat host net core
BELOW_report   := study scenario trace world nat host net core

LIBS_trace     := -lpcap -lz -lzstd
LIBS_scenario  := $(shell pkg-config --libs libfyaml 2>/dev/null || echo -lfyaml)
LIBS_study     := $(LIBS_scenario) $(shell pkg-config --libs sqlite3 2>/dev/null || echo -lsqlite3)
LIBS_report    := $(LIBS_study) $(LIBS_trace) -ljansson
LIBS_cli       := $(LIBS_report)

SRC_cli  := $(sort $(wildcard sim/cli/*.c))
HEADERS  := $(wildcard include/natpulse/*.h)
TESTS    := $(sort $(wildcard tests/*/test_*.c))

.PHONY: all test check demo install clean format $(FLOORS:%=test-%) test-cli test-oracle
PROGRAM := $(if $(filter 1,$(MPI)),$(B)/natpulse-mpi,$(B)/natpulse)
all: $(PROGRAM)

define floor
SRC_$(1) := $$(sort $$(wildcard sim/$(1)/*.c))
OBJ_$(1) := $$(SRC_$(1):%.c=$$(B)/%.o)
$$(B)/lib$(1).a: $$(OBJ_$(1))
	$$(call say,AR,$$(@F))
	$$(Q)rm -f $$@; $$(AR) rcs $$@ $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor,$(f))))

LIB := $(FLOORS:%=$(B)/lib%.a)

$(B)/natpulse: $(SRC_cli:%.c=$(B)/%.o) $(LIB)
	$(call say,LD,$(@F))
	$(Q)$(CC) $(LDFLAGS) -pthread -o $@ $^ $(LIBS_cli) -lm

# MPI is in one file; everything else is the same program.
$(B)/natpulse-mpi: $(B)/sim/study/ranks-mpi.o $(SRC_cli:%.c=$(B)/%.o) $(LIB)
	$(call say,LD,$(@F))
	$(Q)$(CC) $(LDFLAGS) -pthread -o $@ $^ $(LIBS_cli) $(shell $(MPICC) --showme:link) -lm
$(B)/sim/study/ranks-mpi.o: sim/study/ranks.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -DNP_MPI $(patsubst -I%,-isystem %,$(shell $(MPICC) --showme:compile)) -MMD -MP -c -o $@ $<

$(B)/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# ---- tests: tests/FLOOR/test_X.c is one program, linked with its floor and those below ----
define floor_tests
T_$(1) := $$(patsubst %.c,$$(B)/%,$$(sort $$(wildcard tests/$(1)/test_*.c)))
$$(T_$(1)): $$(B)/tests/$(1)/%: $$(B)/tests/$(1)/%.o $$(B)/lib$(1).a $$(BELOW_$(1):%=$$(B)/lib%.a)
	$$(call say,LD,$$(@F))
	$$(Q)$$(CC) $$(LDFLAGS) -pthread -o $$@ $$^ $$(LIBS_$(1)) -lcmocka -lm
test-$(1): $$(T_$(1))
	$$(Q)scripts/run-tests $$^
endef
$(foreach f,$(FLOORS),$(eval $(call floor_tests,$(f))))

# Tests of the whole: closed forms, the command line.
T_whole := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/oracle/test_*.c tests/cli/test_*.c)))
$(T_whole): $(B)/%: $(B)/%.o $(LIB)
	$(call say,LD,$(@F))
	$(Q)$(CC) $(LDFLAGS) -pthread -o $@ $^ $(LIBS_cli) -lcmocka -lm
test-cli: $(filter $(B)/tests/cli/%,$(T_whole)) $(B)/natpulse
	$(Q)NATPULSE=$(B)/natpulse scripts/run-tests $(filter $(B)/tests/cli/%,$(T_whole)) $(wildcard tests/cli/*.sh)
test-oracle: $(filter $(B)/tests/oracle/%,$(T_whole))
	$(Q)scripts/run-tests $^

.PHONY: tests
# The simulator held against the kernel of this machine; skipped, with the reason, where namespaces cannot be made.
.PHONY: test-kernel
test-kernel: $(B)/natpulse
	$(Q)NATPULSE=$(B)/natpulse B=$(B) CC='$(CC)' scripts/run-tests $(sort $(wildcard tests/kernel/test_*.sh))

# Takes over what tests/golden/test_golden.sh and tests/conformance/test_rules.sh find changed, and shows it.
.PHONY: golden-update
golden-update: $(B)/natpulse
	$(Q)NATPULSE=$(B)/natpulse NP_GOLDEN=update sh tests/golden/test_golden.sh
	$(Q)NATPULSE=$(B)/natpulse NP_GOLDEN=update sh tests/conformance/test_rules.sh

ALL_TESTS := $(foreach f,$(FLOORS),$(T_$(f))) $(T_whole)
SH_TESTS  := $(sort $(wildcard tests/*/*.sh))
tests: $(ALL_TESTS)
test: $(B)/natpulse $(ALL_TESTS)
	$(Q)NATPULSE=$(B)/natpulse B=$(B) CC='$(CC)' scripts/run-tests $(ALL_TESTS) $(SH_TESTS)
check: test

# ---- fuzzing: tests/fuzz/fuzz_X.c is one libFuzzer target, linked with every floor; `make test` runs each briefly ----
FUZZ_CC      ?= clang
FUZZ_SECONDS ?= 600
FUZZ_FLAGS   := $(STD) $(SAME) -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all -Iinclude -pthread
FUZZERS      := $(patsubst %.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_OBJ     := $(foreach f,$(FLOORS),$(SRC_$(f):%.c=$(B)/fuzz/%.o))
$(B)/fuzz/%.o: %.c Makefile
	$(call say,FUZZCC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=address,undefined,fuzzer-no-link -MMD -MP -c -o $@ $<
$(FUZZERS): %: %.o $(FUZZ_OBJ)
	$(call say,FUZZLD,$(@F))
	$(Q)$(FUZZ_CC) -fsanitize=address,undefined,fuzzer -pthread -o $@ $^ $(LIBS_cli) -lm
.PHONY: fuzzers fuzz
fuzzers: $(FUZZERS)
# FUZZ_SECONDS each; what is found stays beside the target, the inputs that led there in its corpus.
fuzz: $(FUZZERS)
	$(Q)for f in $^; do tests/fuzz/seeds $$f $$f.corpus && $$f -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$$f. $$f.corpus || exit 1; done

demo: $(B)/natpulse
	$(Q)NATPULSE=$(B)/natpulse scripts/demo --built

MAN := sim/cli/natpulse.1
RULES := $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard tests/conformance/*/*.rule)))))
install: $(PROGRAM)
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/natpulse' '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/natpulse'
	cp -R scenarios scripts/plot '$(DESTDIR)$(PREFIX)/share/natpulse/'
	for d in $(RULES); do \
	    install -d '$(DESTDIR)$(PREFIX)/share/natpulse/'conformance/$$d && \
	    install -m 644 tests/conformance/$$d/*.rule '$(DESTDIR)$(PREFIX)/share/natpulse/'conformance/$$d || exit 1; done
	install -m 644 $(MAN) '$(DESTDIR)$(PREFIX)/share/man/man1/natpulse.1'
	install -d '$(DESTDIR)$(PREFIX)/share/bash-completion/completions'
	install -m 644 sim/cli/natpulse.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/natpulse'

# The library for other programs: one archive of all floors (plain objects, whatever the compiler that links it),
# its headers, and a file for pkg-config.
.PHONY: lib install-lib
PLAIN := $(B)/plain
lib:
	$(Q)$(MAKE) --no-print-directory LTO=0 B=$(PLAIN) $(PLAIN)/libnatpulse.a
$(B)/libnatpulse.a: $(foreach f,$(FLOORS),$(SRC_$(f):%.c=$(B)/%.o))
	$(call say,AR,$(@F))
	$(Q)rm -f $@; $(AR) rcs $@ $^
install-lib: lib
	install -d '$(DESTDIR)$(PREFIX)/lib/pkgconfig' '$(DESTDIR)$(PREFIX)/include/natpulse'
	install -m 644 $(PLAIN)/libnatpulse.a '$(DESTDIR)$(PREFIX)/lib/'
	install -m 644 $(HEADERS) '$(DESTDIR)$(PREFIX)/include/natpulse/'
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: natpulse' 'Description: simulates connections behind NAT boxes' \
	    'Version: $(VERSION)' 'Cflags: -I$${prefix}/include' 'Libs: -L$${prefix}/lib -lnatpulse $(LIBS_cli) -pthread -lm' \
	    >'$(DESTDIR)$(PREFIX)/lib/pkgconfig/natpulse.pc'

format:
	clang-format -i include/natpulse/*.h sim/*/*.[ch] tests/*/*.[ch]
clean:
	rm -rf build

-include $(shell test -d $(B) && find $(B) -name '*.d' 2>/dev/null)
.SECONDARY:
