# SPDX-License-Identifier: BSD-2-Clause
# The plug-in of libvdeplug.  What tells a loop is shmif_wire's.
VDE_SRC := vde/shmif.c vde/url.c wire/learn.c
