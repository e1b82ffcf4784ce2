#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-2-Clause
# bats file for make doc: every page is there, and no link is broken.

setup()
{
	TOP=${TOP:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}
	command -v lowdown >/dev/null || skip "lowdown is not installed"
	[ -z "${SHMIF_SAN-}" ] || skip "the same as without sanitizers"
}

@test "HTML of all documents, in which all links lead somewhere" {
	"$TOP/mk/doc" "$BATS_TEST_TMPDIR/doc" 1.2.3
	cd "$BATS_TEST_TMPDIR/doc"
	grep -q 'shmif 1\.2\.3' index.html
	/usr/bin/python3 - "$TOP" <<-'END'
	import glob, html.parser, os, sys

	class Links(html.parser.HTMLParser):
	    def __init__(self):
	        super().__init__()
	        self.links, self.ids, self.images = [], set(), []
	    def handle_starttag(self, tag, attrs):
	        a = dict(attrs)
	        if a.get("id"):
	            self.ids.add(a["id"])
	        if tag == "a" and a.get("href"):
	            self.links.append(a["href"])
	        if tag in ("img", "link"):
	            self.links.append(a.get("src") or a["href"])

	pages = {}
	for path in glob.glob("**/*.html", recursive=True):
	    pages[path] = Links()
	    pages[path].feed(open(path).read())
	bad = []
	for path, page in pages.items():
	    for link in page.links:
	        if link.startswith(("http:", "https:")):
	            continue
	        name, _, part = link.partition("#")
	        target = os.path.normpath(os.path.join(os.path.dirname(path),
	            name)) if name else path
	        if not os.path.exists(target):
	            bad.append((path, link))
	        elif part and target in pages and part not in pages[target].ids:
	            bad.append((path, link))
	index = pages["index.html"].links
	for page in glob.glob(sys.argv[1] + "/man?/*.[1-9]"):
	    if "man/%s.html" % os.path.basename(page) not in index:
	        bad.append(("index.html", page))
	for page in glob.glob(sys.argv[1] + "/docs/*.md"):
	    if os.path.basename(page)[:-3] + ".html" not in index:
	        bad.append(("index.html", page))
	print(bad)
	sys.exit(bool(bad) or len(pages) < 15)
	END
}
