# SPDX-License-Identifier: BSD-2-Clause
# The documents as HTML, in build/doc: index.html leads to all of them.

doc: | $(FIRST)
	@mk/doc '$(abspath $(BUILD))/doc' '$(VERSION)'
