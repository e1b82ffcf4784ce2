# SPDX-License-Identifier: BSD-2-Clause
# Installing, and taking away again.

# A folder's name may have blanks in it, which separate words for make.  In the
# lists here SPACE stands for one; as() makes words of the shell of a list.
empty :=
space := $(empty) $(empty)
SPACE := @sp@
hide = $(subst $(space),$(SPACE),$(1))
as = $(foreach w,$(1),'$(subst $(SPACE),$(space),$(subst ','\'',$(w)))')
# The same, below DESTDIR.
to = $(call as,$(addprefix $(call hide,$(DESTDIR)),$(1)))
# TEXT as what sed replaces something by, between bars.
sed = $(subst ','\'',$(subst |,\|,$(subst &,\&,$(subst \,\\,$(1)))))

i_bin = $(call hide,$(BINDIR))
i_lib = $(call hide,$(LIBDIR))
i_include = $(call hide,$(INCLUDEDIR))
i_pc = $(call hide,$(PKGCONFIGDIR))
i_man = $(call hide,$(MANDIR))
i_extcap = $(call hide,$(EXTCAPDIR))
i_vdeplug = $(call hide,$(VDEPLUGDIR))
i_completion = $(call hide,$(COMPLETIONDIR))
i_python = $(call hide,$(PYTHONDIR))
# Source that a program with an lwIP of its own compiles, and a simulator.
NETIFDIR := $(PREFIX)/share/shmif
i_netif = $(call hide,$(NETIFDIR))

PYTHON := $(wildcard python/shmbus/*.py)
# One file does for both.
COMPLETED := shmif_dumpbus shmif_pcapin
# Those that have a file of their own, beside ctl/NAME/bash-completion.
COMPLETED_BY := $(filter mstack shmif_wire shmif_top,$(TOOLS))
completion_of = $(firstword $(wildcard $(1)/bash-completion \
	$(1:shmif_%=%)/bash-completion))
# What Wireshark's button for help opens.
EXTCAP_HELP := $(NETIFDIR)/shmif_dumpbus.html
i_help = $(call hide,$(EXTCAP_HELP))
NETIF_SOURCE := stack/lwip/shmif_netif.c stack/lwip/shmif_netif.h \
	$(DRIVER_SRC) $(DRIVER_SRC:.c=.h)
INSTALLED = $(BINS:$(BUILD)/bin/%=$(i_bin)/%) \
	$(LIBS:$(BUILD)/lib/%=$(i_lib)/%) \
	$(addprefix $(i_include)/,$(notdir $(HEADERS))) \
	$(addprefix $(i_pc)/,$(notdir $(PCFILES))) \
	$(i_extcap)/shmif $(i_help) \
	$(addprefix $(i_netif)/,$(notdir $(NETIF_SOURCE))) \
	$(addprefix $(i_vdeplug)/,$(notdir $(VDEPLUG))) \
	$(addprefix $(i_completion)/,$(COMPLETED) $(COMPLETED_BY)) \
	$(PYTHON:python/%=$(i_python)/%) \
	$(addprefix $(i_man)/,$(MANPAGES)) \
	$(COMPLETIONS:ctl/%/bash-completion=$(i_completion)/%)

# lwIP's headers, with the options of this build, in a folder of their own.
LWIP_INSTALLED = $(if $(LWIP_TREE),$(i_include)/shmif-lwip)

# What is installed, without examples.
product: $(LIBS) $(VDEPLUG) $(BINS)

# Debian's packages, in build/deb; LINTIAN=0 leaves out what lintian says.
deb: | $(FIRST)
	@LWIP_DIR='$(abspath $(LWIP_TREE))' mk/deb '$(abspath $(BUILD))/deb' \
	    '$(VERSION)'

deb_check: deb
	mk/deb_check '$(abspath $(BUILD))/deb'

install: product
	$(INSTALL) -d $(call to,$(sort $(dir $(INSTALLED))))
	$(INSTALL) -m 755 $(BINS) $(call to,$(i_bin))
	$(INSTALL) -m 644 $(filter %.1 %.a,$(LIBS)) $(call to,$(i_lib))
	cp -P $(filter %.so,$(LIBS)) $(call to,$(i_lib))
	$(if $(VDEPLUG),$(INSTALL) -m 644 $(VDEPLUG) $(call to,$(i_vdeplug)))
	$(INSTALL) -m 644 $(HEADERS) $(call to,$(i_include))
	$(INSTALL) -m 644 $(PYTHON) $(call to,$(i_python)/shmbus)
	$(INSTALL) -m 644 $(NETIF_SOURCE) $(call to,$(i_netif))
ifneq ($(LWIP_TREE),)
	to=$(call to,$(LWIP_INSTALLED)); \
	for d in stack/lwip/include $(LWIP_TREE)/src/include; do \
	    (cd $$d && find . -name '*.h' ! -path './compat/*' | \
		while read -r f; do \
		    mkdir -p "$$to/$${f%/*}" && \
		    $(INSTALL) -m 644 "$$f" "$$to/$$f" || exit 1; \
		done) || exit 1; \
	done
	$(INSTALL) -m 644 $(LWIP_TREE)/COPYING $(call to,$(LWIP_INSTALLED))
endif
	to=$(call to,$(i_pc)); \
	for f in $(PCFILES); do \
	    sed -e 's|@PREFIX@|$(call sed,$(PREFIX))|' \
		-e 's|@LIBDIR@|$(call sed,$(LIBDIR))|' \
		-e 's|@INCLUDEDIR@|$(call sed,$(INCLUDEDIR))|' \
		-e 's|@VERSION@|$(VERSION)|' \
		-e 's|@MBEDTLS@|$(strip $(MBEDTLS))|' $$f.in \
		>"$$to/$${f##*/}" && \
	    chmod 644 "$$to/$${f##*/}" || exit 1; \
	done
	sed -e 's|@BINDIR@|$(call sed,$(BINDIR))|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@HELP@|$(call sed,$(subst $(space),%20,$(EXTCAP_HELP)))|' \
	    dumpbus/extcap/shmif.in >$(call to,$(i_extcap)/shmif)
	mandoc -T html man1/shmif_dumpbus.1 >$(call to,$(i_help)) \
	    2>/dev/null || { echo '<pre>'; cat man1/shmif_dumpbus.1; } \
	    >$(call to,$(i_help))
	chmod 644 $(call to,$(i_help))
	chmod 755 $(call to,$(i_extcap)/shmif)
	for f in $(COMPLETED); do \
	    $(INSTALL) -m 644 dumpbus/completion/shmif_dumpbus \
		$(call to,$(i_completion))/$$f || exit 1; \
	done
	for f in $(MANPAGES); do \
	    $(INSTALL) -m 644 $$f $(call to,$(i_man))/$$f || exit 1; \
	done
	for f in $(COMPLETIONS); do \
	    g=$${f#*/}; $(INSTALL) -m 644 $$f \
		$(call to,$(i_completion))/$${g%/*} || exit 1; \
	done
	$(foreach c,$(COMPLETED_BY),$(INSTALL) -m 644 $(call completion_of,$(c)) \
	    $(call to,$(i_completion)/$(c)) &&) :
# The loader knows /usr/local/lib by its cache only.
	if [ -z '$(subst ','\'',$(DESTDIR))' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

uninstall:
	rm -f $(call to,$(INSTALLED))
	$(if $(LWIP_INSTALLED),rm -rf $(call to,$(LWIP_INSTALLED)))
	if [ -z '$(subst ','\'',$(DESTDIR))' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi
