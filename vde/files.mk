# SPDX-License-Identifier: BSD-2-Clause
# The plug-in of libvdeplug.
VDE_SRC := vde/shmif.c
