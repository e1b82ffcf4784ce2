# SPDX-License-Identifier: BSD-2-Clause
# Installing, and taking away again.

PYTHON := $(wildcard python/shmbus/*.py)
# One file does for both.
COMPLETED := shmif_dumpbus shmif_pcapin
# Source that a program with an lwIP of its own compiles, and a simulator.
NETIFDIR := $(PREFIX)/share/shmif
# What Wireshark's button for help opens.
EXTCAP_HELP := $(NETIFDIR)/shmif_dumpbus.html
NETIF_SOURCE := stack/lwip/shmif_netif.c stack/lwip/shmif_netif.h \
	$(DRIVER_SRC) $(DRIVER_SRC:.c=.h)
MAN_INSTALLED := $(foreach p,$(MANPAGES),$(MANDIR)/$(p))
INSTALLED := $(BINS:$(BUILD)/bin/%=$(BINDIR)/%) \
	$(LIBS:$(BUILD)/lib/%=$(LIBDIR)/%) \
	$(addprefix $(INCLUDEDIR)/,$(notdir $(HEADERS))) \
	$(addprefix $(PKGCONFIGDIR)/,$(notdir $(PCFILES))) \
	$(EXTCAPDIR)/shmif $(EXTCAP_HELP) \
	$(addprefix $(NETIFDIR)/,$(notdir $(NETIF_SOURCE))) \
	$(addprefix $(VDEPLUGDIR)/,$(notdir $(VDEPLUG))) \
	$(addprefix $(COMPLETIONDIR)/,$(COMPLETED)) \
	$(PYTHON:python/%=$(PYTHONDIR)/%) \
	$(MAN_INSTALLED) \
	$(COMPLETIONS:ctl/%/bash-completion=$(COMPLETIONDIR)/%) \
	$(filter %/mstack %/shmif_wire %/shmif_top,$(TOOLS:%=$(COMPLETIONDIR)/%))

# lwIP's headers, with the options of this build, in a folder of their own.
LWIP_INSTALLED := $(if $(LWIP_TREE),$(INCLUDEDIR)/shmif-lwip)

# What is installed, without examples.
product: $(LIBS) $(VDEPLUG) $(BINS)

# Debian's packages, in build/deb; LINTIAN=0 leaves out what lintian says.
deb: | $(FIRST)
	@LWIP_DIR='$(abspath $(LWIP_TREE))' mk/deb '$(abspath $(BUILD))/deb' \
	    '$(VERSION)'

install: product
	$(INSTALL) -d $(addprefix $(DESTDIR),$(sort $(dir $(INSTALLED))))
	$(INSTALL) -m 755 $(BINS) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 $(filter %.1 %.a,$(LIBS)) $(DESTDIR)$(LIBDIR)
	cp -P $(filter %.so,$(LIBS)) $(DESTDIR)$(LIBDIR)
	$(if $(VDEPLUG),$(INSTALL) -m 644 $(VDEPLUG) $(DESTDIR)$(VDEPLUGDIR))
	$(INSTALL) -m 644 $(HEADERS) $(DESTDIR)$(INCLUDEDIR)
	$(INSTALL) -m 644 $(PYTHON) $(DESTDIR)$(PYTHONDIR)/shmbus
	$(INSTALL) -m 644 $(NETIF_SOURCE) $(DESTDIR)$(NETIFDIR)
ifneq ($(LWIP_TREE),)
	for d in stack/lwip/include $(LWIP_TREE)/src/include; do \
	    (cd $$d && find . -name '*.h' ! -path './compat/*' | \
		while read -r f; do \
		    mkdir -p "$(DESTDIR)$(LWIP_INSTALLED)/$${f%/*}" && \
		    $(INSTALL) -m 644 "$$f" \
			"$(DESTDIR)$(LWIP_INSTALLED)/$$f" || exit 1; \
		done) || exit 1; \
	done
	$(INSTALL) -m 644 $(LWIP_TREE)/COPYING $(DESTDIR)$(LWIP_INSTALLED)
endif
	for f in $(PCFILES); do \
	    sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' \
		-e 's|@MBEDTLS@|$(strip $(MBEDTLS))|' $$f.in \
		>$(DESTDIR)$(PKGCONFIGDIR)/$${f##*/} && \
	    chmod 644 $(DESTDIR)$(PKGCONFIGDIR)/$${f##*/} || exit 1; \
	done
	sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@HELP@|$(EXTCAP_HELP)|' \
	    dumpbus/extcap/shmif.in >$(DESTDIR)$(EXTCAPDIR)/shmif
	mandoc -T html man1/shmif_dumpbus.1 >$(DESTDIR)$(EXTCAP_HELP) \
	    2>/dev/null || { echo '<pre>'; cat man1/shmif_dumpbus.1; } \
	    >$(DESTDIR)$(EXTCAP_HELP)
	chmod 644 $(DESTDIR)$(EXTCAP_HELP)
	chmod 755 $(DESTDIR)$(EXTCAPDIR)/shmif
	for f in $(COMPLETED); do \
	    $(INSTALL) -m 644 dumpbus/completion/shmif_dumpbus \
		$(DESTDIR)$(COMPLETIONDIR)/$$f || exit 1; \
	done
	for f in $(MANPAGES); do \
	    $(INSTALL) -m 644 $$f $(DESTDIR)$(MANDIR)/$$f || exit 1; \
	done
	for f in $(COMPLETIONS); do \
	    g=$${f#*/}; $(INSTALL) -m 644 $$f \
		$(DESTDIR)$(COMPLETIONDIR)/$${g%/*} || exit 1; \
	done
	$(if $(filter mstack,$(TOOLS)),$(INSTALL) -m 644 mstack/bash-completion \
	    $(DESTDIR)$(COMPLETIONDIR)/mstack)
	$(if $(filter shmif_wire,$(TOOLS)),$(INSTALL) -m 644 wire/bash-completion \
	    $(DESTDIR)$(COMPLETIONDIR)/shmif_wire)
	$(if $(filter shmif_top,$(TOOLS)),$(INSTALL) -m 644 top/bash-completion \
	    $(DESTDIR)$(COMPLETIONDIR)/shmif_top)
# The loader knows /usr/local/lib by its cache only.
	if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	$(if $(LWIP_INSTALLED),rm -rf $(DESTDIR)$(LWIP_INSTALLED))
	if [ -z '$(DESTDIR)' ] && [ "$$(id -u)" = 0 ]; then ldconfig; fi
